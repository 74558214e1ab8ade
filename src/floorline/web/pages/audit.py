"""The audit: who did what, when, by whom and of what kind."""

from typing import Annotated

import msgspec

from floorline.web.blocks import About, Column, Field, Form, Shown, Table
from floorline.web.desk import Desk
from floorline.web.params import Params, Text, address
from floorline.web.view import View

ROWS_MAX = 100
PATH = "/audit"

_COLUMNS = (
    Column(name="at", title="When", unit="instant"),
    Column(name="actor", title="Who"),
    Column(name="action", title="What", unit="code", definition="audit_action"),
    Column(name="subject", title="To whom or what"),
    Column(name="detail", title="Why, how, or how much"),
    Column(name="number", title="Number", unit="count", hidden=True),
)


class AuditParams(Params, frozen=True, kw_only=True):
    """Which entries."""

    actor: Annotated[Text, msgspec.Meta(description="what this one did")] = ""
    action: Annotated[Text, msgspec.Meta(description="what was done, as `login`")] = ""
    before: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None,
        msgspec.Meta(description="entries before the one of this number"),
    ] = None


def build(desk: Desk, params: AuditParams) -> Shown:
    """The page: the latest entries first, so many at a time."""
    found = desk.state.lately_audited(ROWS_MAX + 1, before=params.before, actor=params.actor, action=params.action)
    shown = found[:ROWS_MAX]
    more = address(PATH, params, before=shown[-1][0]) if len(found) > ROWS_MAX else ""
    actors, actions = desk.state.audited_words()
    return Shown(
        title="Audit",
        about=About(timezone=desk.ledger.timezone, as_of=desk.now()),
        blocks=[
            Form(
                name="filter",
                action=PATH,
                submit="Show",
                method="get",
                rule="admin",
                fields=[
                    Field(name="actor", label="Who", kind="choice", value=params.actor, options=_choices("everyone", actors)),
                    Field(name="action", label="What", kind="choice", value=params.action, options=_choices("everything", actions)),
                ],
            ),
            Table(
                name="audit",
                columns=_COLUMNS,
                rows=[
                    {
                        "at": one.at,
                        "actor": one.actor,
                        "action": one.action,
                        "subject": one.subject,
                        "detail": one.detail,
                        "number": number,
                    }
                    for number, one in shown
                ],
                empty="Nothing of this kind was done.",
                cut=True,
                more=more,
            ),
        ],
    )  # fmt: skip


def _choices(everything: str, words: list[str]) -> list[tuple[str, str]]:
    return [("", everything), *((word, word) for word in words)]


VIEWS = (
    View(
        path=PATH, title="Audit", group="Access", params=AuditParams, build=build, rule="admin", fresh_s=0, windowed=False,
        said="Who did what: logins, accounts, tokens, keys, decisions",
    ),
)  # fmt: skip
