"""One call of a drill: a request as it was made before, through the gateway, to one target alone."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import quote

import msgspec

from floorline.delivery.posting import Reply, Unreached, post
from floorline.jobs.drilling import DRILL, Drillable, Place, Replayed
from floorline.money import ZERO

BODY_BYTES_MAX = 4 << 20
PATHS: Mapping[str, str] = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
}
"""Where requests of each dialect are sent again; those of other endpoints are not."""

_SAID = {"openai": "messages", "anthropic": "messages", "gemini": "contents"}
_REQUESTS = ("x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit")
_TOKENS = ("x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-input-tokens-limit")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Block(msgspec.Struct, frozen=True):
    text: str | None = None
    input: msgspec.Raw | None = None


class _Content(msgspec.Struct, frozen=True):
    parts: list[_Block] = []


class _Candidate(msgspec.Struct, frozen=True):
    content: _Content = _Content()


class _Answer(msgspec.Struct, frozen=True):
    """What is read of a whole answer of each dialect."""

    choices: list[_Choice] = []
    content: list[_Block] = []
    candidates: list[_Candidate] = []


_answer = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillCalls:
    """Calls with one key to the gateway at `base` (`http://127.0.0.1:4000`)."""

    base: str
    key: str
    timeout_ms: int = 120_000

    def send(self, call: Drillable, request: bytes, target: Place) -> Replayed:
        """What the target answers to the request; why it does not."""
        headers = {
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            "x-floorline-feature": call.feature,
            "x-floorline-purpose": "evaluation",
            "x-floorline-step": DRILL,
            "x-floorline-target": str(target),
        }
        path = PATHS[call.dialect].format(model=quote(call.model, safe=""))
        began_ns = time.monotonic_ns()
        try:
            reply = post(
                self.base.rstrip("/") + path, request, headers, timeout_ms=self.timeout_ms, body_max=BODY_BYTES_MAX
            )
        except Unreached as unreached:
            return Replayed(trouble=str(unreached), cost=ZERO)
        text, trouble = _read(reply)
        return Replayed(
            text=text,
            trouble=trouble,
            cost=_cost(reply),
            latency_ms=(time.monotonic_ns() - began_ns) // 1_000_000,
            requests_a_minute=_limit(reply, _REQUESTS),
            tokens_a_minute=_limit(reply, _TOKENS),
        )


def again(call: Drillable, request: bytes) -> bytes | None:
    """A request that was kept, to be made again and answered whole; None where it is cut, is none, or of an endpoint that is not asked again."""
    if call.dialect not in PATHS:
        return None
    try:
        held = _object.decode(request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if _SAID[call.dialect] not in held:
        return None
    for name in ("stream", "stream_options"):
        held.pop(name, None)
    return msgspec.json.encode(held)


def _read(reply: Reply) -> tuple[str, str]:
    """The words of an answer, and why it is none of the target's own."""
    if reply.status != 200:
        return "", f"status {reply.status}"
    if reply.headers.get("x-floorline-verdict") != "forward":
        return "", "the address is no Floorline gateway, or it did not forward the call"
    try:
        text = _said(_answer.decode(reply.body))
    except msgspec.DecodeError:
        return "", "an answer that cannot be read"
    return text, "" if text else "an empty answer"


def _said(answer: _Answer) -> str:
    blocks = [*answer.content, *[part for one in answer.candidates[:1] for part in one.content.parts]]
    texts = [block.text or ("" if block.input is None else bytes(block.input).decode()) for block in blocks]
    for choice in answer.choices[:1]:
        texts.append(choice.message.content or "")
        texts += [bytes(tool).decode() for tool in choice.message.tool_calls or ()]
    return "".join(texts).strip()


def _cost(reply: Reply) -> Decimal | None:
    stated = reply.headers.get("x-floorline-cost-usd")
    try:
        return None if stated is None else Decimal(stated)
    except InvalidOperation:
        return None


def _limit(reply: Reply, names: tuple[str, ...]) -> int | None:
    """How much a minute the provider says that it allows."""
    stated = [reply.headers[name] for name in names if name in reply.headers]
    return next((int(text) for text in stated if text.isascii() and text.isdecimal() and len(text) < 13), None)
