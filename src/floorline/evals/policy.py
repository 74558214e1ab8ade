"""What floorline.yaml says of a feature's evaluation."""

import msgspec

from floorline.evals.scorers import Normalised, Scorer

MARGIN = 0.05


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The set at `path` (as written, relative to floorline.yaml), what scores its answers, and how much worse is still as good: a
    share of the cases.
    """

    path: str = ""
    scorer: Scorer = Normalised()
    margin: float = MARGIN
