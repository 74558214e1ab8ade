"""What somebody sees of their own account: who they are here, where they are logged in, and the way out."""

from datetime import datetime

from floorline.web.access.agents import browser_of
from floorline.web.access.passwords import PASSWORD_CHARACTERS_MIN
from floorline.web.access.records import Records
from floorline.web.access.sessions import SHORT
from floorline.web.blocks import About, AnyBlock, Card, Column, Facts, Field, Form, Forms, Note, Shown, Table
from floorline.web.who import Who

WAYS = {"link": "one-time link", "account": "password", "oidc": "identity provider"}

_COLUMNS = (
    Column(name="seen_at", title="Last used", unit="instant"),
    Column(name="begun_at", title="Logged in", unit="instant"),
    Column(name="by", title="By"),
    Column(name="address", title="From"),
    Column(name="agent", title="With"),
    Column(name="here", title="This one", unit="flag"),
    Column(name="id", title="Id", hidden=True),
)


def account_shown(records: Records, who: Who, now: datetime, timezone: str, *, problem: str = "") -> Shown:
    """The page. `problem` says why the password stays as it was."""
    account = records.people.get(who.name)
    blocks: list[AnyBlock] = [
        Facts(name="you", facts=_facts(who, account is not None)),
        _sessions(records, who, now),
    ]
    if account is not None:
        if problem:
            blocks.append(Note(name="problem", kind="wrong", text=problem))
        blocks.append(_password())
    if who.by_cookie:
        leaving = [Form(name="leave", action="/logout", submit="Log out", rule="viewer")]
        others = Form(
            name="others",
            action="/account/sessions/others/end",
            submit="Log out everywhere else",
            rule="viewer",
            danger=True,
        )
        blocks.append(Forms(name="leaving", title="Leave", forms=[*leaving, others]))
    return Shown(title="Your account", about=About(timezone=timezone, as_of=now), blocks=blocks)


def _facts(who: Who, account: bool) -> list[Card]:
    return [
        Card(name="name", title="Name", value=who.name, unit="text"),
        Card(name="role", title="Role", value=who.role, unit="text"),
        Card(name="account", title="Has a password here", value=account, unit="flag"),
    ]


def _sessions(records: Records, who: Who, now: datetime) -> Table:
    own = {id_: one for id_, one in records.sessions.all(now).items() if one.user == who.name}
    return Table(
        name="sessions",
        title="Where you are logged in",
        columns=_COLUMNS,
        rows=[
            {
                "seen_at": one.seen_at,
                "begun_at": one.begun_at,
                "by": WAYS[one.kind],
                "address": one.address,
                "agent": browser_of(one.agent),
                "here": id_ == who.session,
                "id": id_[:SHORT],
            }
            for id_, one in own.items()
        ],
        empty="Nowhere: a token has no sessions.",
        form="/account/sessions/{id}/end",
        form_text="Log out",
    )


def _password() -> Form:
    return Form(
        name="password",
        title="Another password, which ends every other session",
        action="/account/password",
        submit="Change it",
        rule="viewer",
        fields=[
            Field(name="password", label="The one you have now", kind="password", required=True),
            Field(
                name="new", label=f"New, at least {PASSWORD_CHARACTERS_MIN} characters", kind="password", required=True
            ),
            Field(name="new_again", label="New, once more", kind="password", required=True),
        ],
    )
