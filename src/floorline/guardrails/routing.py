"""Route rules: which model serves a call, by what is known of it. The first rule that holds and acts counts.

    night batch   when time.hour >= 22 and call.workflow = batch   → gpt-4o-mini
    everything    always                                           → asked

A rule in shadow, or outside its canary's share, notes what it would have done, and those after it are asked: one that is put before
others to be tried changes nothing of what they do.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from floorline.events import Arm, Touch
from floorline.guardrails.condition import ALWAYS, Condition, Subject
from floorline.guardrails.frame import ENFORCE, Facts, Routed, Setting, Verdict, arm, touch
from floorline.money import ZERO

NAME = "route"
ASKED, CHEAPER = "asked", "cheaper"
"""Where a rule may send a call beside a model: where it asks to go, and to the cheaper model of `downgrade`."""


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """A call for which `when` holds goes `to` a model. `everyone`: the hold-out too, for what is no optimisation."""

    name: str
    when: Condition = ALWAYS
    to: str
    setting: Setting = ENFORCE
    everyone: bool = False

    @property
    def model(self) -> str:
        """The model that it names; '' where it names none."""
        return "" if self.to in (ASKED, CHEAPER) else self.to

    def arm(self, facts: Facts) -> Arm:
        """Whether it acts on the call, or why not."""
        if self.everyone and self.setting.mode == "enforce":
            return "treated"
        return arm(self.setting, NAME, facts)

    def __str__(self) -> str:
        return f"{self.name} ({self.when})" if self.when.terms else self.name


class Going(NamedTuple):
    """Where a rule would have a call go: the `model`, '' where it stays; `why` it does."""

    model: str
    why: str
    kind: Literal["moves", "stays", "cannot"]


def going(rule: Routing, facts: Facts) -> Going:
    """Where the rule, which holds, sends the call."""
    if rule.to == CHEAPER and not facts.cheaper:
        return Going("", f"{rule}: no cheaper model is named for {facts.model}, or the call may not go there", "cannot")
    model = facts.cheaper if rule.to == CHEAPER else facts.model if rule.to == ASKED else rule.to
    if model == facts.model:
        return Going("", f"{rule}: {model}, as asked", "stays")
    if rule.to != CHEAPER and model not in facts.reachable:
        return Going("", f"{rule}: {model} is nowhere that this call may go", "cannot")
    return Going(model, f"{rule}: {model} for {facts.model}", "moves")


def wanted(of: Subject, routes: Sequence[Routing]) -> str:
    """The classifier or router (`intent.<name>`, `router.<name>`) that must be asked before it is known which rule counts; '' when it
    is known. None is asked for a rule that something else rules out.
    """
    for rule in routes:
        unasked = [term.label for term in rule.when.terms if term.label and term.label not in of.labels]
        if not unasked:
            if rule.when.holds(of) and rule.arm(of.facts) == "treated":
                return ""
        elif all(term.holds(of) for term in rule.when.terms if term.label not in unasked):
            return unasked[0]
    return ""


def step(of: Subject, routed: Routed | None, routes: Sequence[Routing], so_far: Verdict) -> Verdict:
    """The verdict with what the first rule that holds and acts does; where none acts, with what the first that holds would have done."""
    if not of.facts.priced:
        return so_far
    if routed is not None:
        so_far = replace(so_far, reasons=(*so_far.reasons, *[f"{NAME}: {said}" for said in routed.said]))
    would: tuple[Touch, str, str] | None = None
    for rule in routes:
        if not rule.when.holds(of):
            continue
        there, which = going(rule, of.facts), rule.arm(of.facts)
        if which == "treated":
            return _acted(rule, there, routed, _noted(would, so_far))
        if there.kind == "moves" and would is None:
            would = (_touch(rule, which, routed), there.model, rule.name)
    if would is not None:
        return replace(so_far, touches=(*so_far.touches, would[0]), moves={**so_far.moves, NAME: would[1]})
    return _asked_for_nothing(routed, so_far)


def _acted(rule: Routing, there: Going, routed: Routed | None, so_far: Verdict) -> Verdict:
    so_far = replace(
        so_far,
        reasons=(*so_far.reasons, f"{NAME}: {there.why}"),
        headers=(*so_far.headers, (NAME, rule.name)),
    )
    if there.kind != "moves":
        return _asked_for_nothing(routed, so_far)
    return replace(
        so_far,
        model=there.model,
        moves={**so_far.moves, NAME: there.model},
        touches=(*so_far.touches, _touch(rule, "treated", routed)),
    )


def _noted(would: tuple[Touch, str, str] | None, so_far: Verdict) -> Verdict:
    """A touch is of the rule that acts: what one before it would have done is said in words."""
    if would is None:
        return so_far
    one, model, name = would
    return replace(so_far, reasons=(*so_far.reasons, f"{NAME}: {name} ({one.arm}) would have sent it to {model}"))


def _touch(rule: Routing, which: Arm, routed: Routed | None) -> Touch:
    return touch(rule.setting, NAME, which, "route", cost=ZERO if routed is None else routed.cost)


def _asked_for_nothing(routed: Routed | None, so_far: Verdict) -> Verdict:
    """What was paid to find out where a call goes stands on it though it stays where it was."""
    if routed is None or not routed.cost:
        return so_far
    spent = touch(ENFORCE, NAME, "treated", "stay", saved=ZERO, cost=routed.cost)
    return replace(so_far, touches=(*so_far.touches, spent))
