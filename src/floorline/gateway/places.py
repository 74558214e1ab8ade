"""Where a call may go: its model's group, and the targets that every rule allows and that can be asked in its dialect.

It is the same for all calls of one kind, and is found out once for each. While a target speaks the caller's own dialect
nothing is translated when a call is admitted: most such calls never need it.
"""

from collections.abc import Mapping, Sequence

import msgspec

from floorline.gateway.attribution import Attribution
from floorline.gateway.policy import Allowed, Dialect, GatewayPolicy, ModelGroup, Target
from floorline.gateway.targets import group_of, permitted
from floorline.gateway.translate.request import TRANSLATIONS, speaks
from floorline.gateway.wire.routes import Route
from floorline.ledger.key import Key

REMEMBERED_MAX = 4_096
"""Kinds of calls that are remembered; callers choose models and names."""

_NO_GROUPS: Mapping[str, ModelGroup] = {}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The group and targets of one kind of call; or, with a `kind`, why it has none. `dialects` are the targets'; `own`: one
    of them is the caller's.
    """

    group: ModelGroup | None = None
    targets: Sequence[Target] = ()
    dialects: Sequence[Dialect] = ()
    own: bool = False
    status: int = 0
    kind: str = ""
    message: str = ""


class Places:
    """The places of one policy."""

    def __init__(self, policy: GatewayPolicy) -> None:
        self.policy = policy
        self._known: dict[tuple[Route, str, str, str, tuple[str, ...]], Place] = {}

    def of(self, route: Route, model: str, whose: Attribution, key: Key) -> Place:
        """Where a call for `model` that comes by `route` may go."""
        policy = self.policy
        feature = whose.feature if whose.feature in policy.features else ""
        customer = whose.customer if whose.customer in policy.customers else ""
        kind = (route, model, feature, customer, key.providers)
        place = self._known.get(kind)
        if place is None:
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            place = self._known[kind] = _place(route, model, _rules(feature, customer, key, policy), policy)
        return place


def _place(route: Route, model: str, rules: Sequence[Allowed], policy: GatewayPolicy) -> Place:
    group = _group(route, model, policy)
    if group is None:
        message = f"no provider of the dialect {route.dialect} is configured: add one to `providers`"
        return Place(status=404, kind="no_provider", message=message)
    allowed = permitted(group.targets, policy.providers, rules)
    if not allowed:
        names = ", ".join(sorted({target.provider for target in group.targets}))
        message = f"{model or route.path} is served by {names}, where this call may not go"
        return Place(status=403, kind="provider_not_allowed", message=message)
    speaking = [target for target in allowed if speaks(route, policy.providers[target.provider].dialect)]
    if not speaking:
        other = policy.providers[allowed[0].provider].dialect
        message = (
            f"{model!r} is served in the dialect {other}, the request speaks {route.dialect}: call the endpoints of {other}, "
            f"or give the model a target that speaks {route.dialect} ({TRANSLATIONS})"
        )
        return Place(status=400, kind="translation_missing", message=message)
    dialects: list[Dialect] = [policy.providers[target.provider].dialect for target in speaking]
    return Place(group=group, targets=speaking, dialects=dialects, own=route.dialect in dialects)


def _group(route: Route, model: str, policy: GatewayPolicy) -> ModelGroup | None:
    """The targets of the call before any rule; None when no provider speaks its dialect."""
    fallback = route.provider or next(
        (name for name, provider in policy.providers.items() if provider.dialect == route.dialect), ""
    )
    if route.provider or route.action != "call":
        return group_of(model, _NO_GROUPS, fallback) if fallback else None
    if model not in policy.models and not fallback:
        return None
    return group_of(model, policy.models, fallback)


def _rules(feature: str, customer: str, key: Key, policy: GatewayPolicy) -> list[Allowed]:
    """Everything that binds where the call may go."""
    rules = [policy.features.get(feature), policy.customers.get(customer)]
    found = [rule for rule in rules if rule is not None]
    if key.providers:
        found.append(Allowed(providers=frozenset(key.providers)))
    return found
