"""What is kept of evaluations: their figures, never what was asked or answered."""

from datetime import datetime
from typing import Literal

import msgspec

from floorline.evals.judging import Agreement
from floorline.evals.summary import Summary, Trust
from floorline.proof.bounds import upper

EVALUATIONS, JUDGES = "evaluation", "judge"
"""The shelves."""

EVALUATION = "evaluation"
"""The source of labels that come from evaluations."""

Asks = Literal["right", "better", "same"]
"""What a judge says: whether one answer is right, which of two is better, whether two are the same."""


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `digest` names the set's cases, `scorer` the kind that told right from wrong."""

    id: str
    at: datetime
    feature: str
    set: str
    digest: str
    scorer: str
    margin: float
    trust: Trust
    summary: Summary


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge's verdicts on a feature's answers agreed with people's."""

    at: datetime
    feature: str
    judge: str
    compare: bool
    same: bool = False
    digest: str
    agreement: Agreement

    @property
    def asks(self) -> Asks:
        """What it was asked."""
        return "same" if self.same else "better" if self.compare else "right"

    @property
    def error(self) -> float | None:
        """What its error may be at most, with 95 % confidence; None without a verdict. One that cannot be read is an error."""
        of = self.agreement.cases + self.agreement.unheard
        return upper(of - self.agreement.agreed, of) if of else None


def judge_id(feature: str, judge: str, asks: Asks) -> str:
    """The name of what is known of a judge."""
    return f"{feature} {judge} {'compare' if asks == 'better' else asks}"
