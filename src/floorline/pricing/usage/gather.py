"""What an answer says about usage, gathered from its payloads in order: the last value that is not null stands.

Nothing is summed here. A provider that repeats or accumulates its figures (Anthropic's `message_delta`, Gemini's every
chunk, Groq's `usage` and `x_groq.usage`) overwrites what it said before.
"""

import base64
import binascii
import re
from typing import cast

import msgspec

from floorline.pricing.usage.tally import ABSENT, Fields, decode, fields, items, text, texts


class Envelope(msgspec.Struct, frozen=True):
    """The members of a payload that can say something about usage. All others are skipped without being built."""

    usage: msgspec.Raw = ABSENT
    usage_metadata: msgspec.Raw = msgspec.field(name="usageMetadata", default=ABSENT)
    usage_info: msgspec.Raw = ABSENT
    x_groq: msgspec.Raw = ABSENT
    usage_breakdown: msgspec.Raw = ABSENT
    meta: msgspec.Raw = ABSENT
    metrics: msgspec.Raw = msgspec.field(name="amazon-bedrock-invocationMetrics", default=ABSENT)
    tool_usage: msgspec.Raw = ABSENT
    type: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    model_version: msgspec.Raw = msgspec.field(name="modelVersion", default=ABSENT)
    service_tier: msgspec.Raw = ABSENT
    service_tier_google: msgspec.Raw = msgspec.field(name="serviceTier", default=ABSENT)
    # answers inside answers
    message: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT
    delta: msgspec.Raw = ABSENT
    interaction: msgspec.Raw = ABSENT
    metadata: msgspec.Raw = ABSENT
    result: msgspec.Raw = ABSENT
    body: msgspec.Raw = ABSENT
    custom_id: msgspec.Raw = ABSENT
    chunks_json: msgspec.Raw = ABSENT
    bytes: msgspec.Raw = ABSENT
    trace: msgspec.Raw = ABSENT
    # what providers' own tools did
    output: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    content_block: msgspec.Raw = ABSENT
    candidates: msgspec.Raw = ABSENT
    # counts beside the answer
    results: msgspec.Raw = ABSENT
    prompt_eval_count: msgspec.Raw = ABSENT
    eval_count: msgspec.Raw = ABSENT
    input_text_tokens: msgspec.Raw = msgspec.field(name="inputTextTokenCount", default=ABSENT)
    output_text_tokens: msgspec.Raw = msgspec.field(name="totalOutputTextTokenCount", default=ABSENT)
    prompt_token_count: msgspec.Raw = ABSENT
    generation_token_count: msgspec.Raw = ABSENT


_ENVELOPE = msgspec.json.Decoder(Envelope)
_FLAT = (
    "prompt_eval_count", "eval_count", "input_text_tokens", "output_text_tokens",
    "prompt_token_count", "generation_token_count",
)  # fmt: skip
_TELLING = (
    b"_count", b"Count", b"etrics", b"rounding", b"server_tool", b"executableCode", b"finishReason", b"bytes", b"billed",
)  # fmt: skip
_TOOL_ITEMS = re.compile(rb"(?:search|interpreter|mcp|generation|computer)_call\"")
_MAX_DEPTH = 6  # answers inside answers: a batch line, its response, its body


class Unreadable(Exception):
    """A payload is not JSON."""


def telling(payload: bytes) -> bool:
    """Whether a payload of a stream can say something about usage, by its words. OpenAI's chunks say `"usage":null` until
    the last one does not.
    """
    return any(map(payload.__contains__, _TELLING)) or payload.count(b"sage") > payload.count(b'"usage":null')


def envelope(payload: bytes | msgspec.Raw) -> Envelope | None:
    """The payload's members, or None when it is JSON but no object. Unreadable says what is wrong otherwise."""
    try:
        return _ENVELOPE.decode(payload)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error) or type(error).__name__) from error


def merge(into: dict[str, object], new: Fields) -> None:
    """Overwrite `into` with what `new` gives a value; objects are merged member by member, arrays replaced."""
    for key, value in new.items():
        if value is None:
            continue
        held = into.get(key)
        if isinstance(value, dict):
            inner: dict[str, object] = cast("dict[str, object]", held) if isinstance(held, dict) else {}
            into[key] = inner
            merge(inner, fields(cast("object", value)))
        else:
            into[key] = value


class Gathered(msgspec.Struct):
    """Everything seen so far. `agents`: usage of each model invocation of a Bedrock agent by its trace."""

    endpoint: str = ""
    usage: dict[str, object] = {}
    google: dict[str, object] = {}
    cohere: dict[str, object] = {}
    metrics: dict[str, object] = {}
    flat: dict[str, object] = {}
    results: list[Fields] = []
    breakdown: list[Fields] = []
    agents: dict[str, dict[str, object]] = {}
    model: str = ""
    tier: str = ""
    batch: bool = False
    anthropic: bool = False
    complete: bool = True
    finished: bool = False
    unreadable: str = ""
    output: list[Fields] = []
    tool_usage: dict[str, object] = {}
    server_tools: dict[str, str] = {}
    queries: set[str] = set()
    code_runs: int = 0

    def take(self, payload: bytes, *, streamed: bool = False) -> None:
        """Take in one payload. Payloads of a stream that say nothing about usage are passed over unread."""
        if streamed and self.model and not telling(payload):
            return
        try:
            self._enter(payload, 0)
        except Unreadable as error:
            lines = payload.splitlines() if b"\n" in payload.strip() else []
            if not self._lines(lines):
                self.unreadable = self.unreadable or f"not JSON: {error}"

    def _lines(self, lines: list[bytes]) -> bool:
        """Read each line as a payload of its own; False when there are none or one is not JSON."""
        taken = False
        for line in lines:
            if not line.strip():
                continue
            try:
                self._enter(line, 0)
            except Unreadable:
                return False
            taken = True
        return taken

    def _enter(self, payload: bytes | msgspec.Raw, depth: int) -> None:
        seen = envelope(payload) if depth < _MAX_DEPTH else None
        if seen is None:
            return
        kind = text(decode(seen.type))
        self._names(seen, kind)
        for usage in (seen.usage, seen.usage_info):
            if usage is not ABSENT:
                self._usage(usage)
        if bytes(seen.usage_metadata):
            merge(self.google, fields(decode(seen.usage_metadata)))
            self.finished = self.finished or b"finishReason" in bytes(seen.candidates)
            self.complete = self.finished or not bytes(seen.candidates)
        self._groq(seen)
        if seen.metrics is not ABSENT:
            merge(self.metrics, fields(decode(seen.metrics)))
        for name in _FLAT:
            raw = cast("msgspec.Raw", getattr(seen, name))
            value = None if raw is ABSENT else decode(raw)
            if value is not None:
                self.flat[name] = value
        if bytes(seen.results):
            self._results(items(decode(seen.results)))
        self._tools(seen, kind)
        self._inner(seen, kind, depth)

    def _usage(self, raw: msgspec.Raw) -> None:
        """Take in a plain usage object. The first one of an answer, without a null in it, stands as it is."""
        new = fields(decode(raw))
        if self.usage or b"null" in bytes(raw):
            merge(self.usage, new)
        else:
            self.usage = cast("dict[str, object]", new) if new else self.usage

    def _names(self, seen: Envelope, kind: str) -> None:
        """Model, tier and the signs of Anthropic's dialect."""
        self.model = text(decode(seen.model)) or text(decode(seen.model_version)) or self.model
        self.tier = text(decode(seen.service_tier)) or text(decode(seen.service_tier_google)) or self.tier
        if kind in ("message", "message_start", "message_delta"):
            self.anthropic = True
            self.complete = kind != "message_start"

    def _groq(self, seen: Envelope) -> None:
        if seen.x_groq is ABSENT and seen.usage_breakdown is ABSENT:
            return
        own = fields(decode(seen.x_groq))
        merge(self.usage, fields(own.get("usage")))
        models = items(fields(decode(seen.usage_breakdown) or own.get("usage_breakdown")).get("models"))
        self.breakdown = models or self.breakdown

    def _results(self, results: list[Fields]) -> None:
        """Watsonx states the prompt in its first chunk and 0 after it: the largest value stands, field by field."""
        if not any("input_token_count" in result or "generated_token_count" in result for result in results):
            self.results = results
            return
        for result in results:
            for name in ("input_token_count", "generated_token_count"):
                value, held = result.get(name), self.flat.get(name)
                if value is not None and not (isinstance(value, int) and isinstance(held, int) and held > value):
                    self.flat[name] = value

    def _tools(self, seen: Envelope, kind: str) -> None:
        """What the provider's own tools did, as far as the answer's content tells and its usage does not."""
        if seen.tool_usage is not ABSENT:
            merge(self.tool_usage, fields(decode(seen.tool_usage)))
        if _TOOL_ITEMS.search(bytes(seen.output)):
            self.output = items(decode(seen.output))
        blocks = items(decode(seen.content)) if b"server_tool_use" in bytes(seen.content) else []
        if kind == "content_block_start":
            blocks = [fields(decode(seen.content_block))]
        for block in blocks:
            if block.get("type") == "server_tool_use":
                self.server_tools[text(block.get("id")) or str(len(self.server_tools))] = text(block.get("name"))
        candidates = bytes(seen.candidates)
        if b"webSearchQueries" in candidates or b"executableCode" in candidates:
            self._candidates(items(decode(seen.candidates)))

    def _candidates(self, candidates: list[Fields]) -> None:
        for candidate in candidates:
            grounding = fields(candidate.get("groundingMetadata"))
            self.queries.update(query for query in texts(grounding.get("webSearchQueries")) if query)
            parts = items(fields(candidate.get("content")).get("parts"))
            self.code_runs += sum(1 for part in parts if "executableCode" in part)

    def _inner(self, seen: Envelope, kind: str, depth: int) -> None:
        """Enter the answers that this payload carries inside it."""
        if bytes(seen.custom_id):
            self.batch = True
        if bytes(seen.meta):
            merge(self.cohere, fields(decode(seen.meta)))
        # `metadata` is the caller's own elsewhere, echoed: there it must not be believed.
        own = self.endpoint in ("invoke-stream", "converse-stream", "interactions") or bytes(seen.metrics)
        for raw in (seen.response, seen.interaction, seen.metadata if own else ABSENT, seen.result, seen.body):
            if bytes(raw)[:1] == b"{":
                self._enter(raw, depth + 1)
        if bytes(seen.message)[:1] == b"{" and (kind == "message_start" or self.batch):
            self._enter(seen.message, depth + 1)
            self.complete = self.batch
        if bytes(seen.delta)[:1] == b"{" and b"usage" in bytes(seen.delta):
            self._enter(seen.delta, depth + 1)
        if bytes(seen.bytes)[:1] == b'"' and self.endpoint != "agents":
            self._base64(text(decode(seen.bytes)), depth)
        if bytes(seen.trace)[:1] == b"{" and b"modelInvocation" in bytes(seen.trace):
            self._trace(fields(decode(seen.trace)))
        for chunk in items(decode(seen.chunks_json)) if bytes(seen.chunks_json) else ():
            self._chunk(fields(chunk.get("chunk")))

    def _base64(self, encoded: str, depth: int) -> None:
        """Bedrock wraps each event of a model's own stream: {"bytes": base64 of its JSON}."""
        try:
            inner = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return
        if inner[:1] == b"{":
            self._enter(inner, depth + 1)

    def _chunk(self, chunk: Fields) -> None:
        """One message of xAI's gRPC stream, shown as JSON."""
        self.model = text(chunk.get("model")) or self.model
        merge(self.usage, fields(chunk.get("usage")))

    def _trace(self, trace: Fields) -> None:
        """A Bedrock agent's trace: the model that an invocation names, and afterwards what it used."""
        for step in trace.values():
            given = fields(fields(step).get("modelInvocationInput"))
            if given:
                held = self.agents.setdefault(text(given.get("traceId")), {})
                held["model"] = text(given.get("foundationModel"))
            done = fields(fields(step).get("modelInvocationOutput"))
            used = fields(fields(done.get("metadata")).get("usage"))
            if used:
                merge(self.agents.setdefault(text(done.get("traceId")), {}), {"usage": dict(used)})
