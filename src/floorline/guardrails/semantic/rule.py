"""What becomes of a call for which the semantic cache has found a near question's answer.

It is served only by certificate: labels of the feature's own traffic have shown, with confidence, that at most `false_hits_max`
of such answers are wrong. A share of what would be served is audited for ever: the model answers, and the pair becomes a label.
"""

from decimal import Decimal
from typing import Literal

import msgspec
from msgspec.structs import replace

from floorline.guardrails.cache import Partition
from floorline.guardrails.frame import OFF, Evidence, Facts, Near, Setting, Verdict, arm, touch
from floorline.guardrails.semantic.scoring import score
from floorline.guardrails.trust import JudgeError
from floorline.money import ZERO
from floorline.proof.certificate import Certificate, Certificates

NAME = "semantic_cache"
KIND: Literal["semantic"] = "semantic"
"""What its labels and certificates are called."""

AUDIT = "audit"
CertifiedBy = Literal["feature", "customer"]


class SemanticRule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the calls of one feature. Shares and errors are probabilities.

    `false_hits_max` is the share of served answers that may be wrong, shown of the feature's calls together or (`certify`) of each customer's. `audit_ppm`
    of them, in millionths, stay with the model. A stored question below `similarity_min` is not looked at. `embedder` names one of
    `gateway.embedders`, '' is letters alone; `judge` the model that compares two answers where comparing their texts does not tell, '' for none, and
    `judge_error` what it is stated to err by, None where nothing is stated; `measured` is what was measured of judges. Calls that state more than `temperature_max` are passed by. `high_stakes`: somebody has said that
    it may serve a feature of high criticality.
    """

    setting: Setting = OFF
    partition: Partition = "customer"
    certify: CertifiedBy = "feature"
    false_hits_max: float = 0.02
    audit_ppm: int = 100_000
    similarity_min: float = 0.8
    embedder: str = ""
    judge: str = ""
    judge_error: float | None = None
    measured: tuple[JudgeError, ...] = ()
    ttl_s: int = 86_400
    temperature_max: Decimal = ZERO
    entry_bytes_max: int = 1 << 20
    entries_max: int = 20_000
    high_stakes: bool = False


def subject(rule: SemanticRule, facts: Facts) -> str:
    """Whose labels and certificate the call's are, beside its feature's."""
    return facts.customer if rule.certify == "customer" else ""


def found(rule: SemanticRule, facts: Facts, near: Near, certified: Certificates | None) -> Certificate | None:
    """The certificate that the call is under; one of another epoch is of questions that were compared in another way."""
    certificate = None if certified is None else certified.find(KIND, facts.feature, subject=subject(rule, facts))
    return certificate if certificate is not None and certificate.epoch == near.epoch else None


def is_labelled(rule: SemanticRule, near: Near, certificate: Certificate | None) -> bool:
    """Whether the model's answer to the call is to be compared with the stored one, where the model gives one.

    Each is, until there is a certificate to act by; from then on the share that is audited, of what would be served and of what would not alike: labels
    of both are then as many as there are such calls.
    """
    if near.state != "near" or near.veto:
        return False
    return certificate is None or not certificate.acts or near.draw < rule.audit_ppm


def hit(verdict: Verdict) -> bool:
    """Whether the call is answered from here."""
    return verdict.action == "hit" and verdict.touches[-1].guardrail == NAME


def audited(verdict: Verdict) -> bool:
    """Whether the call would have been a hit, and goes to its model so that the two answers are compared."""
    return any(one.guardrail == NAME and one.arm == "treated" and one.action == AUDIT for one in verdict.touches)


def step(facts: Facts, evidence: Evidence, rule: SemanticRule, so_far: Verdict) -> Verdict:
    """A near question's answer is a hit for the treated, by certificate, unless it is to be audited."""
    near = evidence.semantic
    if near is None or near.state != "near":
        return so_far
    alike = f"a stored question is {near.similarity:.2f} alike"
    if near.veto:
        return _because(so_far, f"{alike}, and not the same: {near.veto}")
    certificate = found(rule, facts, near, evidence.certified)
    if certificate is None or not certificate.acts or certificate.threshold is None:
        return _because(so_far, f"{alike}; {'nothing is certified' if certificate is None else certificate.state}")
    reached = score(certificate.weights, near.similarity, near.features)
    if reached < certificate.threshold:
        return _because(so_far, f"{alike}; its score of {reached:.2f} is below {certificate.threshold:.3f}")
    which = arm(rule.setting, NAME, facts)
    if which == "treated" and near.draw < rule.audit_ppm:
        touches = (*so_far.touches, touch(rule.setting, NAME, which, AUDIT, ZERO))
        return _because(replace(so_far, touches=touches), f"{alike}; audited")
    touches = (*so_far.touches, touch(rule.setting, NAME, which, "hit", near.avoided))
    if which != "treated":
        return replace(so_far, touches=touches)
    answered = f"answered with the answer of {near.age_s} s before to a question {near.similarity:.2f} alike"
    return _because(replace(so_far, action="hit", touches=touches), answered)


def _because(so_far: Verdict, sentence: str) -> Verdict:
    return replace(so_far, reasons=(*so_far.reasons, f"{NAME}: {sentence}"))
