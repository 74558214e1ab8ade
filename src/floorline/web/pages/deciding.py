"""What the pages on which people decide have in common: the mark of what was seen, refusals in HTTP's words, the history of an item."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import msgspec

from floorline.errors import BadInput, Changed, Missing
from floorline.jobs.decisions import Done
from floorline.web.blocks import About, Event, Field, Timeline
from floorline.web.desk import Desk
from floorline.web.http import Refused

NAME_MAX, NOTE_MAX = 200, 2_000
Name = Annotated[str, msgspec.Meta(max_length=NAME_MAX)]
Words = Annotated[str, msgspec.Meta(max_length=NOTE_MAX)]
Mark = Annotated[str, msgspec.Meta(max_length=64, description="the mark of the item as it was shown: refused with 409 when it is another one by now; '' decides whatever it is")]  # fmt: skip


@contextmanager
def refusing() -> Generator[None]:
    """What jobs refuse, as HTTP says it: 404 for what is not there, 409 for what has changed or cannot go there, 400 for the rest."""
    try:
        yield
    except Missing as error:
        raise Refused(404, "not_found", str(error)) from error
    except Changed as error:
        raise Refused(409, "changed", str(error)) from error
    except BadInput as error:
        raise Refused(400, "invalid", str(error)) from error


def about(desk: Desk, *notes: str) -> About:
    """Of a page about what is kept, whatever the days."""
    return About(timezone=desk.ledger.timezone, as_of=desk.now(), notes=notes)


def seen(mark: str) -> Field:
    """The hidden field that says what the form showed."""
    return Field(name="seen", label="", kind="hidden", value=mark)


def note_field(label: str = "Note", *, required: bool = False, help_: str = "") -> Field:
    """A field for why."""
    return Field(name="note", label=label, kind="text", required=required, help=help_)


def choice(name: str, label: str, value: str, names: Iterable[str], words: Mapping[str, str] | None = None) -> Field:
    """A filter: all, or one of `names` (`words`: what each is called); what is asked for is among them."""
    known = [*names, *([value] if value else [])]
    options = [("", "all"), *[(one, (words or {}).get(one, one)) for one in dict[str, None].fromkeys(known)]]
    return Field(name=name, label=label, kind="choice", value=value, options=options)


def history(events: Iterable[Done]) -> Timeline:
    """The audit trail of an item, the latest first."""
    return Timeline(
        name="history",
        title="Audit trail",
        events=[
            Event(at=one.at, title=one.note, kind=one.what, by=one.by or "Floorline") for one in reversed(list(events))
        ],
        empty="Nobody has decided anything yet.",
    )


def said(text: str) -> str:
    """A sentence that commands print, without the marks of code."""
    return text.replace("`", "")


def day_text(day: date | None) -> str:
    """A day, or that there is none: it is not unknown."""
    return f"{day:%-d %b %Y}".replace(" ", "\u00a0") if day is not None else "no day yet"
