"""Certified routing's rule: which cheaper models are compared with the one asked for, and the bar that they must hold."""

from collections.abc import Mapping

import msgspec

from floorline.guardrails.frame import OFF, Setting
from floorline.guardrails.trust import JudgeError

NAME = "certified_route"


class CertifiedRule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one feature. `candidates` are by the model asked for, the cheapest first; one is adopted when its quality is shown to
    be at least `bar` of that model's. `sample_ppm` of the calls, in millionths, are put to a candidate too, to be compared; `judge` is
    the model that compares answers which are not the same by themselves, '' for none: they count as different; `judge_error` is the
    share of its verdicts that is stated to be wrong, None where nothing is, and `measured` what was measured of judges.

    `together`: the bar is held over all features that say so, not by each; a feature goes to the candidate where it loses least.
    `by_request`: a score of the single request may decide against its feature's certificate, once its own benefit is certified.
    """

    setting: Setting = OFF
    candidates: Mapping[str, tuple[str, ...]] = {}
    bar: float = 0.95
    sample_ppm: int = 20_000
    judge: str = ""
    judge_error: float | None = None
    measured: tuple[JudgeError, ...] = ()
    together: bool = False
    by_request: bool = False


def subject_of(candidate: str, asked: str) -> str:
    """What a certificate of a candidate is about."""
    return f"{candidate} for {asked}"


def subjects(candidates: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """What certificates of these candidates, by the model asked for, are about."""
    return frozenset([subject_of(one, asked) for asked, models in candidates.items() for one in models])
