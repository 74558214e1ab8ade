"""Users: the accounts of the dashboard, who is logged in, and what an admin may do about both."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from floorline.errors import BadInput
from floorline.web.access.account_page import WAYS
from floorline.web.access.agents import browser_of
from floorline.web.access.links import INVITATION_LIFETIME
from floorline.web.access.people import Account, email_of
from floorline.web.access.records import Records
from floorline.web.access.sessions import SHORT
from floorline.web.blocks import (
    About,
    AnyBlock,
    Card,
    Column,
    Facts,
    Field,
    Form,
    Forms,
    Link,
    Note,
    Shown,
    Snippet,
    Snippets,
    Table,
    Value,
)
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Params, Text, address
from floorline.web.view import Action, Deed, Done, Nothing, View
from floorline.web.who import ROLES, Role

PATH, ONE = "/users", "/users/{email}"
_ROLES = [(role, role) for role in ROLES]
_ACCOUNTS = (
    Column(name="email", title="E-mail", link=ONE),
    Column(name="role", title="Role", definition="user_role"),
    Column(name="state", title="State", definition="account_state"),
    Column(name="sessions", title="Sessions", unit="count"),
    Column(name="created_at", title="Made", unit="instant"),
    Column(name="changed_at", title="Changed", unit="instant", hidden=True),
)
_SESSIONS = (
    Column(name="user", title="Who"),
    Column(name="by", title="By"),
    Column(name="seen_at", title="Last used", unit="instant"),
    Column(name="begun_at", title="Logged in", unit="instant"),
    Column(name="address", title="From"),
    Column(name="agent", title="With"),
    Column(name="id", title="Id", unit="code", hidden=True),
)


class UserParams(Params, frozen=True, kw_only=True):
    """One account, by its e-mail address."""

    email: Text


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account for somebody who is invited to choose a password."""

    email: Annotated[Text, msgspec.Meta(min_length=3)]
    role: Role = "viewer"


class NewRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account may."""

    role: Role


# -- pages


def build(desk: Desk, params: Params) -> Shown:
    """Every account, and who is logged in."""
    del params
    records = Records.of(desk.state, desk.web)
    accounts, now = records.people.all(), desk.now()
    logged_in = Counter(one.user for one in records.sessions.all(now).values())
    return Shown(
        title="Users",
        lead="" if accounts else "Nobody has an account: the dashboard is for the owner of this machine.",
        about=_about(desk),
        blocks=[
            Table(
                name="users",
                title="Accounts",
                columns=_ACCOUNTS,
                rows=[_row(one, logged_in) for one in accounts.values()],
                empty="No account yet. Invite somebody below, or type `floorline users add`.",
            ),
            _invitation_form(),
            _session_table(records, now),
        ],
    )


def build_one(desk: Desk, params: UserParams) -> Shown:
    """One account."""
    records, now = Records.of(desk.state, desk.web), desk.now()
    account = _known(records, params.email)
    row = _row(account, Counter(one.user for one in records.sessions.all(now).values()))
    return Shown(
        title=account.email,
        about=_about(desk),
        blocks=[
            Facts(
                name="account",
                facts=[
                    Card(name="role", title="Role", value=row["role"], unit="text", definition="user_role"),
                    Card(name="state", title="State", value=row["state"], unit="text", definition="account_state"),
                    Card(name="sessions", title="Sessions", value=row["sessions"], unit="count"),
                    Card(name="made", title="Made", value=row["created_at"], unit="instant"),
                    Card(name="changed", title="Changed", value=row["changed_at"], unit="instant"),
                ],
            ),
            _role_form(account),
            Forms(name="changes", title="This account", forms=_changes(account)),
            _session_table(records, now, account.email),
        ],
    )


def _about(desk: Desk) -> About:
    return About(timezone=desk.ledger.timezone, as_of=desk.now())


def _row(account: Account, logged_in: Mapping[str, int]) -> dict[str, Value]:
    return {
        "email": account.email,
        "role": account.role,
        "state": account.standing,
        "sessions": logged_in.get(account.email, 0),
        "created_at": account.created_at,
        "changed_at": account.changed_at,
    }


def _session_table(records: Records, now: datetime, user: str = "") -> Table:
    return Table(
        name="sessions",
        title="Who is logged in",
        columns=_SESSIONS,
        rows=[
            {
                "user": one.user,
                "by": WAYS[one.kind],
                "seen_at": one.seen_at,
                "begun_at": one.begun_at,
                "address": one.address,
                "agent": browser_of(one.agent),
                "id": id_[:SHORT],
            }
            for id_, one in records.sessions.all(now).items()
            if user in {"", one.user}
        ],
        empty="Nobody is logged in.",
        form="/sessions/{id}/end",
        form_text="End",
    )


def _invitation_form() -> Form:
    return Form(
        name="invite",
        title="Invite somebody",
        action=PATH,
        submit="Make the account",
        rule="admin",
        fields=[
            Field(name="email", label="E-mail", kind="email", required=True),
            Field(name="role", label="Role", kind="choice", options=_ROLES, value="viewer"),
        ],
    )


def _role_form(account: Account) -> Form:
    return Form(
        name="role",
        title="What it may",
        action=address(f"{ONE}/role", email=account.email),
        submit="Give the role",
        rule="admin",
        fields=[Field(name="role", label="Role", kind="choice", options=_ROLES, value=account.role)],
    )


def _changes(account: Account) -> Sequence[Form]:
    def button(verb: str, submit: str, *, danger: bool = False) -> Form:
        action = address(f"{ONE}/{verb}", email=account.email)
        return Form(name=verb, action=action, submit=submit, rule="admin", danger=danger)

    if account.disabled_at is not None:
        standing = [button("enable", "Let them log in again")]
    else:
        standing = [button("invite", "Make an invitation link"), button("disable", "Disable", danger=True)]
    return [*standing, button("remove", "Remove", danger=True)]


# -- what is done


def add(desk: Desk, deed: Deed, body: NewUser) -> Done:
    """An account with an invitation, which is shown this once."""
    del deed
    records, now = Records.of(desk.state, desk.web), desk.now()
    try:
        account = records.people.add(email_of(body.email), body.role, "", now)
    except BadInput as error:
        raise Refused(400, "invalid", f"{error}") from error
    return _invited(desk, records, account, body.role)


def invite(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """Another invitation; the one before is good no more."""
    del body
    records = Records.of(desk.state, desk.web)
    account = _known(records, deed.names["email"])
    if account.disabled_at is not None:
        raise Refused(409, "state", f"{account.email} is disabled: let them log in again first")
    return _invited(desk, records, account, "")


def set_role(desk: Desk, deed: Deed, body: NewRole) -> Done:
    """Another role."""
    records, account = _others(desk, deed)
    records.people.set_role(account.email, body.role, desk.now())
    return _done(account, f"{account.email} is {body.role} now.", body.role)


def disable(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """Nobody logs in with it any more."""
    del body
    records, account = _others(desk, deed)
    records.people.disable(account.email, desk.now())
    return _done(account, f"{account.email} is disabled.")


def enable(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """As it was before."""
    del body
    records = Records.of(desk.state, desk.web)
    account = _known(records, deed.names["email"])
    records.people.enable(account.email, desk.now())
    return _done(account, f"{account.email} may log in again.")


def remove(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """Gone, but for what the audit says."""
    del body
    records, account = _others(desk, deed)
    records.people.remove(account.email, desk.now())
    said = f"{account.email} is removed."
    return Done(to=PATH, said=said, subject=account.email, document={"email": account.email})


def end_session(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """Its browser has to log in again."""
    del body
    records, now, wanted = Records.of(desk.state, desk.web), desk.now(), deed.names["id"]
    meant = [(id_, one) for id_, one in records.sessions.all(now).items() if id_.startswith(wanted)]
    if len(meant) != 1:
        raise Refused(404, "not_found", f"there is no session {wanted[:80]!r}: it may be over")
    ((id_, session),) = meant
    records.sessions.end(id_, now)
    said = f"The session of {session.user} is over."
    return Done(to=PATH, said=said, subject=session.user, detail=id_[:SHORT], document={"id": id_[:SHORT]})


def _known(records: Records, email: str) -> Account:
    found = records.people.get(email)
    if found is None:
        raise Refused(404, "not_found", f"there is no account {email[:80]!r}: /users has them")
    return found


def _others(desk: Desk, deed: Deed) -> tuple[Records, Account]:
    """The account, which must not be the one of whoever does it: nobody shuts the door behind themselves by mistake."""
    records = Records.of(desk.state, desk.web)
    account = _known(records, deed.names["email"])
    if account.email == deed.who.name:
        raise Refused(409, "own", f"{account.email} is your own account: another admin can do that")
    return records, account


def _done(account: Account, said: str, detail: str = "") -> Done:
    to = address(ONE, email=account.email)
    return Done(to=to, said=said, subject=account.email, detail=detail, document={"email": account.email})


def _invited(desk: Desk, records: Records, account: Account, detail: str) -> Done:
    text = records.links.make("invitation", desk.now(), user=account.email)
    base = desk.web.public_url or desk.state.setting("web.address") or ""
    link = f"{base}/invitation/{text}"
    blocks: list[AnyBlock] = [
        Snippets(name="invitation", snippets=[Snippet(title=f"Invitation of {account.email}", text=link)]),
        Note(
            name="next", kind="info",
            text=f"It works once, for {INVITATION_LIFETIME.days} days, and lets them choose a password. Send it to them yourself.",
            links=[Link(text="All users", to=PATH)],
        ),
    ]  # fmt: skip
    shown = Shown(
        title="Give them this link",
        lead="It is shown this once and kept nowhere.",
        about=_about(desk),
        blocks=blocks,
    )
    return Done(
        to=address(ONE, email=account.email),
        said=f"{account.email} is invited.",
        subject=account.email,
        detail=detail,
        document={"email": account.email, "invitation": link},
        shown=shown,
    )


VIEWS = (
    View(
        path=PATH, title="Users", group="Access", params=Params, build=build, rule="admin", fresh_s=0, windowed=False,
        said="The dashboard's accounts, and who is logged in",
    ),
    View(
        path=ONE, title="User", params=UserParams, build=build_one, rule="admin", fresh_s=0, windowed=False,
        said="One account of the dashboard",
    ),
)  # fmt: skip
ACTIONS = (
    Action(path=PATH, name="user.add", body=NewUser, run=add, rule="admin", status=201, said="Make an account, with a link that lets its owner choose a password"),
    Action(path=f"{ONE}/invite", name="user.invite", body=Nothing, run=invite, rule="admin", status=201, said="Make another such link"),
    Action(path=f"{ONE}/role", name="user.role", body=NewRole, run=set_role, rule="admin", said="Give an account another role"),
    Action(path=f"{ONE}/disable", name="user.disable", body=Nothing, run=disable, rule="admin", said="Let nobody log in with an account"),
    Action(path=f"{ONE}/enable", name="user.enable", body=Nothing, run=enable, rule="admin", said="Let its owner log in again"),
    Action(path=f"{ONE}/remove", name="user.remove", body=Nothing, run=remove, rule="admin", said="Remove an account"),
    Action(path="/sessions/{id}/end", name="session.revoke", body=Nothing, run=end_session, rule="admin", said="End a session"),
)  # fmt: skip
