"""What a gateway would do with a call, found out the way of every call up to where it would be sent: nothing is sent, counted or recorded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from floorline.events import Usage
from floorline.gateway.accounting import Prices, priced_as
from floorline.gateway.admission import Admitted, Turned, admit
from floorline.gateway.facts import facts_of
from floorline.gateway.guarding import figures_of, moved, rules_of
from floorline.gateway.keys import Keyring, digest, new_key
from floorline.gateway.message import Request
from floorline.gateway.policy import GatewayPolicy, Target
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import Guarded, UnderWay
from floorline.guardrails import routing
from floorline.guardrails.decide import decide
from floorline.guardrails.figures import Known
from floorline.guardrails.frame import FORWARD, Evidence, Refusal, Routed, Verdict
from floorline.guardrails.route import subject_of
from floorline.guardrails.rules import Guardrails
from floorline.guardrails.tracing import Traced, traced
from floorline.ledger.key import Key
from floorline.pricing.answers import price_answer
from floorline.pricing.book import PriceBook
from floorline.proof.certificate import Certificates

PATHS: Mapping[str, str] = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
    "bedrock": "/model/{model}/converse",
}
"""Where a chat is asked in each dialect."""

_SECRET, _KEY = bytes(32), new_key(bytes(32))
_NO_RULES: tuple[()] = ()


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A call that nobody makes. `headers` are the caller's, `x-floorline-…` among them. `labels` is what classifiers and routers say of
    it, by `intent.<name>` and `router.<name>`, `budget_used` the largest share used of a budget of it.
    """

    model: str
    at: datetime
    dialect: str = "openai"
    headers: Mapping[str, str] = {}
    input_tokens: int = 1
    output_tokens: int = 0
    labels: Mapping[str, str] = {}
    budget_used: Decimal | None = None


class Replayer:
    """The rules of one policy over calls that were made: each is admitted as it was, and decided by its route rules alone."""

    def __init__(self, policy: GatewayPolicy, book: PriceBook, known: Known | None, at: datetime) -> None:
        """`known` is what customers pay and cost; `at` is when calls are decided by it."""
        self._ring = _ring(at)
        prices = Prices(book=book)
        self._snapshot = Snapshot(policy=policy, ring=self._ring, prices=prices, upstreams={}, breakers={}, known=known)

    def decide(self, trial: Trial) -> tuple[Verdict, Sequence[Target]]:
        """The verdict of the route rules, and where the call goes by it; nowhere where it is not admitted."""
        snapshot = self._snapshot
        admitted = admit(_request(trial), snapshot.places, self._ring, "trial", trial.at)
        if isinstance(admitted, Turned) or admitted.call.refusal is not None:
            return FORWARD, ()
        call = admitted.call
        call.input_tokens = trial.input_tokens
        rules = rules_of(call, snapshot.policy.guardrails or Guardrails())
        if rules.route is None:
            return FORWARD, _in_order(admitted.targets)
        facts = facts_of(call, admitted, rules, snapshot)
        figures = None if snapshot.known is None else snapshot.known.of(facts.customer)
        evidence = Evidence(figures=figures, route=Routed(labels=trial.labels))
        verdict = routing.step(subject_of(facts, evidence, rules.route), None, rules.route.routes, FORWARD)
        call.decided(Guarded(rules=rules, facts=facts, verdict=verdict))
        return verdict, _in_order(moved(call, admitted, snapshot).targets)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done with it. `traced` has the route rules, `targets` where the call goes after all, with what it costs at each;
    None where that is unknown. `asked_cost` is the cost where it asks to go.
    """

    verdict: Verdict
    traced: Traced
    model: str = ""
    targets: Sequence[tuple[Target, Decimal | None]] = ()
    asked_cost: Decimal | None = None


def tried(
    trial: Trial,
    policy: GatewayPolicy,
    book: PriceBook,
    known: Known | None,
    certificates: Certificates | None = None,
) -> Tried | Refusal:
    """What the policy makes of the call; a refusal where it is not admitted. `known` is what customers pay and cost, `certificates` what
    gateways act by.
    """
    ring = _ring(trial.at)
    snapshot = Snapshot(
        policy=policy,
        ring=ring,
        prices=Prices(book=book),
        upstreams={},
        breakers={},
        known=known,
        certificates=certificates,
    )
    admitted = admit(_request(trial), snapshot.places, ring, "trial", trial.at)
    if isinstance(admitted, Turned):
        return admitted.refusal
    call = admitted.call
    if call.refusal is not None:
        return call.refusal
    call.input_tokens = trial.input_tokens
    asked_cost = next((cost for _, cost in _priced(call, admitted, trial, snapshot)), None)
    guarded, seen = _decided(call, admitted, trial, snapshot)
    if guarded.verdict.refusal is not None:
        return guarded.verdict.refusal
    placed = moved(call, admitted, snapshot)
    return Tried(
        verdict=guarded.verdict,
        traced=seen,
        model=call.model,
        targets=_priced(call, placed, trial, snapshot),
        asked_cost=asked_cost,
    )


def _decided(call: UnderWay, admitted: Admitted, trial: Trial, snapshot: Snapshot) -> tuple[Guarded, Traced]:
    rules = rules_of(call, snapshot.policy.guardrails or Guardrails())
    facts = facts_of(call, admitted, rules, snapshot)
    figures, stale = figures_of(facts, rules, snapshot)
    evidence = Evidence(
        figures=figures,
        stale=stale,
        budget_used=trial.budget_used,
        route=Routed(labels=trial.labels),
        certified=snapshot.certificates,
    )
    guarded = Guarded(rules=rules, facts=facts, verdict=decide(facts, evidence, rules))
    call.decided(guarded)
    if rules.route is None:
        return guarded, Traced(rules=_NO_RULES, wanted="")
    return guarded, traced(subject_of(facts, evidence, rules.route), rules.route.routes)


def _ring(at: datetime) -> Keyring:
    """Of the one key that trials are made with."""
    key = Key(id="k_trial", name="a trial", digest=digest(_KEY.encode(), _SECRET), created_at=at)
    return Keyring([key], _SECRET)


def _in_order(targets: Sequence[Target]) -> list[Target]:
    """The targets by their tiers."""
    return sorted(targets, key=lambda target: target.tier)


def _request(trial: Trial) -> Request:
    said = {name.lower(): value for name, value in trial.headers.items()}
    headers = {name.encode(): value.encode() for name, value in said.items()} | {
        b"authorization": b"Bearer " + _KEY.encode()
    }
    body = msgspec.json.encode({"model": trial.model, "max_tokens": 1, "messages": []})
    path = PATHS[trial.dialect].format(model=trial.model)
    return Request(method="POST", path=path, headers=headers, raw_headers=list(headers.items()), body=body)


def _priced(call: UnderWay, placed: Admitted, trial: Trial, snapshot: Snapshot) -> list[tuple[Target, Decimal | None]]:
    """The targets in the order of their tiers, each with what the call costs there."""
    usage = Usage(buckets={"input": trial.input_tokens, "output": trial.output_tokens})
    return [
        (
            target,
            price_answer(
                [usage],
                target.model or call.model,
                priced_as(snapshot.policy.providers[target.provider]),
                snapshot.prices.book,
                trial.at,
            ).effective_cost,
        )
        for target in _in_order(placed.targets)
    ]
