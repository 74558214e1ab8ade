"""What becomes of a call for which the semantic cache has found a near question's answer.

It is served only by certificate: labels of the feature's own traffic have shown, with confidence, that at most `false_hits_max`
of such answers are wrong. A share of what would be served is audited for ever: the model answers, and the pair becomes a label.
"""

from decimal import Decimal

import msgspec

from floorline.guardrails.cache import Partition
from floorline.guardrails.frame import OFF, Evidence, Facts, Setting, Verdict
from floorline.money import ZERO

NAME = "semantic_cache"
AUDIT = "audit"
JUDGE_ERROR = 0.05
"""What a judge is taken to err by where nobody has measured it."""


class SemanticRule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the calls of one feature. Shares and errors are probabilities.

    `false_hits_max` is the share of served answers that may be wrong. `audit_ppm` of them, in millionths, stay with the model.
    A stored question below `similarity_min` is not looked at. `embedder` names one of `gateway.embedders`, '' is the lexical one; `judge`
    the model that compares two answers where comparing their texts does not tell, '' for none, and `judge_error` what it was
    measured to err by. Calls that state more than `temperature_max` are passed by.
    """

    setting: Setting = OFF
    partition: Partition = "customer"
    false_hits_max: float = 0.02
    audit_ppm: int = 100_000
    similarity_min: float = 0.8
    embedder: str = ""
    judge: str = ""
    judge_error: float = JUDGE_ERROR
    ttl_s: int = 86_400
    temperature_max: Decimal = ZERO
    entry_bytes_max: int = 1 << 20
    entries_max: int = 20_000


def hit(verdict: Verdict) -> bool:
    """Whether the call is answered from here."""
    return verdict.action == "hit" and verdict.touches[-1].guardrail == NAME


def audited(verdict: Verdict) -> bool:
    """Whether the call would have been a hit, and goes to its model so that the two answers are compared."""
    return any(one.guardrail == NAME and one.arm == "treated" and one.action == AUDIT for one in verdict.touches)


def step(_facts: Facts, evidence: Evidence, _rule: SemanticRule, so_far: Verdict) -> Verdict:
    """Nothing is certified: nobody is served, and what stood near is noted."""
    near = evidence.semantic
    if near is None or near.state != "near":
        return so_far
    said = f"{NAME}: a stored question is {near.similarity:.2f} alike"
    said = f"{said}, and not the same: {near.veto}" if near.veto else f"{said}; not certified"
    return msgspec.structs.replace(so_far, reasons=(*so_far.reasons, said))
