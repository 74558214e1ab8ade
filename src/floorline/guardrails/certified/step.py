"""Which calls go to a cheaper model: those whose feature and step have a certificate for it, or whose own request has."""

from typing import TypeGuard

from msgspec.structs import replace

from floorline.guardrails.certified.rule import NAME, CertifiedRule, subject_of
from floorline.guardrails.frame import Evidence, Facts, Verdict, arm, touch
from floorline.proof.certificate import Certificate, Certificates
from floorline.proof.weights import value


def step(facts: Facts, evidence: Evidence, rule: CertifiedRule, so_far: Verdict) -> Verdict:
    """The verdict with the cheapest candidate that is certified for the call. A call that went elsewhere stays there."""
    if so_far.model or not facts.priced or evidence.certified is None:
        return so_far
    for candidate in rule.candidates.get(facts.model, ()):
        why = _why(candidate, facts, evidence, evidence.certified, rule.bar) if candidate in facts.reachable else ""
        if why:
            return _sent(candidate, why, facts, rule, so_far)
    return so_far


def _why(candidate: str, facts: Facts, evidence: Evidence, certified: Certificates, bar: float) -> str:
    """Why the candidate may serve the call; '' where it may not. A score that acts beats the certificate of its feature."""
    subject = subject_of(candidate, facts.model)
    score = certified.find("score", facts.feature, facts.step, subject)
    if _holds(score, bar) and score.weights is not None and evidence.complexity:
        enough = score.threshold is not None and value(score.weights, evidence.complexity) >= score.threshold
        return f"{candidate} for {facts.model}, certified for requests like this one" if enough else ""
    found = certified.find("route", facts.feature, facts.step, subject)
    return _said(candidate, facts, found) if _holds(found, bar) else ""


def _holds(found: Certificate | None, bar: float) -> TypeGuard[Certificate]:
    """Whether the certificate is in force, for at least the bar that is asked for now."""
    return found is not None and found.acts and found.budget >= bar


def _said(candidate: str, facts: Facts, found: Certificate) -> str:
    place = f"{facts.feature}, {facts.step}" if facts.step else facts.feature or "calls without a feature"
    return f"{candidate} for {facts.model}, certified for {place} by {found.labels} comparisons"


def _sent(candidate: str, why: str, facts: Facts, rule: CertifiedRule, so_far: Verdict) -> Verdict:
    which = arm(rule.setting, NAME, facts)
    so_far = replace(
        so_far,
        touches=(*so_far.touches, touch(rule.setting, NAME, which, "route")),
        moves={**so_far.moves, NAME: candidate},
    )
    if which != "treated":
        return so_far
    return replace(so_far, model=candidate, reasons=(*so_far.reasons, f"{NAME}: {why}"))
