"""When a rule holds: comparisons joined by `and`.

    when customer.cost_to_revenue > 0.8 and feature.criticality != high
    when call.header.x-tier in (gold | platinum) and time.hour >= 22

What is not known of a call or its customer (no revenue, too little evidence, a classifier that abstains) makes a comparison
false, never true.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

import msgspec

from floorline.guardrails.frame import Facts, Figures

Criticality = Literal["high", "normal", "low"]
CRITICALITIES: tuple[Criticality, ...] = get_args(Criticality)

Operator = Literal[">=", "<=", "!=", ">", "<", "=", "in", "not in"]
_TERM = re.compile(
    r"""\s*([a-z_]+(?:\.[\w-]+)*)\s*(>=|<=|!=|==|>|<|=|\bnot\s+in\b|\bin\b)\s*(\([^()]*\)|"[^"]*"|'[^']*'|[^\s()]+)"""
)
_AND = re.compile(r"\s+and\s+")
_LISTED = re.compile(r"""\s*("[^"]*"|'[^']*'|[^,|'"]+?)\s*(?:[,|]|$)""")
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?%?")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Subject(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a condition is about: the call, how critical its feature is, and what is known of its customer.

    `timezone` is whose clock times go by. `budget_used` is the largest share that is used of any of the call's budgets, None where it
    has none. `labels` is what classifiers and routers said, by `intent.<name>` and `router.<name>`; '' where one abstained.
    """

    facts: Facts
    criticality: Criticality
    figures: Figures | None
    timezone: str = "UTC"
    budget_used: Decimal | None = None
    labels: Mapping[str, str] = {}

    @cached_property
    def hour(self) -> int:
        """The hour of the day at which the call came."""
        return self.facts.at.astimezone(ZoneInfo(self.timezone)).hour

    @cached_property
    def weekday(self) -> str:
        """The day of the week on which it came."""
        return WEEKDAYS[self.facts.at.astimezone(ZoneInfo(self.timezone)).weekday()]


_NUMBERS: Mapping[str, Callable[[Subject], Decimal | int | None]] = {
    "customer.cost_to_revenue": lambda of: None if of.figures is None else of.figures.cost_to_revenue,
    "customer.cost_usd": lambda of: None if of.figures is None else of.figures.cost,
    "customer.revenue_usd": lambda of: None if of.figures is None else of.figures.revenue,
    "customer.calls": lambda of: None if of.figures is None else of.figures.calls,
    "budget.used": lambda of: of.budget_used,
    "call.input_tokens": lambda of: of.facts.input_tokens,
    "call.output_cap": lambda of: of.facts.output_cap,
    "time.hour": lambda of: of.hour,
}
_TEXTS: Mapping[str, Callable[[Subject], str]] = {
    "customer.name": lambda of: of.facts.customer,
    "customer.plan": lambda of: of.facts.plan,
    "feature.name": lambda of: of.facts.feature,
    "feature.criticality": lambda of: of.criticality,
    "call.model": lambda of: of.facts.model,
    "call.type": lambda of: of.facts.call_type,
    "call.workflow": lambda of: of.facts.workflow,
    "call.step": lambda of: of.facts.step,
    "call.environment": lambda of: of.facts.environment,
    "call.purpose": lambda of: of.facts.purpose,
    "time.day": lambda of: of.weekday,
}
_NAMED: Mapping[str, Callable[[Subject, str], str | None]] = {
    "customer.attribute": lambda of, name: of.facts.attributes.get(name, ""),
    "call.header": lambda of, name: of.facts.headers.get(name.lower(), ""),
    "call.metadata": lambda of, name: of.facts.metadata.get(name, ""),
    "intent": lambda of, name: of.labels.get(f"intent.{name}") or None,
    "router": lambda of, name: of.labels.get(f"router.{name}") or None,
}
"""Texts of which there are many: by the last part of the field."""

FIELDS = (*_NUMBERS, *_TEXTS, *[f"{name}.<name>" for name in _NAMED])
"""What a condition may name."""

OF_FIGURES = "customer.cost_to_revenue", "customer.cost_usd", "customer.revenue_usd", "customer.calls"
"""Fields that the ledger's figures of the customer answer."""

LABELS = ("intent", "router")


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison; `value` is a number for the fields that are numbers, else text, or for `in` several."""

    field: str
    operator: Operator
    value: Decimal | str | tuple[str, ...]

    @property
    def label(self) -> str:
        """The classifier or router that it asks, as `intent.<name>` or `router.<name>`; '' where it asks none."""
        return self.field if self.field.partition(".")[0] in LABELS else ""

    def known(self, of: Subject) -> Decimal | int | str | None:
        """What it compares; None for what is not known."""
        if self.field in _NUMBERS:
            return _NUMBERS[self.field](of)
        if self.field in _TEXTS:
            return _TEXTS[self.field](of)
        kind, _, name = self.field.rpartition(".")
        return _NAMED[kind](of, name)

    def holds(self, of: Subject) -> bool:
        """Whether it does; never for what is not known."""
        known = self.known(of)
        if known is None:
            return False
        if isinstance(self.value, Decimal):
            return _compare(known if isinstance(known, Decimal) else Decimal(known), self.operator, self.value)
        same = known in self.value if isinstance(self.value, tuple) else known == self.value
        return same is (self.operator in ("=", "in"))

    def __str__(self) -> str:
        value = self.value
        if isinstance(value, tuple):
            return f"{self.field} {self.operator} ({' | '.join(map(_quoted, value))})"
        return f"{self.field} {self.operator} {_quoted(value) if isinstance(value, str) else value}"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Terms that must all hold. `of_figures`: one of them asks what the ledger knows of the customer."""

    terms: tuple[Term, ...]

    @property
    def of_figures(self) -> bool:
        """Whether it can be answered only with the ledger's figures."""
        return any(term.field in OF_FIGURES for term in self.terms)

    def asks(self, kind: str) -> tuple[str, ...]:
        """The names below `kind` that its terms ask for: of headers, of intents."""
        return tuple([term.field.removeprefix(f"{kind}.") for term in self.terms if term.field.startswith(f"{kind}.")])

    def holds(self, of: Subject) -> bool:
        """Whether every term does."""
        return all(term.holds(of) for term in self.terms)

    def __str__(self) -> str:
        return " and ".join(map(str, self.terms))


ALWAYS = Condition(terms=())


def parse_condition(text: str) -> Condition:
    """The condition in `text`, with or without `when` before it. ValueError says what is wrong and what to write."""
    text = text.strip().removeprefix("when ").strip()
    terms: list[Term] = []
    position = 0
    while True:
        found = _TERM.match(text, position)
        joint = None if found is None else _AND.match(text, found.end())
        if found is None or (joint is None and found.end() < len(text)):
            part = _AND.split(text[position:])[0]
            listed = (
                " (between braces YAML ends a text at a comma: separate by |)"
                if part.count("(") > part.count(")")
                else ""
            )
            raise ValueError(f"{part!r} is no comparison: write it as customer.cost_to_revenue > 0.8{listed}")
        terms.append(_term(found[1], found[2], found[3]))
        if joint is None:
            return Condition(terms=tuple(terms))
        position = joint.end()


def _term(field: str, sign: str, word: str) -> Term:
    operator = cast("Operator", "=" if sign == "==" else " ".join(sign.split()))
    if field in _NUMBERS:
        return _of_number(field, operator, word)
    if field not in _TEXTS and field.rpartition(".")[0] not in _NAMED:
        raise ValueError(f"{field!r} is not known: one of {', '.join(FIELDS)}")
    if operator in ("in", "not in"):
        return Term(field=field, operator=operator, value=_checked(field, _listed(field, word)))
    if operator not in ("=", "!="):
        raise ValueError(f"{field} is text: compare it with = or !=, in or not in")
    return Term(field=field, operator=operator, value=_checked(field, (word.strip("'\""),))[0])


def _of_number(field: str, operator: Operator, word: str) -> Term:
    if operator in ("in", "not in"):
        raise ValueError(f"{field} is a number: compare it with >, >=, <, <=, = or !=")
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{field} is a number, and {word!r} is none: write 0.8 or 80%")
    value = Decimal(word.removesuffix("%"))
    return Term(field=field, operator=operator, value=value / 100 if word.endswith("%") else value)


def _listed(field: str, word: str) -> tuple[str, ...]:
    """The texts between brackets."""
    inner = word[1:-1].strip() if word.startswith("(") else ""
    found = [one[1].strip("'\"") for one in _LISTED.finditer(inner)]
    if not found or _LISTED.sub("", inner):
        raise ValueError(f"{field} is compared with {word!r}, which is no list: write it as {field} in (a | b)")
    return tuple(found)


_WORDS: Mapping[str, tuple[str, ...]] = {"feature.criticality": CRITICALITIES, "time.day": WEEKDAYS}
_ONE_OF = {"feature.criticality": "criticality", "time.day": "day of the week"}


def _checked(field: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """The words, each of those that the field can be."""
    for word in words:
        if field in _WORDS and word not in _WORDS[field]:
            raise ValueError(f"{word!r} is no {_ONE_OF[field]}: one of {', '.join(_WORDS[field])}")
    return words


def _quoted(word: str) -> str:
    """A text as it is written: in quotes where it would be read as more than one."""
    return word if re.fullmatch(r"[^\s(),|'\"]+", word) else f'"{word}"'


def _compare(known: Decimal, operator: Operator, value: Decimal) -> bool:
    match operator:
        case ">":
            return known > value
        case "<":
            return known < value
        case ">=":
            return known >= value
        case "<=":
            return known <= value
        case "=":
            return known == value
        case _:
            return known != value
