"""An experiment's rule: a share of a feature's customers goes to another model, or is served otherwise by the application.

Whoever is treated follows from a hash of the experiment's name and the customer (else the user): the same for ever, and unrelated
to any other experiment. Calls that name neither are in none, nor are those of the hold-out, which every optimisation leaves alone.
The control is served as if there were no experiment.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from floorline.events import Label, LabelOrigin
from floorline.guardrails.frame import ENFORCE, Evidence, Facts, Verdict, position, touch
from floorline.proof.certificate import Certificates
from floorline.proof.labels import Place

GUARDRAIL = "experiment:"
"""Touches call an experiment by this and its name."""

HEADER = "experiment"
Metric = Literal["completed", "outcome", "feedback", "scorer"]
METRICS: tuple[Metric, ...] = get_args(Metric)
TREATMENT, CONTROL = "treatment", "control"
ORIGINS: dict[Metric, LabelOrigin] = {
    "completed": "exact", "outcome": "outcome", "feedback": "feedback", "scorer": "scorer",
}  # fmt: skip
"""Who says whether an answer was right, by the metric."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What is tried on the calls of one feature, of one `step` where it names one. `model` serves the treated, '' where the application
    itself does something else for them: the header `x-floorline-experiment` says whom.

    A unit (a customer, else a user) counts once, with the mean of its first `each` labels: what one customer says is alike. The
    treatment is to be worse by less than `margin`; one that is shown to be worse by more than `harm` is rolled back. `pairs` is
    the number of pairs of units after which it is decided once; 0: it may be decided at any time. `adopt`: once it is shown not
    to be worse everyone is treated.
    """

    name: str
    feature: str
    step: str = ""
    model: str = ""
    share_ppm: int = 500_000
    metric: Metric = "outcome"
    margin: float = 0.02
    harm: float = 0.02
    pairs: int = 0
    each: int = 1
    adopt: bool = False

    @cached_property
    def guardrail(self) -> str:
        """What its touches are called."""
        return GUARDRAIL + self.name

    @cached_property
    def place(self) -> Place:
        """What its certificate is about."""
        return Place("experiment", self.feature, self.step, self.name)

    @cached_property
    def epoch(self) -> str:
        """What its labels hold under: with another treatment, share or metric it is another experiment."""
        said = f"{self.model}\0{self.share_ppm}\0{self.metric}\0{self.each}"
        return blake2b(said.encode(), digest_size=8).hexdigest()

    def is_treated(self, unit: str) -> bool:
        """Whether the unit is in the treated share."""
        return position(self.guardrail, unit) < self.share_ppm


def step(facts: Facts, evidence: Evidence, experiments: Sequence[Experiment], so_far: Verdict) -> Verdict:
    """The verdict with the call in its arm of every experiment that is about it."""
    if facts.held_out or not facts.priced or not (facts.customer or facts.user):
        return so_far
    for one in experiments:
        if one.step in ("", facts.step):
            so_far = _assigned(one, facts, evidence.certified, so_far)
    return so_far


def _assigned(one: Experiment, facts: Facts, certified: Certificates | None, so_far: Verdict) -> Verdict:
    shown = None if certified is None else certified.find(*one.place)
    state = "" if shown is None or shown.epoch != one.epoch else shown.state
    if state in ("suspended", "refused"):  # rolled back: everyone is served as before
        return so_far
    if one.model and (one.model == facts.model or so_far.model or one.model not in facts.reachable):
        return so_far
    treated = one.is_treated(facts.unit) or (one.adopt and state == "certified")
    action = "route" if one.model else "told"
    touches = (*so_far.touches, touch(ENFORCE, one.guardrail, "treated" if treated else "holdout", action))
    said = (HEADER, f"{one.name}={TREATMENT if treated else CONTROL}")
    so_far = replace(so_far, touches=touches, headers=(*so_far.headers, said))
    if one.model:
        so_far = replace(so_far, moves={**so_far.moves, one.guardrail: one.model})
    if not treated or not one.model:
        return so_far
    reason = f"{HEADER}: {one.name}: {one.model} for {facts.model}"
    return replace(so_far, model=one.model, reasons=(*so_far.reasons, reason))


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was in an experiment: whose, which, and how it was served."""

    call_id: str
    customer: str
    user_id: str
    model: str
    treated: bool


def label(one: Experiment, subject: Subject, *, source: str, id_: str, at: datetime, right: bool) -> Label:
    """What is kept of the answer to a call of the experiment: whether it was a success."""
    return Label(
        source=source,
        id=f"{id_}:{one.guardrail}",
        at=at,
        kind="experiment",
        feature=one.feature,
        step=one.step,
        subject=one.name,
        arm=TREATMENT if subject.treated else CONTROL,
        customer=subject.customer,
        user_id=subject.user_id,
        call_id=subject.call_id,
        model=subject.model,
        right=right,
        served=True,
        origin=ORIGINS[one.metric],
        epoch=one.epoch,
    )
