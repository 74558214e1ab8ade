"""From a request to a call: whose it is, what it asks for, and whether it may be served. Pure: the clock and ids are handed in."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import structs

from floorline.gateway.attribution import Attribution, attribute, missing_text, unattributed
from floorline.gateway.errand import Errand
from floorline.gateway.keys import Keyring, allows, presented_key
from floorline.gateway.message import Request
from floorline.gateway.places import Place, Places
from floorline.gateway.policy import Dialect, ModelGroup, Target
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.body import View, estimate_input_tokens, view
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.forward import wants_cost
from floorline.gateway.wire.routes import Route, prefix_dialect, route
from floorline.guardrails.frame import Refusal
from floorline.ledger.key import Key

UNAUTHENTICATED = "the key is missing, unknown, revoked or expired: send a key made by `floorline keys create`"
_CALL_TYPES = {"embeddings": "embedding", "embedContent": "embedding", "rerank": "rerank"}
_NO_VIEW = View(model="")
_NOWHERE = Attribution()


_WHOSE = "whose"


class _Whose(msgspec.Struct, frozen=True, kw_only=True):
    """The attribution of the last call with a head, and what else it came of."""

    key: Key
    end_user: str
    attribution: Attribution


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is nobody's: it is answered, counted and not recorded."""

    dialect: Dialect
    refusal: Refusal


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """A call, the group of its model, and where it may go; no target when it is refused."""

    call: UnderWay
    group: ModelGroup | None = None
    targets: Sequence[Target] = ()


def admit(request: Request, places: Places, ring: Keyring, call_id: str, now: datetime) -> Admitted | Turned:
    """The call that a request is. What is wrong with an authenticated one is its `refusal`."""
    policy = places.policy
    presented = presented_key(request.headers, request.query)
    key = "unknown" if presented is None else ring.find(presented, now)
    if isinstance(key, str):
        refusal = Refusal(status=401, kind="invalid_api_key", message=UNAUTHENTICATED)
        return Turned(dialect=prefix_dialect(request.path, request.headers), refusal=refusal)
    where = route(request.method, request.path, request.headers, policy.providers)
    if where is None:
        dialect = prefix_dialect(request.path, request.headers)
        refusal = Refusal(
            status=404,
            kind="unknown_path",
            message=f"there is no {request.method} {request.path[:200]} here: docs/dialects.md lists the paths",
        )
        nowhere = Route(dialect=dialect, endpoint="", action="passthrough", path=request.path, metered=False)
        return Admitted(call=_call(request, nowhere, key, _NO_VIEW, _NOWHERE, call_id, now, refusal))
    seen = view(where, request.body)
    invalid = isinstance(seen, Invalid)
    end_user = "" if invalid else seen.end_user
    whose = _whose(key, request, end_user) if policy.accounting else _NOWHERE
    if invalid:
        refusal = Refusal(status=seen.status, kind=seen.kind, message=seen.message)
        return Admitted(call=_call(request, where, key, _NO_VIEW, whose, call_id, now, refusal))
    call = _call(request, where, key, seen, whose, call_id, now, None)
    return _placed(call, places)


TARGET = b"x-floorline-target"
"""The header that has one target of a model asked, and no other."""

MADE_FOR = "made_for"
"""Where the metadata of a call of the gateway's own names the call that it was made for."""


def admit_own(
    called: UnderWay, body: bytes, errand: Errand, places: Places, call_id: str, now: datetime, now_ns: int
) -> Admitted:
    """A call of the gateway's own, for the same customer and feature as `called`; what binds that call binds this one too."""
    request = Request(
        method="POST",
        path=errand.path,
        headers=dict(errand.headers),
        raw_headers=[(b"content-type", b"application/json"), *errand.headers],
        body=body,
        received_ns=now_ns,
    )
    where = route(request.method, request.path, request.headers, places.policy.providers)
    assert where is not None, f"{errand.path} is a path"
    seen = view(where, body)
    assert not isinstance(seen, Invalid), "the gateway asks what can be read"
    whose = structs.replace(
        called.attribution,
        step=errand.step,
        call_type=errand.call_type,
        prompt="",
        metadata={MADE_FOR: called.id},
        notes=(),
    )
    call = _call(request, where, called.key, seen, whose, call_id, now, None)
    call.own = True
    return _to_place(call, places)


def _whose(key: Key, request: Request, end_user: str) -> Attribution:
    """Whose call it is: worked out once for a head that comes again with the same key and user."""
    known = request.known
    if known is None:
        return attribute(key, request.headers, end_user)
    found = known.get(_WHOSE)
    if isinstance(found, _Whose) and found.key is key and found.end_user == end_user:
        return found.attribution
    whose = attribute(key, request.headers, end_user)
    known[_WHOSE] = _Whose(key=key, end_user=end_user, attribution=whose)
    return whose


def _call(
    request: Request,
    where: Route,
    key: Key,
    seen: View,
    whose: Attribution,
    call_id: str,
    now: datetime,
    refusal: Refusal | None,
) -> UnderWay:
    return UnderWay(
        id=call_id,
        opened_at=now,
        started_ns=request.received_ns,
        request=request,
        route=where,
        key=key,
        view=seen,
        attribution=whose,
        call_type=whose.call_type or _CALL_TYPES.get(where.endpoint, "generation"),
        refusal=refusal,
        input_tokens=estimate_input_tokens(request.body) if refusal is None else 0,
        include_cost=wants_cost(request),
        notes=whose.notes,
        metadata=whose.metadata,
    )


def _placed(call: UnderWay, places: Places) -> Admitted:
    """The call with its targets, or with the reason why it has none."""
    whose = call.attribution
    stance = unattributed(whose, call.key, places.policy.unattributed) if call.route.metered else None
    if stance == "require":
        return _refused(call, 400, "unattributed", missing_text(whose))
    if stance == "warn":
        call.notes = (*call.notes, "unattributed")
    model = call.view.model
    if call.route.action != "models" and not allows(call.key.models, model):  # without a model, any could be inside
        asked = repr(model) if model else f"{call.route.path[:200]}, which names no model"
        return _refused(
            call, 403, "model_not_allowed", f"this key may not call {asked}, only {', '.join(call.key.models)}"
        )
    return _to_place(call, places)


def _to_place(call: UnderWay, places: Places) -> Admitted:
    """The call with the targets that every rule allows, or with the reason why it has none."""
    place = places.of(call.route, call.view.model, call.attribution, call.key)
    if place.kind:
        return _refused(call, place.status, place.kind, place.message)
    if not place.own and (unsaid := _unsaid(call, place.dialects)) is not None:
        return _refused(call, unsaid.status, unsaid.kind, unsaid.message)
    if (named := call.request.headers.get(TARGET)) is not None:
        return _at_one(call, place, named.decode("latin-1").strip())
    return Admitted(call=call, group=place.group, targets=place.targets)


def _at_one(call: UnderWay, place: Place, named: str) -> Admitted:
    """The call with the one target that it names, as provider/model or by its provider alone."""
    model = call.view.model
    targets = [one for one in place.targets if named in (one.provider, f"{one.provider}/{one.model or model}")]
    if not targets:
        known = ", ".join(f"{one.provider}/{one.model or model}" for one in place.targets)
        return _refused(
            call,
            404,
            "target_not_found",
            f"{model!r} has no target {named[:200]!r} where this call may go, only {known}",
        )
    return Admitted(call=call, group=place.group, targets=targets)


def _unsaid(call: UnderWay, dialects: Sequence[Dialect]) -> Invalid | None:
    """Why no target can be asked this request, for the first of them; None when one can."""
    found = [call.asked(dialect) for dialect in dialects]
    unsaid = [one for one in found if isinstance(one, Invalid)]
    return unsaid[0] if len(unsaid) == len(found) else None


def _refused(call: UnderWay, status: int, kind: str, message: str) -> Admitted:
    call.refusal = Refusal(status=status, kind=kind, message=message)
    return Admitted(call=call)
