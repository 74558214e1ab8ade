"""When a margin rule holds: comparisons joined by `and`.

    when customer.cost_to_revenue > 0.8 and feature.criticality != high

What is not known of a call or its customer (no revenue, too little evidence) makes a comparison false, never true.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal, cast, get_args

import msgspec

from floorline.guardrails.frame import Facts, Figures

Criticality = Literal["high", "normal", "low"]
CRITICALITIES: tuple[Criticality, ...] = get_args(Criticality)

Operator = Literal[">=", "<=", "!=", ">", "<", "="]
_TERM = re.compile(r"\s*([a-z_.]+)\s*(>=|<=|!=|==|>|<|=)\s*(\S+)\s*")
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?%?")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition is about: the call, how critical its feature is, and what is known of its customer."""

    facts: Facts
    criticality: Criticality
    figures: Figures | None


_NUMBERS: Mapping[str, Callable[[Subject], Decimal | int | None]] = {
    "customer.cost_to_revenue": lambda of: None if of.figures is None else of.figures.cost_to_revenue,
    "customer.cost_usd": lambda of: None if of.figures is None else of.figures.cost,
    "customer.revenue_usd": lambda of: None if of.figures is None else of.figures.revenue,
    "customer.calls": lambda of: None if of.figures is None else of.figures.calls,
    "call.input_tokens": lambda of: of.facts.input_tokens,
}
_TEXTS: Mapping[str, Callable[[Subject], str]] = {
    "customer.name": lambda of: of.facts.customer,
    "customer.plan": lambda of: of.facts.plan,
    "feature.name": lambda of: of.facts.feature,
    "feature.criticality": lambda of: of.criticality,
    "call.model": lambda of: of.facts.model,
    "call.type": lambda of: of.facts.call_type,
    "call.workflow": lambda of: of.facts.workflow,
}
FIELDS = (*_NUMBERS, *_TEXTS)
"""What a condition may name."""

OF_FIGURES = "customer.cost_to_revenue", "customer.cost_usd", "customer.revenue_usd", "customer.calls"
"""Fields that the ledger's figures of the customer answer."""


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison; `value` is a number for the fields that are numbers, else text."""

    field: str
    operator: Operator
    value: Decimal | str

    def holds(self, of: Subject) -> bool:
        """Whether it does; never for what is not known."""
        if isinstance(self.value, str):
            return (_TEXTS[self.field](of) == self.value) is (self.operator == "=")
        known = _NUMBERS[self.field](of)
        return known is not None and _compare(Decimal(known), self.operator, self.value)

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {self.value}"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Terms that must all hold. `of_figures`: one of them asks what the ledger knows of the customer."""

    terms: tuple[Term, ...]

    @property
    def of_figures(self) -> bool:
        """Whether it can be answered only with the ledger's figures."""
        return any(term.field in OF_FIGURES for term in self.terms)

    def holds(self, of: Subject) -> bool:
        """Whether every term does."""
        return all(term.holds(of) for term in self.terms)

    def __str__(self) -> str:
        return " and ".join(map(str, self.terms))


def parse_condition(text: str) -> Condition:
    """The condition in `text`, with or without `when` before it. ValueError says what is wrong and what to write."""
    parts = re.split(r"\s+and\s+", text.strip().removeprefix("when "))
    return Condition(terms=tuple(_term(part) for part in parts))


def _term(text: str) -> Term:
    parts = _TERM.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is no comparison: write it as customer.cost_to_revenue > 0.8")
    field, sign, word = parts[1], parts[2], parts[3]
    operator = cast("Operator", "=" if sign == "==" else sign)
    if field in _NUMBERS:
        if not _NUMBER.fullmatch(word):
            raise ValueError(f"{field} is a number, and {word!r} is none: write 0.8 or 80%")
        value = Decimal(word.removesuffix("%"))
        return Term(field=field, operator=operator, value=value / 100 if word.endswith("%") else value)
    if field not in _TEXTS:
        raise ValueError(f"{field!r} is not known: one of {', '.join(FIELDS)}")
    if operator not in ("=", "!="):
        raise ValueError(f"{field} is text: compare it with = or !=")
    word = word.strip("'\"")
    if field == "feature.criticality" and word not in CRITICALITIES:
        raise ValueError(f"{word!r} is no criticality: one of {', '.join(CRITICALITIES)}")
    return Term(field=field, operator=operator, value=word)


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
        case "!=":
            return known != value
