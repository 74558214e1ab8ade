"""The one place where calls are decided: a fixed order of guardrails, each of which may end it.

    policy → rate → exact cache → semantic cache → route → prompt → output → budget

Policy was asked when the call was admitted (`gateway/admission.py`): a call that it refuses never comes here. The budget comes
last because what it reserves is the worst case of everything decided before it: `decide` is asked without a denial first, the
shell reserves, and on a denial `decide` is asked once more with it.
"""

from floorline.guardrails import cache, compaction, output, route, routing
from floorline.guardrails.cascade import rule as cascade
from floorline.guardrails.certified import step as certified
from floorline.guardrails.experiments import rule as experiment
from floorline.guardrails.frame import FORWARD, Evidence, Facts, Verdict
from floorline.guardrails.rules import Rules
from floorline.guardrails.semantic import rule as semantic
from floorline.guardrails.spending import budget_step, cheaper_step, rate_step

ORDER = ("policy", "rate", "cache", "semantic_cache", "route", "prompt", "output", "budget")


def decide(facts: Facts, evidence: Evidence, rules: Rules) -> Verdict:
    """What is done with the call, and why."""
    verdict = rate_step(evidence, FORWARD)
    if verdict.action != "forward":
        return verdict
    verdict = _stored(facts, evidence, rules, verdict)
    if verdict.action == "hit":  # nothing goes to a provider: there is nothing to route, cap or reserve
        return verdict
    verdict = _routed(facts, evidence, rules, verdict)
    if verdict.action != "forward":
        return verdict
    if rules.compaction is not None:
        verdict = compaction.step(facts, evidence, rules.compaction, verdict)
    # prompt caching: where it is marked is known when its target is (`gateway/prefixing.py`)
    if rules.output is not None:
        verdict = output.cap_output(facts, rules.output, verdict)
    if rules.reasoning is not None:
        verdict = output.cap_reasoning(facts, rules.reasoning, verdict)
    return budget_step(facts, evidence, verdict)


def _stored(facts: Facts, evidence: Evidence, rules: Rules, verdict: Verdict) -> Verdict:
    """The verdict with the answer that the caches have: the same request's, else one's that asks the same."""
    if rules.cache is not None:
        verdict = cache.step(facts, evidence, rules.cache, verdict)
    if rules.semantic_cache is not None and verdict.action == "forward":
        verdict = semantic.step(facts, evidence, rules.semantic_cache, verdict)
    return verdict


def _routed(facts: Facts, evidence: Evidence, rules: Rules, verdict: Verdict) -> Verdict:
    """The verdict with the model that the call goes to: what is tried on it comes before what is ruled, that before what is certified, and
    a cascade is for those that nothing has sent elsewhere.
    """
    if rules.experiments:
        verdict = experiment.step(facts, evidence, rules.experiments, verdict)
    unruled, tried = verdict.headers, bool(verdict.model)
    if rules.route is not None and rules.route.routes and not tried:
        subject = route.subject_of(facts, evidence, rules.route)
        verdict = routing.step(subject, evidence.route, rules.route.routes, verdict)
    ruled = tried or verdict.headers != unruled
    if rules.certified_route is not None and not ruled:
        verdict = certified.step(facts, evidence, rules.certified_route, verdict)
    if rules.route is not None:
        verdict = route.step(facts, evidence, rules.route, verdict)
        if verdict.action != "forward":
            return verdict
    verdict = cheaper_step(facts, evidence, verdict)
    if rules.cascade is not None and not ruled:
        verdict = cascade.step(facts, evidence, rules.cascade, verdict)
    return verdict
