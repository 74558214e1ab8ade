"""What people decide about what is kept: only about what they have seen, and in the audit with who and when.

    item = decided(shelf, "an id", step, seen=the_mark_of_the_form, …)     # step: the item before ▸ the item after
    done_to(state, "alert", "an id")                                      # what people did to it, oldest first

A form carries the `mark` of what it showed. Where the item has another one by now, somebody else was there first: nothing is
done, and the message says what it is now. Without a mark nobody claims to have looked, and the state alone decides.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from floorline.errors import Changed, Missing
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State

Item = TypeVar("Item")


class Done(NamedTuple):
    """One thing that somebody did to an item: `what` is the action's last word, `note` what they said of it."""

    at: datetime
    by: str
    what: str
    note: str


def mark(*decided_on: object) -> str:
    """A short name of what people decide on of an item: another one where any of it is another."""
    return blake2b("\0".join(str(one) for one in decided_on).encode(errors="surrogatepass"), digest_size=6).hexdigest()


def decided(
    shelf: Shelf[Item],
    id_: str,
    step: Callable[[Item], Item],
    *,
    now: datetime,
    seen: str,
    mark_of: Callable[[Item], str],
    said: Callable[[Item], str],
    missing: str,
) -> Item:
    """The item after `step`, which raises what it does not allow. Missing (`missing`: what to say) where there is none,
    Changed where its mark is no longer `seen`; `said` says in a few words how it stands.
    """

    def change(kept: Item | None) -> Item:
        if kept is None:
            raise Missing(missing)
        if seen and mark_of(kept) != seen:
            raise Changed(
                f"{id_} changed since you looked at it: it is {said(kept)} now. Look at it again, then decide."
            )
        return step(kept)

    after = shelf.change(id_, change, now=now)
    assert after is not None, "no step removes anything"
    return after


def done_to(state: State, area: str, subject: str) -> list[Done]:
    """What people did to `subject`, by actions of `area` (`alert.note` is a note of the area alert), oldest first."""
    prefix = f"{area}."
    return [
        Done(one.at, one.actor, one.action.removeprefix(prefix), one.detail)
        for one in state.audited_of(subject)
        if one.action.startswith(prefix)
    ]
