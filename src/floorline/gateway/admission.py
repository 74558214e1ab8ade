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


class _Door(msgspec.Struct, frozen=True, kw_only=True):
    """What a request's head alone says, and what it was looked up in. Without a route there is no such path."""

    ring: Keyring
    places: Places
    key: Key
    route: Route | None
    include_cost: bool


class _Way(msgspec.Struct, frozen=True, kw_only=True):
    """Whose calls are that come through one door for one model, and where they go or why they may not. `known` is for whoever works
    something out that is the same for all of them.
    """

    door: _Door
    model: str
    end_user: str
    whose: Attribution
    notes: tuple[str, ...]
    refusal: Refusal | None = None
    place: Place | None = None
    known: dict[object, object] = {}


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
    door = _door(request, places, ring, now)
    if door is None:
        refusal = Refusal(status=401, kind="invalid_api_key", message=UNAUTHENTICATED)
        return Turned(dialect=prefix_dialect(request.path, request.headers), refusal=refusal)
    where = door.route
    if where is None:
        refusal = Refusal(
            status=404,
            kind="unknown_path",
            message=f"there is no {request.method} {request.path[:200]} here: docs/dialects.md lists the paths",
        )
        dialect = prefix_dialect(request.path, request.headers)
        nowhere = Route(dialect=dialect, endpoint="", action="passthrough", path=request.path, metered=False)
        return Admitted(call=_call(request, nowhere, door.key, _NO_VIEW, _NOWHERE, call_id, now, refusal))
    seen = view(where, request.body)
    if isinstance(seen, Invalid):
        whose = attribute(door.key, request.headers, "") if places.policy.accounting else _NOWHERE
        refusal = Refusal(status=seen.status, kind=seen.kind, message=seen.message)
        return Admitted(call=_call(request, where, door.key, _NO_VIEW, whose, call_id, now, refusal))
    way = _way(request, door, where, seen)
    call = _call(request, where, door.key, seen, way.whose, call_id, now, None)
    call.include_cost, call.notes, call.refusal, call.known = door.include_cost, way.notes, way.refusal, way.known
    return Admitted(call=call) if way.place is None else _to_place(call, way.place)


def _door(request: Request, places: Places, ring: Keyring, now: datetime) -> _Door | None:
    """Who is there and where to; None without a good key. Found out once for a head that comes again."""
    known = request.known
    found = None if known is None else known.get(_Door)
    if isinstance(found, _Door) and found.ring is ring and found.places is places and not found.key.expired(now):
        return found
    presented = presented_key(request.headers, request.query)
    key = "unknown" if presented is None else ring.find(presented, now)
    if isinstance(key, str):
        return None
    where = route(request.method, request.path, request.headers, places.policy.providers)
    found = _Door(ring=ring, places=places, key=key, route=where, include_cost=wants_cost(request))
    if known is not None:
        known[_Door] = found
    return found


def _way(request: Request, door: _Door, where: Route, seen: View) -> _Way:
    """Whose the call is and where it may go: found out once for a head that comes again with the same model and user."""
    known = request.known
    found = None if known is None else known.get(_Way)
    if isinstance(found, _Way) and found.door is door and (found.model, found.end_user) == (seen.model, seen.end_user):
        return found
    accounting = door.places.policy.accounting
    whose = attribute(door.key, request.headers, seen.end_user) if accounting else _NOWHERE
    way = _Way(door=door, model=seen.model, end_user=seen.end_user, whose=whose, notes=whose.notes)
    found = _led(way, where)
    if known is not None:
        known[_Way] = found
    return found


def _led(way: _Way, where: Route) -> _Way:
    """The way with its place, or with the reason why it leads nowhere."""
    key, places, model, whose = way.door.key, way.door.places, way.model, way.whose
    stance = unattributed(whose, key, places.policy.unattributed) if where.metered else None
    if stance == "require":
        return _barred(way, 400, "unattributed", missing_text(whose))
    if stance == "warn":
        way = structs.replace(way, notes=(*way.notes, "unattributed"))
    if where.action != "models" and not allows(key.models, model):  # without a model, any could be inside
        asked = repr(model) if model else f"{where.path[:200]}, which names no model"
        return _barred(way, 403, "model_not_allowed", f"this key may not call {asked}, only {', '.join(key.models)}")
    place = places.of(where, model, whose, key)
    return _barred(way, place.status, place.kind, place.message) if place.kind else structs.replace(way, place=place)


def _barred(way: _Way, status: int, kind: str, message: str) -> _Way:
    return structs.replace(way, refusal=Refusal(status=status, kind=kind, message=message))


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
    place = places.of(where, seen.model, whose, called.key)
    return _refused(call, place.status, place.kind, place.message) if place.kind else _to_place(call, place)


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
        notes=whose.notes,
        metadata=whose.metadata,
    )


def _to_place(call: UnderWay, place: Place) -> Admitted:
    """The call with the targets of its place, or with the reason why none of them can be asked it."""
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
