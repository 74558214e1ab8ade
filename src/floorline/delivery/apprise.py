"""Everything else, by an address of Apprise: Teams, Telegram, Discord, ntfy and a hundred more."""

from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any

from floorline.delivery.message import Message, headline
from floorline.delivery.picture import png
from floorline.delivery.route import UNSET, Answer

_TYPES = {"critical": "failure", "error": "failure", "warning": "warning", "info": "info"}
MISSING = "apprise is not installed: pip install 'floorline[apprise]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apprise:
    """One service, by its Apprise address."""

    url: str = field(repr=False)
    kind = "apprise"

    def send(self, message: Message, *, now: datetime) -> Answer:
        """Notify the service. Apprise tells no reason that could be trusted, so what failed is tried again."""
        del now
        if not self.url:
            return UNSET
        try:
            apprise: Any = import_module("apprise")  # an extra, and slow to load
            attachments: Any = import_module("apprise.attachment.memory")
        except ImportError:
            return Answer(outcome="later", words=MISSING)
        sender: Any = apprise.Apprise()
        if not sender.add(self.url):
            return Answer(outcome="later", words="it is no address that Apprise knows")
        picture = png(message.chart)
        taken = sender.notify(
            title=headline(message),
            body=_body(message),
            body_format=apprise.NotifyFormat.MARKDOWN,
            notify_type="success" if message.action == "resolve" else _TYPES[message.severity],
            attach=[attachments.AttachMemory(picture, name="chart.png", mimetype="image/png")] if picture else None,
        )
        if taken:
            return Answer(outcome="taken", words="Apprise sent it")
        return Answer(outcome="later", words=f"Apprise could not reach {self.url.partition(':')[0]}")


def _body(message: Message) -> str:
    fields = "\n".join(f"- **{name}**: {value}" for name, value in message.fields)
    link = f"[Look at it]({message.link})" if message.link else ""
    return "\n\n".join(part for part in (message.text, fields, link) if part) or headline(message)
