"""API tokens: what programs show to the API; making one, taking one back."""

from datetime import timedelta
from typing import Annotated

import msgspec

from floorline.errors import BadInput
from floorline.web.access.records import Records
from floorline.web.access.tokens import FEEDBACK, NAME_CHARACTERS_MAX, SCOPES, Scope
from floorline.web.blocks import About, Column, Field, Form, Link, Note, Shown, Snippet, Snippets, Table
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Params
from floorline.web.view import Action, Deed, Done, Nothing, View

PATH = "/tokens"
DAYS = 90
DAYS_MAX = 3_650

_COLUMNS = (
    Column(name="name", title="Name"),
    Column(name="scope", title="Scope", definition="token_scope"),
    Column(name="state", title="State"),
    Column(name="created_at", title="Made", unit="instant"),
    Column(name="created_by", title="By"),
    Column(name="expires", title="Expires"),
    Column(name="id", title="Id", unit="code"),
    Column(name="expires_at", title="Expires at", unit="instant", hidden=True),
    Column(name="good", title="Id while it is good", hidden=True),
)


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new token shall be. Without `expires_days` it does not expire."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
    scope: Scope = "read"
    expires_days: Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)] | None = None


def build(desk: Desk, params: Params) -> Shown:
    """The page."""
    del params
    tokens, now = Records.of(desk.state, desk.web).tokens.all(), desk.now()
    return Shown(
        title="API tokens",
        about=About(timezone=desk.ledger.timezone, as_of=now),
        blocks=[
            Table(
                name="tokens",
                columns=_COLUMNS,
                rows=[
                    {
                        "name": one.name,
                        "scope": one.scope,
                        "state": one.standing(now),
                        "created_at": one.created_at,
                        "created_by": one.created_by,
                        "expires": f"{one.expires_at:%-d %b %Y}" if one.expires_at else "never",
                        "id": id_,
                        "expires_at": one.expires_at,
                        "good": id_ if one.standing(now) == "good" else None,
                    }
                    for id_, one in reversed(list(tokens.items()))
                ],
                empty="No token yet: make one below, or with `floorline tokens create`.",
                note="A token's text is shown once, when it is made; what is kept is its hash.",
                form="/tokens/{good}/revoke",
                form_text="Revoke",
            ),
            Form(
                name="new",
                title="Make a token",
                action=PATH,
                submit="Make the token",
                rule="admin",
                fields=[
                    Field(name="name", label="Name: who or what will use it", required=True),
                    Field(name="scope", label="Scope", kind="choice", options=[(one, f"{one} alone" if one == FEEDBACK else f"{one}, as {role}") for one, role in SCOPES.items()]),
                    Field(name="expires_days", label="Expires in days, never when empty", kind="number", value=str(DAYS)),
                ],
            ),
        ],
    )  # fmt: skip


def create(desk: Desk, deed: Deed, body: NewToken) -> Done:
    """A new token, whose text is in this answer and nowhere else."""
    now = desk.now()
    until = None if body.expires_days is None else now + timedelta(days=body.expires_days)
    try:
        issued = Records.of(desk.state, desk.web).tokens.create(body.name, body.scope, until, by=deed.who.name, now=now)
    except BadInput as error:
        raise Refused(400, "invalid", f"{error}") from error
    name = issued.token.name
    shown = Shown(
        title="Keep this token now",
        lead=f"{name} may {body.scope}. Its text is shown this once and kept nowhere.",
        about=About(timezone=desk.ledger.timezone, as_of=now),
        blocks=[
            Snippets(name="token", snippets=[Snippet(title=f"{name} ({issued.id})", text=issued.text)]),
            Note(name="next", kind="info", text="A program sends it as `Authorization: Bearer …`.", links=[Link(text="All tokens", to=PATH)]),
        ],
    )  # fmt: skip
    document = {"id": issued.id, "token": issued.text, "expires_at": until.isoformat() if until else None}
    return Done(
        to=PATH,
        said=f"{name} has a token.",
        subject=issued.id,
        detail=f"{name}, {body.scope}",
        document=document,
        shown=shown,
    )


def revoke(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """The token is refused from the next request on."""
    del body
    id_ = deed.names["id"]
    try:
        token = Records.of(desk.state, desk.web).tokens.revoke(id_, desk.now())
    except BadInput as error:
        raise Refused(404, "not_found", f"{error}") from error
    return Done(to=PATH, said=f"{token.name} is revoked.", subject=id_, detail=token.name, document={"id": id_})


VIEWS = (
    View(
        path=PATH, title="API tokens", group="Access", params=Params, build=build, rule="admin", fresh_s=0, windowed=False,
        said="Tokens for programs: their scopes, and until when they hold",
    ),
)  # fmt: skip
ACTIONS = (
    Action(path=PATH, name="token.create", body=NewToken, run=create, rule="admin", status=201, said="Make an API token"),
    Action(path="/tokens/{id}/revoke", name="token.revoke", body=Nothing, run=revoke, rule="admin", said="Take an API token back"),
)  # fmt: skip
