"""`judge` and `judge_error` of a guardrail in floorline.yaml: who says what is right, and what is known of that."""

from collections.abc import Mapping

from floorline.config.reader import Value
from floorline.guardrails.trust import Judging


def read_judge(table: Mapping[str, Value], base: Judging) -> str:
    """The judge that `table` names, on top of `base`."""
    said = table["judge"].text() if "judge" in table else None
    return base.judge if said is None else said


def read_judge_error(table: Mapping[str, Value], base: Judging) -> float | None:  # float: a share of verdicts
    """What `table` states that judge to err by, None where nothing is stated of it: what `base` states of another judge says nothing."""
    share = table["judge_error"].share() if "judge_error" in table else None
    if share is not None:
        return float(share)  # float: as above
    return base.judge_error if read_judge(table, base) == base.judge else None
