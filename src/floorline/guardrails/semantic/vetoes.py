"""Two questions that look alike and are never the same, however near their vectors are.

Each rule names one way in which near questions differ that no similarity tells: the encoder puts "5 USD to EUR" and "5 EUR to USD"
at 0.98. A veto costs a hit; a missing one costs a wrong answer, so they lean to the first.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile

from floorline.guardrails.semantic.lexicon import EXACT_ASKING, OPPOSITES, TURNED, TURNING, stem
from floorline.guardrails.semantic.question import Question

TEMPLATE_WORDS = 20
"""So many words in common at the beginning or the end make two questions near, whatever the rest of them asks."""

REST_LETTERS = 3
"""What two words must at least have in common after their beginnings."""


def veto(asked: Question, stored: Question) -> str:
    """Why `stored`'s answer is none to `asked`, in words for a record; '' when nothing speaks against it."""
    return next((said for said, holds in VETOES.items() if holds(asked, stored)), "")


def _script(one: Question, other: Question) -> bool:
    return one.scripts != other.scripts


def _language(one: Question, other: Question) -> bool:
    return bool(one.language and other.language) and one.language != other.language


def _numbers(one: Question, other: Question) -> bool:
    return one.numbers != other.numbers


def _units(one: Question, other: Question) -> bool:
    return bool(one.measures and other.measures) and one.measures != other.measures


def _times(one: Question, other: Question) -> bool:
    return one.times != other.times


def _codes(one: Question, other: Question) -> bool:
    return one.codes != other.codes


def _quoted(one: Question, other: Question) -> bool:
    return one.quoted != other.quoted


def _names(one: Question, other: Question) -> bool:
    """A name of one that the other does not say at all, however it is written there."""
    return not (one.names <= _said(other) and other.names <= _said(one))


def _negation(one: Question, other: Question) -> bool:
    return one.negations % 2 != other.negations % 2


def _opposite(one: Question, other: Question) -> bool:
    mine, theirs = ({stem(word) for word in question.words} for question in (one, other))
    alone = [(first, second) for first in mine - theirs for second in theirs - mine]
    return any(second in OPPOSITES.get(first, ()) or _turned(first, second) for first, second in alone)


def _turned(one: str, other: str) -> bool:
    """Whether their beginnings alone make one word the other's opposite: paid and unpaid, import and export."""
    if one[-REST_LETTERS:] != other[-REST_LETTERS:]:
        return False
    shorter, longer = sorted((one, other), key=len)
    if any(longer == beginning + shorter for beginning in TURNING):
        return True
    return any(
        {one, other} == {first + rest, second + rest}
        for first, second in TURNED
        for rest in (one.removeprefix(first), one.removeprefix(second))
        if rest != one
    )


def _order(one: Question, other: Question) -> bool:
    """The same in another order that changes who does what: names, numbers, two things around a third, or who is asked for."""
    if Counter(one.content) == Counter(other.content) and one.content != other.content:
        return _exchanged(one.content, other.content) or "who" in (one.asks, other.asks)
    marked = one.names | one.numbers | one.codes
    shared = [word for word in one.words if word in marked and word in other.words]
    return [word for word in other.words if word in shared] != shared


def _exchanged(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two words have changed places across what stands between them: `dog bites man`. Neighbours do so harmlessly:
    `change the pin`, `a pin change`.
    """
    places = [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    return len(places) == 2 and places[1] - places[0] > 1


def _people(one: Question, other: Question) -> bool:
    """I pay you, you pay me."""
    return one.people != other.people and Counter(one.people) == Counter(other.people) and one.stems == other.stems


def _parts(one: Question, other: Question) -> bool:
    """The same things with other parts: from savings to checking, to savings from checking; dollars to euros, euros to dollars."""
    both = one.stems & other.stems
    mine = {(part, noun) for part, noun in one.parts - other.parts if noun in both}
    theirs = {part for part, noun in other.parts - one.parts if noun in both}
    return any(part in theirs for part, _ in mine)


def _passive(one: Question, other: Question) -> bool:
    return one.passive != other.passive and one.stems == other.stems


def _asking(one: Question, other: Question) -> bool:
    """The same subject, asked for another thing of it: when, where, who. How and what ask for the same as often as not."""
    return one.asks != other.asks and {one.asks, other.asks} <= EXACT_ASKING and one.stems == other.stems


def _template(one: Question, other: Question) -> bool:
    """They share a long beginning or end, and what is theirs alone is little beside it: a template with another filling."""
    if one.content == other.content:
        return False
    shared = max(_common(one.words, other.words), _common(one.words[::-1], other.words[::-1]))
    return shared >= TEMPLATE_WORDS


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _said(question: Question) -> frozenset[str]:
    return frozenset(question.words)


VETOES: Mapping[str, Callable[[Question, Question], bool]] = {
    "another script": _script,
    "another language": _language,
    "other numbers": _numbers,
    "other units": _units,
    "another time": _times,
    "another code": _codes,
    "other words in quotes": _quoted,
    "another name": _names,
    "one says not": _negation,
    "opposites": _opposite,
    "another order": _order,
    "other parts": _parts,
    "other people": _people,
    "another voice": _passive,
    "another question word": _asking,
    "only a template in common": _template,
}
"""Each with what a record says of it, in the order in which they are asked."""
