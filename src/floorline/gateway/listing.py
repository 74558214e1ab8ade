"""The models that a gateway serves by name, in the shape of each dialect's own list."""

import msgspec

from floorline.gateway.keys import allows
from floorline.gateway.message import Page
from floorline.gateway.policy import GatewayPolicy
from floorline.gateway.translate.request import serves
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.errors import error_body

_JSON = b"application/json"
_EPOCH = "1970-01-01T00:00:00Z"


def lists_models(call: UnderWay, policy: GatewayPolicy) -> bool:
    """Whether the gateway answers this list itself: it has models of its own and no provider was named."""
    return call.route.action == "models" and call.refusal is None and not call.route.provider and bool(policy.models)


def listed_models(call: UnderWay, policy: GatewayPolicy) -> Page:
    """Every model that the call's key may name and that can serve its dialect, or the one that the path asks for."""
    dialect = call.route.dialect
    names = [
        name
        for name, group in policy.models.items()
        if allows(call.key.models, name)
        and any(serves(policy.providers[target.provider].dialect, dialect) for target in group.targets)
    ]
    asked = call.route.path.rstrip("/").rpartition("/models")[2].strip("/")
    if asked and asked not in names:
        message = f"there is no model {asked[:200]!r} for this key"
        return Page(status=404, body=error_body(dialect, 404, "model_not_found", message), content_type=_JSON)
    entries = [_entry(dialect, name) for name in ([asked] if asked else names)]
    body: object = entries[0] if asked else _list(dialect, entries, names)
    return Page(status=200, body=msgspec.json.encode(body), content_type=_JSON)


def _entry(dialect: str, name: str) -> dict[str, object]:
    if dialect == "anthropic":
        return {"type": "model", "id": name, "display_name": name, "created_at": _EPOCH}
    if dialect == "gemini":
        verbs = ["generateContent", "countTokens"]
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": verbs}
    return {"id": name, "object": "model", "created": 0, "owned_by": "floorline"}


def _list(dialect: str, entries: list[dict[str, object]], names: list[str]) -> dict[str, object]:
    if dialect == "anthropic":
        first, last = (names[0], names[-1]) if names else (None, None)
        return {"data": entries, "has_more": False, "first_id": first, "last_id": last}
    if dialect == "gemini":
        return {"models": entries}
    return {"object": "list", "data": entries}
