"""Calls that evaluations make: through the gateway, as an application would, so that each is on record and priced. They say that their
purpose is evaluation: they are no cost of sales, and no guardrail that saves money changes what they are answered.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import msgspec

from floorline.delivery.posting import Reply, Unreached, post
from floorline.money import ZERO

BODY_BYTES_MAX = 4 << 20


class _Function(msgspec.Struct, frozen=True):
    name: str = ""
    arguments: str = ""


class _Tool(msgspec.Struct, frozen=True):
    function: _Function = _Function()


class _Message(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_Tool] | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Chat(msgspec.Struct):
    choices: list[_Choice]


class _Vector(msgspec.Struct):
    embedding: list[float]  # float: a vector


class _Vectors(msgspec.Struct):
    data: list[_Vector]


_chat = msgspec.json.Decoder(_Chat)
_vectors = msgspec.json.Decoder(_Vectors)
_json = msgspec.json.Encoder(decimal_format="number")


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """What one call came to. `trouble` says why there is no answer, '' where there is one; `cost` None: nobody knows it."""

    text: str = ""
    cost: Decimal | None = None
    latency_ms: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCalls:
    """Calls of one feature with one key, to the gateway at `base` (`http://127.0.0.1:4000`)."""

    base: str
    key: str
    feature: str
    timeout_ms: int = 120_000

    def answer(
        self,
        model: str,
        messages: Sequence[Mapping[str, object]],
        *,
        step: str = "",
        parameters: Mapping[str, object] = {},
    ) -> Reached:
        """What the model answers to a conversation; its tool calls as JSON where it makes some."""
        return self._chat(model, messages, step, "generation", parameters)

    def verdict(self, model: str, messages: Sequence[Mapping[str, object]], tokens_max: int) -> Reached:
        """What a judge says."""
        return self._chat(model, messages, "judge", "judging", {"max_completion_tokens": tokens_max})

    def vectors(self, model: str, texts: Sequence[str]) -> tuple[list[list[float]], Reached]:  # float: vectors
        """The embeddings of the texts, in their order; none where there is trouble."""
        body = {"model": model, "input": list(texts)}
        reply, reached = self._post(
            "/v1/embeddings", body, {**self._headers("judge"), "x-floorline-call-type": "judging"}
        )
        if reply is None:
            return [], reached
        try:
            found = [one.embedding for one in _vectors.decode(reply.body).data]
        except msgspec.DecodeError as error:
            return [], msgspec.structs.replace(reached, trouble=f"the answer is no list of embeddings: {error}")
        if len(found) != len(texts):
            return [], msgspec.structs.replace(reached, trouble=f"{len(found)} embeddings of {len(texts)} texts")
        return found, reached

    def _chat(
        self,
        model: str,
        messages: Sequence[Mapping[str, object]],
        step: str,
        call_type: str,
        parameters: Mapping[str, object],
    ) -> Reached:
        body = {**parameters, "model": model, "messages": messages}
        headers = {**self._headers(step), "x-floorline-call-type": call_type}
        reply, reached = self._post("/v1/chat/completions", body, headers)
        if reply is None:
            return reached
        try:
            text = _said(_chat.decode(reply.body))
        except msgspec.DecodeError as error:
            return msgspec.structs.replace(reached, trouble=f"the answer is no chat completion: {error}")
        return msgspec.structs.replace(reached, text=text, trouble="" if text else "the answer is empty")

    def _headers(self, step: str) -> dict[str, str]:
        headers = {
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            "x-floorline-feature": self.feature,
            "x-floorline-purpose": "evaluation",
        }
        return {**headers, "x-floorline-step": step} if step else headers

    def _post(self, path: str, body: object, headers: Mapping[str, str]) -> tuple[Reply | None, Reached]:
        began = time.monotonic_ns()
        try:
            reply = post(
                self.base.rstrip("/") + path,
                _json.encode(body),
                headers,
                timeout_ms=self.timeout_ms,
                body_max=BODY_BYTES_MAX,
            )
        except Unreached as unreached:
            return None, Reached(latency_ms=_since_ms(began), cost=ZERO, trouble=str(unreached))
        reached = Reached(cost=_cost(reply), latency_ms=_since_ms(began), trouble=_trouble(reply))
        return (None if reached.trouble else reply), reached


def _said(chat: _Chat) -> str:
    """The words of the answer, or its tool calls as JSON; '' where it has neither."""
    if not chat.choices:
        return ""
    message = chat.choices[0].message
    if message.tool_calls:
        return _json.encode([_called(tool.function) for tool in message.tool_calls]).decode()
    return message.content or message.refusal or ""


def _called(function: _Function) -> Mapping[str, object]:
    try:
        return {"name": function.name, "arguments": msgspec.json.decode(function.arguments)}
    except msgspec.DecodeError:
        return {"name": function.name, "arguments": function.arguments}


def _trouble(reply: Reply) -> str:
    """Why the answer is not the asked model's own; '' where it is."""
    if reply.status != 200:
        return reply.words
    verdict = reply.headers.get("x-floorline-verdict")
    if verdict is None:
        return "the address is no Floorline gateway: it says no verdict"
    if verdict != "forward":
        return f"the gateway answered with a {verdict}, not the model"
    other = reply.headers.get("x-floorline-fallback-from")
    return f"the provider {other} failed, and another one answered" if other else ""


def _cost(reply: Reply) -> Decimal | None:
    stated = reply.headers.get("x-floorline-cost-usd")
    try:
        return None if stated is None else Decimal(stated)
    except InvalidOperation:
        return None


def _since_ms(began_ns: int) -> int:
    return (time.monotonic_ns() - began_ns) // 1_000_000
