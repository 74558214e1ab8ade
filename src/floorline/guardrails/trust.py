"""How far the labels of judges are believed: by what each judge was measured to err by, or by what floorline.yaml states of a rule's own.

A judge is asked other things by each guardrail: certified routing and cascades have it say which of two answers is better, the semantic
cache whether two are the same, evaluations whether one is right. Only what was measured of the same question counts. Of whom nothing is
known, nothing is believed: such labels carry no certificate. Labels that no judge made have no error of a judge.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from floorline.evals.kept import EVALUATION, Asks
from floorline.events import Label

_FLAGS: Mapping[Asks, str] = {"right": "", "better": " --compare", "same": " --same"}


class JudgeError(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge that is asked this errs by at most; None where nobody knows. `judge` is '' where its labels do not name it."""

    judge: str
    asks: Asks
    error: float | None


class Judging(Protocol):
    """A rule with a judge who says what is right."""

    @property
    def judge(self) -> str:
        """The model that judges; '' for none."""
        ...

    @property
    def judge_error(self) -> float | None:
        """The share of its verdicts that floorline.yaml states to be wrong; None where it states nothing."""
        ...

    @property
    def measured(self) -> Sequence[JudgeError]:
        """What was measured of judges on the feature's cases."""
        ...


def asks_of(label: Label) -> Asks:
    """What the judge of a label was asked."""
    if label.kind == "semantic":
        return "same"
    return "right" if label.source == EVALUATION else "better"


def least_known(rule: Judging, labels: Sequence[Label]) -> JudgeError | None:
    """The judge of these labels that is known least: one whose error nobody knows, else the one that errs most; None where no judge
    made any of them. A label that names no judge is taken to be of the rule's.
    """
    judges: set[tuple[str, Asks]] = {(one.judge or rule.judge, asks_of(one)) for one in labels if one.origin == "judge"}
    known = [JudgeError(judge=judge, asks=asks, error=_error(rule, judge, asks)) for judge, asks in sorted(judges)]
    return max(known, key=lambda one: (one.error is None, one.error or 0.0), default=None)


def unmeasured(one: JudgeError | None, feature: str) -> str:
    """Why the labels of a judge carry no certificate of the feature's: nobody knows its error. '' where somebody does."""
    if one is None or one.error is not None:
        return ""
    if not one.judge:
        return "the labels of a judge that they do not name carry no certificate: nobody knows its error"
    names = f"--feature {shlex.quote(feature)} --judge {shlex.quote(one.judge)}{_FLAGS[one.asks]}"
    return f"the labels of judge {one.judge} carry no certificate until its error is measured: `floorline eval judge {names}`"


def _error(rule: Judging, judge: str, asks: Asks) -> float | None:
    """The larger of what is measured and what is stated."""
    known = [one.error for one in rule.measured if (one.judge, one.asks) == (judge, asks) and one.error is not None]
    if judge and judge == rule.judge and rule.judge_error is not None:
        known.append(rule.judge_error)
    return max(known, default=None)
