"""What becomes of an opportunity: found again, decided on, moved, shipped. Each function gives the item as it is then."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec import structs

from floorline.backlog.model import NEXT, OPEN, Opportunity, State, Step
from floorline.errors import BadInput, Changed

QUIET = timedelta(days=90)
"""How long a rejected opportunity is not proposed again, unless the rejection says otherwise."""

_EARLIEST = timedelta(days=-1)
"""The day of whoever ships may have begun already where UTC's has not."""

_MEASURED_DAYS_MAX = 731
_DOLLARS_MAX = Decimal(10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What somebody decides on an item, and when; '' and None leave what is there. `shipped_on` is the day from which all traffic has
    it, `quiet` how long a rejected one is not proposed again.
    """

    by: str
    at: datetime
    note: str = ""
    owner: str = ""
    deadline: date | None = None
    shipped_on: date | None = None
    quiet: timedelta = QUIET


def again(kept: Opportunity | None, found: Opportunity) -> Opportunity:
    """What is kept of an opportunity that was found, and may be there already: its estimate is of now, what people decided
    stays. What is shipped or measured keeps its figures too; what was rejected is proposed again once its time is over.
    """
    if kept is None:
        return found
    if kept.state in {"shipped", "measured"}:
        return kept
    if kept.state == "rejected":
        if kept.quiet_until is not None and found.seen_at.date() < kept.quiet_until:
            return kept
        back = Step(at=found.seen_at, actor="floorline", state="proposed", note="found again after its time")
        kept = structs.replace(kept, state="proposed", quiet_until=None, history=(*kept.history, back))
    return structs.replace(
        found,
        found_at=kept.found_at,
        state=kept.state,
        owner=kept.owner or found.owner,
        deadline=kept.deadline,
        promised=kept.promised,
        history=kept.history,
    )


def gone(kept: Opportunity, found_at: datetime) -> bool:
    """Whether an item that the finders no longer find is to be forgotten: nobody decided anything on it."""
    return kept.state == "proposed" and not kept.by_hand and not kept.history and kept.seen_at < found_at


def moved(item: Opportunity, to: State, ruling: Ruling) -> Opportunity:
    """The item in another state. Changed where it cannot go there, BadInput where a reason is missing.

    Accepting it keeps its estimate as the promise.
    """
    if to not in NEXT[item.state]:
        ways = ", ".join(NEXT[item.state]) or "nowhere"
        raise Changed(f"{item.id} is {item.state}: from there it goes to {ways}, not to {to}")
    if to == "rejected" and not ruling.note:
        raise BadInput(f"say why {item.id} is rejected: --reason")
    today, on = ruling.at.date(), ruling.shipped_on
    if on is not None and not _EARLIEST <= today - on <= timedelta(days=_MEASURED_DAYS_MAX):
        raise BadInput(f"{on} is no day to have shipped {item.id} on: say one that is past, of the last two years")
    promised = item.dollars_a_quarter if item.promised is None and to not in {"rejected", "proposed"} else item.promised
    shipped = {"shipped": on or today, "measured": item.shipped_on}.get(to)
    return structs.replace(
        item,
        state=to,
        owner=ruling.owner or item.owner,
        deadline=ruling.deadline or item.deadline,
        promised=promised,
        shipped_on=shipped,
        quiet_until=(ruling.at + ruling.quiet).date() if to == "rejected" else None,
        history=(*item.history, Step(at=ruling.at, actor=ruling.by, state=to, note=ruling.note)),
    )


def amended(item: Opportunity, ruling: Ruling) -> Opportunity:
    """The item, in the state it has, with another owner or deadline, or with a note alone. Changed where it is closed and is to be
    somebody's, BadInput where nothing is said.
    """
    owner, deadline, note = ruling.owner, ruling.deadline, ruling.note
    said = [*([f"owner {owner}"] if owner else []), *([f"by {deadline}"] if deadline else [])]
    if said and item.state not in OPEN:
        raise Changed(f"{item.id} is {item.state}: it is nobody's to do; move it back first")
    if not said and not note.strip():
        raise BadInput(f"say something of {item.id}: a note, an owner, or a day")
    words = ": ".join(part for part in (", ".join(said), note) if part)
    return structs.replace(
        item,
        owner=owner or item.owner,
        deadline=deadline or item.deadline,
        history=(*item.history, Step(at=ruling.at, actor=ruling.by, state=item.state, note=words)),
    )


def by_hand(item: Opportunity, *, actor: str, now: datetime) -> Opportunity:
    """An item that a person wrote, with its first line of history."""
    return structs.replace(item, history=(Step(at=now, actor=actor, state="proposed", note="added by hand"),))


def slug(title: str) -> str:
    """The id of an item that a person titled."""
    words = "".join(letter if letter.isalnum() else " " for letter in title.lower()).split()
    if not words:
        raise BadInput("a title needs at least one letter or digit")
    return f"by_hand:{'-'.join(words)[:60]}"


def checked(dollars: Decimal) -> Decimal:
    """An estimate that a person states. BadInput where it is no gain, or none that anybody could make."""
    if dollars <= 0:
        raise BadInput(f"{dollars.normalize():f} USD a quarter is no gain: state what it would bring")
    if dollars > _DOLLARS_MAX:
        raise BadInput(f"{dollars.normalize():f} USD a quarter is beyond any company: state what it would bring")
    return dollars
