"""Which model serves a call: rules over what its customer pays and costs, and the cheaper model for whom there is one.

A customer is judged by the running period: cost to date over what the whole period brings, and only once there is evidence,
so that the first days of a period punish nobody. Figures that are too old judge nobody either (`fail: open`), or stop the
calls that they should have judged (`closed`).
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from floorline.guardrails.condition import Condition, Criticality, Subject
from floorline.guardrails.frame import ENFORCE, Evidence, Facts, Figures, Refusal, Setting, Verdict, arm, touch
from floorline.guardrails.router import RouterRule
from floorline.guardrails.routing import Routing

NAME = "margin_rule"
Response = Literal["downgrade", "refuse", "warn"]
RESPONSES: tuple[Response, ...] = get_args(Response)
STALE_RETRY_S = 60


class MarginRule(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a call for which `when` holds."""

    name: str
    when: Condition
    do: Response
    setting: Setting = ENFORCE


class Evident(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What must be known of a customer's period before it is judged: so many calls, and so many days begun."""

    calls: int = 30
    days: int = 3

    @cached_property
    def age(self) -> timedelta:
        """How long ago the period must have begun."""
        return timedelta(days=max(self.days - 1, 0))


class RouteRule(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Route rules and then margin rules, of each the first that holds counts; and `cheaper`, the model to go to instead, by the model
    asked for. `routers` are the models that route rules may ask.

    `fail` says what is done when the figures are older than `stale_after_s`, `timezone` whose clock times of day go by.
    """

    routes: tuple[Routing, ...] = ()
    routers: Mapping[str, RouterRule] = {}
    margin: tuple[MarginRule, ...] = ()
    cheaper: Mapping[str, str] = {}
    criticality: Criticality = "normal"
    evident: Evident = Evident()
    stale_after_s: int = 3_600
    fail: Literal["open", "closed"] = "open"
    timezone: str = "UTC"

    @cached_property
    def stale_after(self) -> timedelta:
        """How old figures may be."""
        return timedelta(seconds=self.stale_after_s)

    @cached_property
    def asks_figures(self) -> bool:
        """Whether any rule goes by what the ledger knows of customers."""
        return any(rule.when.of_figures for rule in (*self.routes, *self.margin))

    @cached_property
    def asks_budgets(self) -> bool:
        """Whether any rule goes by how much of a budget is used."""
        return any(term.field == "budget.used" for rule in (*self.routes, *self.margin) for term in rule.when.terms)

    @cached_property
    def headers(self) -> frozenset[str]:
        """The headers that rules ask for, in lower case."""
        return frozenset(
            [name.lower() for rule in (*self.routes, *self.margin) for name in rule.when.asks("call.header")]
        )

    @cached_property
    def labels(self) -> frozenset[str]:
        """The classifiers and routers that route rules ask."""
        return frozenset([term.label for rule in self.routes for term in rule.when.terms]) - {""}

    @cached_property
    def destinations(self) -> frozenset[str]:
        """The models that route rules name."""
        return frozenset([rule.model for rule in self.routes]) - {""}


def subject_of(facts: Facts, evidence: Evidence, rule: RouteRule) -> Subject:
    """What conditions are about."""
    return Subject(
        facts=facts,
        criticality=rule.criticality,
        figures=None if evidence.stale else _evident(evidence.figures, rule.evident, facts),
        timezone=rule.timezone,
        budget_used=evidence.budget_used,
        labels={} if evidence.route is None else evidence.route.labels,
    )


def step(facts: Facts, evidence: Evidence, rule: RouteRule, so_far: Verdict) -> Verdict:
    """The verdict with what the first margin rule that holds does."""
    if not facts.priced or not (rule.margin or rule.asks_figures):
        return so_far
    stale = evidence.stale and rule.asks_figures
    if stale and rule.fail == "closed":
        return _stale_refusal(rule, so_far)
    if stale:
        so_far = _because(
            so_far, f"what customers pay and cost is older than {_ago(rule.stale_after_s)}: no rule went by it"
        )
    subject = subject_of(facts, evidence, rule)
    for one in rule.margin:
        if one.when.holds(subject):
            return _done(one, facts, subject.figures, so_far)
    return so_far


def downgraded(facts: Facts, name: str, setting: Setting, why: str, so_far: Verdict) -> Verdict:
    """The verdict with the call sent to its cheaper model, by the guardrail `name`. One that has none, or that an earlier
    guardrail has sent to another model, goes where it went.
    """
    if so_far.model:
        return so_far
    if not facts.cheaper:
        return _because(so_far, f"{why}, and no cheaper model is named for {facts.model}", name)
    which = arm(setting, name, facts)
    touches = (*so_far.touches, touch(setting, name, which, "downgrade"))
    so_far = replace(so_far, touches=touches, moves={**so_far.moves, name: facts.cheaper})
    if which != "treated":
        return so_far
    return _because(replace(so_far, model=facts.cheaper), f"{why}: {facts.cheaper} for {facts.model}", name)


def _done(rule: MarginRule, facts: Facts, figures: Figures | None, so_far: Verdict) -> Verdict:
    why = _why(rule, figures)
    if rule.do == "warn":
        return _because(so_far, why)
    if rule.do == "downgrade":
        return downgraded(facts, NAME, rule.setting, why, so_far)
    which = arm(rule.setting, NAME, facts)
    touches = (*so_far.touches, touch(rule.setting, NAME, which, "refuse"))
    if which != "treated":
        return replace(so_far, touches=touches)
    refusal = Refusal(
        status=402,
        kind="margin_rule",
        message=f"the rule {rule.name!r} does not admit this call: its operator can say why, and change the rule",
        details={"rule": rule.name},
    )
    return _because(replace(so_far, action="refuse", refusal=refusal, touches=touches), why)


def _why(rule: MarginRule, figures: Figures | None) -> str:
    """The rule, and the figure that it went by: rounded, because reasons are few words that many calls share."""
    if figures is None or not rule.when.of_figures:
        return f"{rule.name} ({rule.when})"
    share = figures.cost_to_revenue
    if share is None:
        return f"{rule.name} ({rule.when})"
    return f"{rule.name} ({rule.when}): its period has cost {share:.2f} of what it brings"


def _evident(figures: Figures | None, evident: Evident, facts: Facts) -> Figures | None:
    """The figures where there is enough to judge by."""
    if figures is None or figures.calls < evident.calls:
        return None
    return figures if facts.at - figures.since >= evident.age else None


def _stale_refusal(rule: RouteRule, so_far: Verdict) -> Verdict:
    refusal = Refusal(
        status=503,
        kind="figures_stale",
        message=f"what customers pay and cost is older than {_ago(rule.stale_after_s)}, and floorline.yaml says to stop "
        "then: see whether the control process runs",
        retry_after_s=STALE_RETRY_S,
    )
    return _because(replace(so_far, action="refuse", refusal=refusal), "figures are stale, and `fail` is closed")


def _because(so_far: Verdict, sentence: str, name: str = NAME) -> Verdict:
    return replace(so_far, reasons=(*so_far.reasons, f"{name}: {sentence}"))


def _ago(seconds: int) -> str:
    return (
        f"{seconds // 3600} h"
        if seconds % 3600 == 0
        else f"{seconds // 60} min"
        if seconds % 60 == 0
        else f"{seconds} s"
    )
