"""How route rules come to where a call goes: each of them in turn, with what each of its comparisons went by."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from floorline.guardrails.condition import Subject, Term
from floorline.guardrails.routing import Routing, going, wanted

Came = Literal["counts", "would", "fails", "open", "after"]
"""What came of a rule: it counts; it holds and does not act on this call; it does not hold; it waits for a classifier or router that
nobody has asked; it comes after the one that counts.
"""


class SeenTerm(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison, what is known of what it compares ('' where nothing is), and whether it holds; None: nobody has asked yet."""

    term: str
    known: str
    holds: bool | None


class SeenRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, what came of it, and where it sends the call or would have, in words."""

    name: str
    came: Came
    why: str
    terms: tuple[SeenTerm, ...]


class Traced(msgspec.Struct, frozen=True, kw_only=True):
    """Every rule, and the classifier or router that must be asked before it is known which counts, '' where it is known."""

    rules: tuple[SeenRule, ...]
    wanted: str


def traced(of: Subject, routes: Sequence[Routing]) -> Traced:
    """The rules as the call meets them."""
    asks, seen = wanted(of, routes), list[SeenRule]()
    over = False
    for rule in routes:
        came, why = ("after", "") if over else _came(of, rule, asks)
        over = over or came in ("counts", "open")
        seen.append(
            SeenRule(name=rule.name, came=came, why=why, terms=tuple(_term(of, one) for one in rule.when.terms))
        )
    return Traced(rules=tuple(seen), wanted=asks)


def _came(of: Subject, rule: Routing, asks: str) -> tuple[Came, str]:
    terms = rule.when.terms
    if asks and any(one.label == asks for one in terms) and all(_asked(of, one) is not False for one in terms):
        return "open", ""
    if not rule.when.holds(of):
        return "fails", ""
    which, why = rule.arm(of.facts), going(rule, of.facts).why
    return ("counts", why) if which == "treated" else ("would", f"{why} ({which})")


def _term(of: Subject, term: Term) -> SeenTerm:
    known = term.known(of)
    return SeenTerm(term=str(term), known="" if known is None else str(known), holds=_asked(of, term))


def _asked(of: Subject, term: Term) -> bool | None:
    """Whether the comparison holds; None while nobody has asked its classifier or router."""
    return None if term.label and term.label not in of.labels else term.holds(of)
