"""What a call is, for those who decide it. Of calls of one head, model and user nearly all of it is the same, and found out once."""

from collections.abc import Mapping

from msgspec import Struct, structs

from floorline.gateway.admission import TARGET, Admitted
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.caps import thinking
from floorline.gateway.wire.errors import Invalid
from floorline.guardrails.frame import Facts, held_out, unit_of
from floorline.guardrails.output import SAYS_NOTHING
from floorline.guardrails.rules import Rules

NOTHING_SAID: Mapping[str, str] = {}
NOWHERE: frozenset[str] = frozenset()


class _Known(Struct, frozen=True):
    """The facts of a call, for others of the same head, model and user that come under the same rules."""

    rules: Rules
    facts: Facts


def facts_of(call: UnderWay, admitted: Admitted, rules: Rules, snapshot: Snapshot) -> Facts:
    """What the call is, for those who decide it: of one that comes again, only what its body says is found out anew."""
    known = call.known.get(Facts)
    if not isinstance(known, _Known) or known.rules is not rules:
        facts = _facts(call, admitted, rules, snapshot)
        if _is_by_head(call, rules, snapshot):
            call.known[Facts] = _Known(rules, facts)
        return facts
    view, body = call.view, call.request.body
    asks = SAYS_NOTHING if rules.reasoning is None else thinking(call.route.endpoint, body)
    return structs.replace(
        known.facts,
        at=call.opened_at,
        streamed=view.stream,
        input_tokens=call.input_tokens,
        input_bound=len(body),
        output_cap=view.output_cap,
        effort=asks.effort,
        thinking_tokens=asks.tokens,
        metadata=call.metadata,
    )


def _facts(call: UnderWay, admitted: Admitted, rules: Rules, snapshot: Snapshot) -> Facts:
    """The facts of a call, each of them found out."""
    whose, view, route = call.attribution, call.view, call.route
    asks = SAYS_NOTHING if rules.reasoning is None else thinking(route.endpoint, call.request.body)
    unit = unit_of(whose.customer, whose.user, call.key.id)
    asked = rules.route
    return Facts(
        at=call.opened_at,
        customer=whose.customer,
        user=whose.user,
        plan=whose.plan,
        feature=whose.feature,
        workflow=whose.workflow,
        step=whose.step,
        key=call.key.id,
        call_type=call.call_type,
        environment=whose.environment,
        purpose=whose.purpose,
        dialect=route.dialect,
        endpoint=route.endpoint,
        provider=admitted.targets[0].provider if admitted.targets else "",
        model=view.model,
        streamed=view.stream,
        input_tokens=call.input_tokens,
        input_bound=len(call.request.body),
        output_cap=view.output_cap,
        effort=asks.effort,
        thinking_tokens=asks.tokens,
        priced=route.metered,
        cheaper=_cheaper(call, rules, snapshot),
        held_out=held_out(unit, rules.holdout_ppm),
        unit=unit,
        headers=NOTHING_SAID if asked is None or not asked.headers else _headers(call, asked.headers),
        metadata=call.metadata,
        attributes=snapshot.policy.attributes.get(whose.customer, NOTHING_SAID),
        reachable=_reachable(call, _destinations(rules, view.model), snapshot),
    )


def _headers(call: UnderWay, names: frozenset[str]) -> dict[str, str]:
    """What the call says in the headers that rules ask for."""
    said = {name: call.request.headers.get(name.encode(), b"").decode("latin-1").strip() for name in names}
    return {name: text for name, text in said.items() if text}


def _cheaper(call: UnderWay, rules: Rules, snapshot: Snapshot) -> str:
    """The model of the downgrade map for this call's, where it may go there."""
    model = "" if rules.route is None else rules.route.cheaper.get(call.view.model, "")
    return model if model and _may_go(call, model, snapshot) else ""


def _destinations(rules: Rules, model: str) -> frozenset[str]:
    """The models that rules may send a call for `model` to."""
    found = NOWHERE if rules.route is None else rules.route.destinations
    if rules.certified_route is not None:
        found = found.union(rules.certified_route.candidates.get(model, ()))
    if rules.cascade is not None:
        found = found.union(rules.cascade.stages.get(model, ()))
    if rules.experiments:
        found = found.union([one.model for one in rules.experiments if one.model])
    return found


def _reachable(call: UnderWay, models: frozenset[str], snapshot: Snapshot) -> frozenset[str]:
    """Those of the models that the call may go to."""
    return frozenset([model for model in models if _may_go(call, model, snapshot)]) if models else NOWHERE


def _is_by_head(call: UnderWay, rules: Rules, snapshot: Snapshot) -> bool:
    """Whether the body has no say in where rules may send the call: nowhere would it have to be translated."""
    cheaper = "" if rules.route is None else rules.route.cheaper.get(call.view.model, "")
    models = _destinations(rules, call.view.model).union([cheaper] if cheaper else ())
    places = [snapshot.places.of(call.route, model, call.attribution, call.key) for model in models]
    return all(place.own or place.kind for place in places)


def _may_go(call: UnderWay, model: str, snapshot: Snapshot) -> bool:
    """Whether everything that binds the call lets it go to the model, and it can be said there. One that names its target goes there."""
    if call.route.action != "call" or TARGET in call.request.headers:
        return False
    place = snapshot.places.of(call.route, model, call.attribution, call.key)
    if place.kind:
        return False
    return place.own or any(not isinstance(call.asked(dialect), Invalid) for dialect in place.dialects)
