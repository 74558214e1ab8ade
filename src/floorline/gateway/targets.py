"""Which target serves a call, and what follows when it fails. Pure: the clock and the draw are handed in.

    order(group, …) → targets, best first         after each failed attempt: verdict_on(…) → retry, next, or give up

A failed attempt may be followed by another only while nothing was shown to the client. Attempts are bounded over all targets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from floorline.gateway.policy import Allowed, ModelGroup, Provider, Target

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Answers that say "not now": another attempt may succeed. 529 is Anthropic's overload."""

REFUSED_STATUSES = frozenset({401, 403, 404})
"""Answers that say "not here": the same target would repeat them, another one may serve."""

RETRY_AFTER_MAX_S = 5
"""A provider that asks for a longer pause is left alone for this call."""

BACKOFF_MS = (100, 400, 1_000)

OPEN_AFTER = 5
"""Failures in a row after which a target is not asked any more."""

OPEN_S = 15
"""How long it is left alone before one call probes it."""


class Breaker:
    """Whether a target is worth asking: closed, open after `OPEN_AFTER` failures in a row, half open for one probe."""

    __slots__ = ("_failures", "_opened_at", "_probing")

    def __init__(self) -> None:
        self._failures = 0
        self._opened_at: float | None = None  # float: seconds of the loop's clock, not money
        self._probing = False

    def state(self, now: float) -> Literal["closed", "open", "half-open"]:
        """As a health page shows it."""
        if self._opened_at is None:
            return "closed"
        return "half-open" if now - self._opened_at >= OPEN_S else "open"

    def admits(self, now: float) -> bool:
        """Whether a call may go there; a half open one admits one call at a time, the probe."""
        if self._opened_at is None:
            return True
        return now - self._opened_at >= OPEN_S and not self._probing

    def begin(self) -> None:
        """An attempt is made."""
        self._probing = self._opened_at is not None

    def succeeded(self) -> None:
        """It answered as it should."""
        self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self, now: float) -> None:
        """It did not."""
        self._failures += 1
        self._probing = False
        if self._failures >= OPEN_AFTER:
            self._opened_at = now

    def withdrew(self) -> None:
        """The attempt ended for a reason that says nothing about the target."""
        self._probing = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How an attempt failed: by its `status`, or 0 and the `kind` of what broke."""

    status: int = 0
    kind: str = ""
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What follows: the same target again, another one, or the failure is the answer. `wait_ms` comes before it."""

    action: Literal["again", "next", "give_up"]
    wait_ms: int = 0


GIVE_UP = Next(action="give_up")


def verdict_on(failure: Failure, *, attempts: int, attempts_max: int, others: bool) -> Next:
    """What follows the `attempts`-th attempt. `others`: a target that was not tried is left."""
    if attempts >= attempts_max:
        return GIVE_UP
    if failure.status in REFUSED_STATUSES:
        return Next(action="next") if others else GIVE_UP
    if failure.status and failure.status not in RETRIED_STATUSES:
        return GIVE_UP
    if others:
        return Next(action="next")
    if failure.retry_after_s is not None:
        if failure.retry_after_s > RETRY_AFTER_MAX_S:
            return GIVE_UP
        return Next(action="again", wait_ms=failure.retry_after_s * 1_000)
    return Next(action="again", wait_ms=BACKOFF_MS[min(attempts, len(BACKOFF_MS)) - 1])


def permitted(targets: Iterable[Target], providers: Mapping[str, Provider], rules: Sequence[Allowed]) -> list[Target]:
    """The targets that every rule allows: those of the customer and of the feature bind each attempt."""
    return [target for target in targets if all(_allows(rule, providers[target.provider]) for rule in rules)]


def _allows(rule: Allowed, provider: Provider) -> bool:
    return (rule.providers is None or provider.name in rule.providers) and (
        rule.regions is None or provider.region in rule.regions
    )


def order(targets: Sequence[Target], draw: Callable[[], float]) -> list[Target]:
    """The targets as one call tries them: by tier, within a tier at random by weight. `draw` gives [0, 1)."""
    if len(targets) == 1:
        return list(targets)
    ordered: list[Target] = []
    left = sorted(targets, key=lambda target: target.tier)
    while left:
        tier = [target for target in left if target.tier == left[0].tier]
        chosen = _weighted(tier, draw())
        ordered.append(chosen)
        left.remove(chosen)
    return ordered


def pinned(ordered: Sequence[Target], pin: tuple[str, str], model: str) -> list[Target]:
    """The targets with the one that serves as `pin` (its provider, and its name for `model`) before the others of the first tier."""
    found = next((one for one in ordered if pin == (one.provider, one.model or model)), None)
    if found is None or found.tier != ordered[0].tier:
        return list(ordered)
    return [found, *[one for one in ordered if one is not found]]


def _weighted(targets: Sequence[Target], drawn: float) -> Target:
    """One of them by weight. Weights of 0 are served only when nothing else is left."""
    total = sum(target.weight for target in targets)
    point = drawn * total
    for target in targets:
        point -= target.weight
        if point < 0:
            return target
    return targets[-1]


def group_of(model: str, groups: Mapping[str, ModelGroup], fallback: str) -> ModelGroup:
    """The group that `model` names; one that none names goes unchanged to the provider `fallback`, once."""
    group = groups.get(model)
    if group is not None:
        return group
    return ModelGroup(name=model, targets=(Target(provider=fallback),), attempts_max=1)
