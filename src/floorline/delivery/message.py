"""What is sent: an alert's transition, or a report. Whoever makes one knows nothing of routes, routes nothing of rules.

`id` names one message for ever: the same again is not sent again. `dedupe_key` names what the messages are about (one
alert through all its transitions): of one key no message overtakes another, and a pager makes one incident of it.
"""

from datetime import datetime
from typing import Literal

import msgspec

Action = Literal["trigger", "acknowledge", "resolve", "report"]
Severity = Literal["critical", "error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning", "info")
"""The gravest first; the words are PagerDuty's."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `text` is Markdown: headings, lists, tables, **bold**, `code` and [links](https://…).

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
