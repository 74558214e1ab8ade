"""Whether a call's prompt and answer are kept, and what of them. Nothing is kept unless the call's feature says so."""

import logging
from collections.abc import Callable
from typing import Literal, cast

import msgspec

from floorline.gateway.metrics import Metrics
from floorline.gateway.policy import Capturing, GatewayPolicy
from floorline.gateway.underway import UnderWay
from floorline.ledger.content import SIDE_BYTES_MAX, Content, ContentStore, Subject

log = logging.getLogger(__name__)

Side = Literal["request", "answer"]
Redact = Callable[[str, Side, bytes], bytes]
"""A hook of the user's own: the feature, which side, and its bytes; what comes back is kept instead."""

SHAPE_WORDS = frozenset({"role", "type", "model", "object", "status", "finish_reason", "stop_reason", "finishReason"})
"""Members whose texts say what a message is, not what it says: kept by `capture: metadata`."""

_SHARES = 10**6


def rule_for(call: UnderWay, policy: GatewayPolicy) -> Capturing | None:
    """The rule by which the call is kept; None when it is not. The same call is always decided alike."""
    rule = policy.capture.get(call.attribution.feature)
    if rule is None or rule.mode == "off":
        return None
    if rule.mode == "sample" and int(call.id[:12], 16) % _SHARES >= rule.share * _SHARES:
        return None
    return rule


class Capturer:
    """Keeps the content of one gateway's calls."""

    def __init__(self, store: ContentStore, metrics: Metrics, redact: Redact | None) -> None:
        self._store, self._metrics, self._redact = store, metrics, redact

    def begin(self, call: UnderWay, policy: GatewayPolicy) -> "Captured | None":
        """What takes in the call's answer; None when the call is not kept."""
        rule = rule_for(call, policy)
        return None if rule is None else Captured(self, call, rule)

    def keep(self, call: UnderWay, rule: Capturing, answer: bytes, *, cut: bool) -> None:
        """Keep both sides of the call as its rule and the hook have them. A hook that fails keeps nothing."""
        request = call.request.body
        cut = cut or len(request) > SIDE_BYTES_MAX
        sides: dict[Side, bytes] = {"request": request[:SIDE_BYTES_MAX], "answer": answer}
        if rule.mode == "metadata":
            sides = {side: skeleton(content) for side, content in sides.items()}
        elif self._redact is not None:
            try:
                sides = {side: self._redact(call.attribution.feature, side, text) for side, text in sides.items()}
            except Exception:
                log.exception("the redaction hook failed: nothing of call %s is kept", call.id)
                self._metrics.add("floorline_content_dropped_total", "redaction_failed")
                return
        before = self._store.dropped
        self._store.put(
            Content(
                call_id=call.id,
                at=call.opened_at,
                feature=call.attribution.feature,
                request=sides["request"],
                answer=sides["answer"],
                cut=cut,
            ),
            Subject(call.attribution.customer, call.attribution.user),
            rule.ttl_days,
        )
        if self._store.dropped > before:
            self._metrics.add("floorline_content_dropped_total", "store_full")


class Captured:
    """One call that is kept: takes in its answer as it passes."""

    __slots__ = ("_call", "_capturer", "_held", "_parts", "_rule", "_size")

    def __init__(self, capturer: Capturer, call: UnderWay, rule: Capturing) -> None:
        self._capturer, self._call, self._rule = capturer, call, rule
        self._parts: list[bytes] = []
        self._size = self._held = 0

    def feed(self, data: bytes) -> None:
        """The next bytes of the answer, readable."""
        self._size += len(data)
        if self._held < SIDE_BYTES_MAX:
            self._parts.append(data[: SIDE_BYTES_MAX - self._held])
            self._held += len(self._parts[-1])

    def end(self) -> None:
        """The answer has ended, whole or not."""
        answer, cut = b"".join(self._parts), self._held < self._size
        self._parts.clear()
        self._capturer.keep(self._call, self._rule, answer, cut=cut)


def skeleton(content: bytes) -> bytes:
    """The shape of a JSON document: names, numbers and SHAPE_WORDS stay, every other text becomes its length. What is no
    JSON becomes its length as a whole.
    """
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode({"bytes": len(content)})
    return msgspec.json.encode(_shape(document, ""))


def _shape(value: object, name: str) -> object:
    if isinstance(value, dict):
        return {key: _shape(inner, key) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_shape(inner, name) for inner in cast("list[object]", value)]
    if isinstance(value, str) and not (name in SHAPE_WORDS and len(value) <= 64):
        return {"characters": len(value)}
    return value
