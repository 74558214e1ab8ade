"""Whether a call's prompt and answer are kept, and what of them. Nothing is kept unless the call's feature says so."""

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Literal, cast

import msgspec

from floorline.errors import FloorlineError
from floorline.gateway.policy import Capturing, GatewayPolicy
from floorline.gateway.underway import UnderWay
from floorline.ledger.content import SIDE_BYTES_MAX, Content, ContentStore, Subject

log = logging.getLogger(__name__)

Side = Literal["request", "answer"]
Redact = Callable[[str, Side, bytes], bytes]
"""A hook of the user's own: the feature, which side, and its bytes; what comes back is kept instead."""

SHAPE_WORDS = frozenset({"role", "type", "model", "object", "status", "finish_reason", "stop_reason", "finishReason"})
"""Members whose texts say what a message is, not what it says: kept by `capture: metadata`."""

WAITING_BYTES_MAX = 256 << 20
"""Of content that waits to be kept, in one process; more is dropped and counted."""

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
    """Keeps the content of one gateway's calls, in a thread of its own: neither the hook nor the disk delays a call.

    `dropped` counts what was not kept, by reason: the hook failed, the store was full or could not be used, or too much
    was waiting.
    """

    def __init__(self, store: ContentStore, redact: Redact | None) -> None:
        self.redact = redact
        self.dropped: Counter[str] = Counter()
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="capture")
        self._lock = Lock()
        self._waiting_bytes = 0

    def begin(self, call: UnderWay, policy: GatewayPolicy) -> "Captured | None":
        """What takes in the call's answer; None when the call is not kept."""
        rule = rule_for(call, policy)
        return None if rule is None else Captured(self, call, rule)

    def keep(self, call: UnderWay, rule: Capturing, answer: bytes, *, cut: bool) -> None:
        """Keep both sides of the call as its rule and the hook have them. A hook that fails keeps nothing."""
        request = call.request.body
        content = Content(
            call_id=call.id,
            at=call.opened_at,
            feature=call.attribution.feature,
            request=request[:SIDE_BYTES_MAX],
            answer=answer,
            cut=cut or len(request) > SIDE_BYTES_MAX,
        )
        size = len(content.request) + len(answer)
        with self._lock:
            fits = self._waiting_bytes + size <= WAITING_BYTES_MAX
            self._waiting_bytes += size if fits else 0
        if fits:
            subject = Subject(call.attribution.customer, call.attribution.user)
            self._thread.submit(self._put, content, subject, rule, size)
        else:
            self.dropped["behind"] += 1

    def _put(self, content: Content, subject: Subject, rule: Capturing, size: int) -> None:
        try:
            shown = self._shown(content, rule)
            if shown is not None and not self._store.put(shown, subject, rule.ttl_days):
                self.dropped["store_full"] += 1
        except (FloorlineError, OSError) as error:
            log.error("nothing of call %s is kept: %s", content.call_id, error)  # noqa: TRY400 - its own words say it all
            self.dropped["store_failed"] += 1
        finally:
            with self._lock:
                self._waiting_bytes -= size

    def _shown(self, content: Content, rule: Capturing) -> Content | None:
        """What is kept of the content; None when the hook fails."""
        if rule.mode == "metadata":
            request, answer = skeleton(content.request), skeleton(content.answer)
        elif (redact := self.redact) is not None:
            try:
                request = bytes(redact(content.feature, "request", content.request))
                answer = bytes(redact(content.feature, "answer", content.answer))
            except Exception:
                log.exception("the redaction hook failed: nothing of call %s is kept", content.call_id)
                self.dropped["redaction_failed"] += 1
                return None
        else:
            return content
        return msgspec.structs.replace(content, request=request, answer=answer)

    def close(self) -> None:
        """Keep what waits, and bring it to disk."""
        self._thread.shutdown()
        self._store.close()


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
