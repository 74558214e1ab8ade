"""A provider's answer, whole or in chunks, to the usage it reports."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from floorline.events import Usage
from floorline.pricing.usage import anthropic, bedrock, google, openai, others
from floorline.pricing.usage.extraction import Extraction
from floorline.pricing.usage.framing import LIMIT_BYTES, Framer, SseFramer, framer
from floorline.pricing.usage.gather import Gathered, telling
from floorline.pricing.usage.part import Part, context_of
from floorline.pricing.usage.plain import plain_chat
from floorline.pricing.usage.tally import Fields

_NO_HEADERS: Mapping[str, str] = {}
_PLAIN_TYPE = "application/json"
_ANTHROPIC_WORDS = ("cache_creation_input_tokens", "cache_read_input_tokens", "server_tool_use", "iterations")


def read_answer(
    provider: str,
    endpoint: str,
    body: bytes,
    *,
    content_type: str = "",
    status: int = 200,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Extraction:
    """The usage that a whole answer reports, streamed or not. Never raises, whatever `body` holds.

    `endpoint` is a family as `endpoint_family` names it, or '' when it is not known; `headers` are the answer's own
    (Bedrock states token counts there); compression is the caller's.
    """
    if status < 400 and content_type.startswith(_PLAIN_TYPE) and len(body) <= LIMIT_BYTES:
        plain = plain_chat(provider, endpoint, body)
        if plain is not None:
            return plain
    reader = UsageReader(provider, endpoint, content_type=content_type, status=status, headers=headers)
    reader.feed(body)
    return reader.finish()


class UsageReader:
    """Reads the same from an answer that arrives in chunks: `feed` bytes as they come, then `finish` once.

    Holds at most one unfinished payload of at most `limit_bytes`. Any chunking gives the same result.
    """

    def __init__(
        self,
        provider: str,
        endpoint: str = "",
        *,
        content_type: str = "",
        status: int = 200,
        headers: Mapping[str, str] = _NO_HEADERS,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._provider = provider
        self._content_type = content_type
        self._status = status
        self._headers = headers
        self._limit_bytes = limit_bytes
        self._framer: Framer | None = None
        self._start = b""
        self._gathered = Gathered(endpoint=endpoint)
        self._skims = (
            False  # whole events that say nothing about usage, as nearly all of a stream, need not be taken apart
        )

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes of the answer, however cut."""
        if self._skims and chunk.endswith(b"\n\n") and not telling(chunk):
            return
        if self._framer is None:
            self._start += chunk
            begun = self._start.lstrip()
            if len(begun) < 8 and len(self._start) < 4096:
                return
            self._begin(begun)
        else:
            self._take(self._framer.feed(chunk))

    def _begin(self, begun: bytes) -> None:
        self._framer = framer(self._content_type, begun, self._limit_bytes)
        self._start = b""
        self._take(self._framer.feed(begun))

    def _take(self, payloads: Iterable[bytes]) -> None:
        for payload in payloads:
            self._gathered.take(payload, streamed=True)
        framer = self._framer
        self._skims = type(framer) is SseFramer and framer.between and self._gathered.model != ""

    def finish(self) -> Extraction:
        """The answer has ended: what it reported."""
        if self._framer is None:
            begun = self._start.lstrip()
            if begun:
                self._begin(begun)
        if self._framer is not None:
            self._take(self._framer.close())
        trouble = "" if self._framer is None else self._framer.trouble
        return extract(self._provider, self._gathered, self._headers, status=self._status, trouble=trouble)


def extract(
    provider: str, gathered: Gathered, headers: Mapping[str, str], *, status: int = 200, trouble: str = ""
) -> Extraction:
    """The extraction of everything gathered. `trouble` is what was wrong with the answer's framing."""
    parts = [part for part in _parts(provider, gathered, headers) if _says_something(part)]
    problems = [problem for part in parts for problem in part.tally.problems]
    trouble = trouble or gathered.unreadable
    if not parts:
        if trouble and status < 400:
            return Extraction(status="error", reason=trouble)
        return Extraction(status="no_usage", reason=_silence(gathered, status))
    if any(part.tally.unreadable for part in parts):
        return Extraction(status="error", reason=problems[0])
    usages = _label(gathered, parts)
    total = usages[0].provider_total
    return Extraction(
        status="error" if problems or trouble else "ok",
        usage=usages[0],
        also=tuple(usages[1:]),
        checksum_ok=None if total is None else total == sum(usage.tokens for usage in usages),
        reason=(problems or [trouble])[0],
        complete=gathered.complete and not trouble,
    )


def _says_something(part: Part) -> bool:
    return bool(part.tally.buckets or part.tally.counts or part.tally.unreadable)


def _label(gathered: Gathered, parts: list[Part]) -> list[Usage]:
    """The parts as records: the answer's model and tier, one request, each part's own names where it has them."""
    source = gathered.google or gathered.usage
    tier, context = context_of(gathered.tier, source, batch=gathered.batch)
    for place, part in enumerate(parts):
        part.model = part.model or (gathered.model if place == 0 else "")
        part.tier, part.context = tier, context
        if place == 0:
            part.tally.count("requests", Decimal(1))
    return [part.usage() for part in parts]


def _parts(provider: str, gathered: Gathered, headers: Mapping[str, str]) -> list[Part]:
    """The parts of whichever dialect the answer speaks. The body's own words come before what Bedrock adds to them."""
    if gathered.google:
        return [google.generate(gathered)]
    if gathered.agents:
        return bedrock.agents(gathered)
    usage = gathered.usage
    if usage:
        found = _usage_parts(provider, gathered, usage)
        if found:
            return found
    if gathered.cohere:
        part = others.cohere(gathered.cohere)
        if _says_something(part):
            return [part]
    for names, read in _FLAT:
        if any(name in gathered.flat for name in names):
            return [read(gathered)]
    if gathered.metrics:
        return [bedrock.metrics(gathered.metrics)]
    stated = bedrock.headers(headers)
    return [stated] if stated is not None else []


_FLAT: tuple[tuple[tuple[str, ...], Callable[[Gathered], Part]], ...] = (
    (("prompt_eval_count", "eval_count"), others.ollama),
    (("input_text_tokens", "output_text_tokens"), bedrock.titan),
    (("prompt_token_count", "generation_token_count"), bedrock.llama),
    (("input_token_count", "generated_token_count"), others.watsonx),
)


def _usage_parts(provider: str, gathered: Gathered, usage: Fields) -> list[Part]:
    """The parts of a plain `usage` object, told apart by its words."""
    if "billed_units" in usage or isinstance(usage.get("tokens"), dict):
        return [others.cohere(usage)]
    if openai.has_shape(usage):
        return openai.breakdown(gathered, provider) or [openai.chat(usage, provider)]
    if "total_input_tokens" in usage:
        return [google.interactions(usage)]
    if "inputTokens" in usage or "outputTokens" in usage:
        return [bedrock.converse(usage)]
    if "input_tokens" in usage or "output_tokens" in usage:
        if gathered.anthropic or any(name in usage for name in _ANTHROPIC_WORDS):
            return anthropic.messages(gathered)
        image = openai.image_part(gathered)
        return [openai.responses(usage, gathered), *([image] if image else [])]
    if "seconds" in usage:
        return [openai.responses(usage, gathered)]
    if "pages_processed" in usage:
        return [others.documents(usage)]
    return [others.total_only(usage)] if "total_tokens" in usage else []


def _silence(gathered: Gathered, status: int) -> str:
    """Why there is no usage, as far as it can be known."""
    if status >= 400:
        return f"HTTP {status}: the provider answered with an error and reports no usage"
    if gathered.google:
        return "the answer has a usage block without any count: the prompt was blocked before it was read"
    if gathered.usage:
        return f"usage is reported in units that are not tokens: {', '.join(sorted(gathered.usage)[:5])}"
    if gathered.endpoint in ("chat.completions", "completions"):
        return "the answer reports no usage: ask for it with stream_options.include_usage"
    return "the answer reports no usage"
