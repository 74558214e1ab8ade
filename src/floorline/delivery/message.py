"""What is sent: an alert's transition, or a report. Whoever makes one knows nothing of routes, routes nothing of rules.

`id` names one message for ever: the same again is not sent again. `dedupe_key` names what the messages are about (one
alert through all its transitions): of one key no message overtakes another, and a pager makes one incident of it.
"""

import hashlib
from datetime import UTC, datetime
from typing import Literal

import msgspec

Action = Literal["trigger", "worsen", "acknowledge", "resolve", "report"]
"""What an alert's message does (`worsen`: one that was triggered got worse), and a report, which is about no alert."""

Severity = Literal["critical", "error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning", "info")
"""The gravest first; the words are PagerDuty's."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `title` says what it is about, and not whether it got worse, is acknowledged or resolved: `action` does.

    `text` is Markdown: headings, lists, tables, **bold**, `code` and [links](https://…).
    `fields` are short names and values beside the text. `link` leads to where more can be seen. `html` is a whole
    self-contained page, for channels that take files. `chart` is a Vega-Lite specification with its data in it, and
    `chart_link` an address under which everybody who gets the message sees it as a picture.
    """

    id: str
    dedupe_key: str
    action: Action
    severity: Severity
    title: str
    text: str
    fields: tuple[tuple[str, str], ...] = ()
    link: str = ""
    html: str | None = None
    chart: dict[str, object] | None = None
    chart_link: str = ""
    at: datetime

    @property
    def digest(self) -> str:
        """The id in 32 hexadecimal digits, for receivers that take no other characters."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:32]

    @property
    def note(self) -> str:
        """How grave it is, and when it was, for the foot of what is shown."""
        return f"{self.severity}, {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_TOLD = {"worsen": "Worse: ", "acknowledge": "Acknowledged: ", "resolve": "Resolved: "}


def headline(message: Message) -> str:
    """The title in one line, after what happened to what it names; never empty."""
    return _TOLD.get(message.action, "") + (one_line(message.title) or message.id)


def one_line(text: str) -> str:
    """`text` without line breaks or control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cut(text: str, characters_max: int) -> str:
    """`text`, or its beginning and an ellipsis."""
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"
