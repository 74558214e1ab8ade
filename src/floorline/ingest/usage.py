"""The usage event: one call of a model as an application reports it, and the priced Call it becomes.

`input_tokens` is the whole prompt side and `output_tokens` the whole answer side; every other token field is a part of
one of them and is subtracted here, so that the ledger's buckets are disjoint and sum to the two wholes.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, cast, get_args

import msgspec

from floorline.errors import BadRow
from floorline.events import (
    CALL_TYPES,
    COUNTS,
    ENDINGS,
    ENVIRONMENTS,
    INPUT_BUCKETS,
    OUTPUT_BUCKETS,
    PURPOSES,
    Arm,
    Mode,
    Touch,
    Usage,
)  # fmt: skip
from floorline.ingest.fields import (
    Field,
    Table,
    amount,
    boolean,
    choice,
    count,
    instant,
    metadata,
    quantity,
    table,
    text,
    texts,
)  # fmt: skip
from floorline.ingest.files import parse_json
from floorline.money import ZERO

VERDICTS = ("forward", "hit", "refuse")
CACHES = ("exact", "semantic", "miss", "refresh", "off")
ATTEMPTS_MAX = 64
TOUCHES_MAX = 16
_DURATION_MS_MAX = Decimal(86_400_000)


class Billed(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt used: the two wholes, their parts, and counts. None was not reported, which is not zero."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    input_video_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_read_audio_tokens: int | None = None
    cache_read_image_tokens: int | None = None
    cache_read_video_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    output_video_tokens: int | None = None
    citation_tokens: int | None = None
    requests: Decimal | None = None
    web_searches: Decimal | None = None
    social_searches: Decimal | None = None
    storage_searches: Decimal | None = None
    code_executions: Decimal | None = None
    tool_calls: Decimal | None = None
    rerank_searches: Decimal | None = None
    input_characters: Decimal | None = None
    input_audio_seconds: Decimal | None = None
    output_audio_seconds: Decimal | None = None
    document_pages: Decimal | None = None
    annotated_document_pages: Decimal | None = None
    images: Decimal | None = None
    text_messages: Decimal | None = None
    pixels: Decimal | None = None
    gpu_seconds: Decimal | None = None


class AttemptEvent(Billed, frozen=True, kw_only=True):
    """One request on the wire. An earlier attempt carries what it used itself; the last one's usage is the event's."""

    provider: str = ""
    model: str = ""
    status: int = 200
    ending: str = "complete"
    started_ms: Decimal = Decimal(0)
    duration_ms: Decimal = Decimal(0)


class UsageEvent(Billed, frozen=True, kw_only=True):
    """One call as an application reports it; docs/importing.md says what each field means."""

    request_id: str
    timestamp: datetime
    model: str
    model_served: str = ""
    provider: str = ""
    customer_id: str = ""
    workspace_id: str = ""
    user_id: str = ""
    plan: str = ""
    key_id: str = ""
    feature: str = ""
    workflow: str = ""
    run_id: str = ""
    step: str = ""
    call_type: str = "generation"
    environment: str = "production"
    purpose: str = "production"
    metadata: Mapping[str, str] = {}
    gateway: str = ""
    dialect: str = ""
    streamed: bool = False
    status: int = 200
    ending: str = ""
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    cache: str = ""
    cache_hit: bool = False
    baseline: str = ""
    holdout: tuple[str, ...] = ()
    touches: tuple[Touch, ...] = ()
    service_tier: str = ""
    speed: str = ""
    batch: bool = False
    estimated: bool = False
    latency_ms: Decimal = Decimal(0)
    first_token_ms: Decimal | None = None
    overhead_ms: Decimal = Decimal(0)
    cost_usd: Decimal | None = None
    counterfactual_cost_usd: Decimal | None = None
    retries: int = 0
    attempts: tuple[AttemptEvent, ...] = ()


def _milliseconds(value: Any) -> Decimal:
    duration = quantity(value)
    if duration > _DURATION_MS_MAX:
        raise BadRow(f"{duration:f} is longer than a day ({_DURATION_MS_MAX} ms)")
    return duration


def _status(value: Any) -> int:
    code = count(value)
    if not 100 <= code <= 599:
        raise BadRow(f"{code} is not an HTTP status (100 to 599)")
    return code


def _retries(value: Any) -> int:
    number = count(value)
    if number >= ATTEMPTS_MAX:
        raise BadRow(f"{number} is too many: a call has at most {ATTEMPTS_MAX} attempts")
    return number


def _token(name: str, doc: str) -> Field:
    return Field(name=name, parse=count, doc=doc, default=None)


_WHOLES = frozenset({"input", "output"})
_INPUT_PARTS = {f"{bucket}_tokens": bucket for bucket in INPUT_BUCKETS if bucket != "input"}
_OUTPUT_PARTS = {f"{bucket}_tokens": bucket for bucket in OUTPUT_BUCKETS if bucket != "output"}
_BILLED = (
    _token("input_tokens", "every token of the prompt side, cached or not"),
    _token("output_tokens", "every token of the answer side, reasoning included"),
    *(_token(name, f"the part of input_tokens in the bucket {bucket}") for name, bucket in _INPUT_PARTS.items()),
    *(_token(name, f"the part of output_tokens in the bucket {bucket}") for name, bucket in _OUTPUT_PARTS.items()),
    *(Field(name=name, parse=quantity, doc=f"{name.replace('_', ' ')}, where they are billed", default=None) for name in COUNTS),
)  # fmt: skip
_ENDING = Field(name="ending", parse=choice(*ENDINGS), doc=f"how it ended: {', '.join(ENDINGS)}")
ATTEMPT = table(
    "attempts",
    (
        Field(name="provider", parse=text, doc="who served it"),
        Field(name="model", parse=text, doc="the model asked for"),
        Field(name="status", parse=_status, doc="HTTP status", default=200),
        _ENDING,
        Field(name="started_ms", parse=_milliseconds, doc="milliseconds after timestamp", default=Decimal(0)),
        Field(name="duration_ms", parse=_milliseconds, doc="milliseconds it took", default=Decimal(0)),
        *_BILLED,
    ),
)


TOUCH = table(
    "touches",
    (
        Field(name="guardrail", parse=text, doc="which guardrail: cache, output, route …; at most one entry of each", required=True),
        Field(name="mode", parse=choice(*get_args(Mode)), doc="how far it was on: shadow, canary, enforce", required=True),
        Field(name="arm", parse=choice(*get_args(Arm)), doc="whether it acted: treated, holdout, shadow, untouched", required=True),
        Field(name="action", parse=text, doc="what it did, or would have done: hit, cap, downgrade …", required=True),
        Field(name="saved", parse=amount, doc="USD that this saved, or would have; empty: nobody knows", default=None),
        Field(name="cost", parse=amount, doc="USD that the guardrail itself cost for this call", default=ZERO),
    ),
)  # fmt: skip


def _attempts(value: Any) -> tuple[dict[str, Any], ...]:
    attempts = _entries(value, ATTEMPT, "attempts", ATTEMPTS_MAX)
    for number, attempt in enumerate(attempts, 1):
        if reason := _parts_beyond_whole(attempt):
            raise BadRow(f"[{number}]: {reason}")
    return attempts


def _touches(value: Any) -> tuple[dict[str, Any], ...]:
    touches = _entries(value, TOUCH, "touches", TOUCHES_MAX)
    names = [touch["guardrail"] for touch in touches]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise BadRow(f"has two entries of the guardrail {twice!r}: a guardrail touches a call once")
    return touches


def _entries(value: Any, of: Table, what: str, most: int) -> tuple[dict[str, Any], ...]:
    """The normal values of a list of objects, or of JSON text of one."""
    if isinstance(value, str):
        value = parse_json(value)
    if not isinstance(value, list):
        raise BadRow(f"is not a list of {what}")
    entries: list[dict[str, Any]] = []
    for number, raw in enumerate(cast("list[Any]", value), 1):
        parsed = of.parse(cast("dict[str, Any]", raw)) if isinstance(raw, dict) else BadRow("is not an object")
        if isinstance(parsed, BadRow):
            raise BadRow(f"[{number}]: {parsed}")
        entries.append(parsed)
    if len(entries) > most:
        raise BadRow(f"has {len(entries)} entries, at most {most}")
    return tuple(entries)


USAGE: Table = table(
    "usage",
    (
        Field(name="request_id", parse=text, doc="the call's id, unique within its source", required=True),
        Field(name="timestamp", parse=instant, doc="when the call was made", required=True, default=None),
        Field(name="model", parse=text, doc="the model asked for", required=True),
        Field(name="model_served", parse=text, doc="the model that answered, if another"),
        Field(name="provider", parse=text, doc="who served it; optional where the model's name is unambiguous"),
        Field(name="customer_id", parse=text, doc="who pays"),
        Field(name="workspace_id", parse=text, doc="the customer when customer_id is not given; else kept in the metadata"),
        Field(name="user_id", parse=text, doc="who acted"),
        Field(name="plan", parse=text, doc="what the customer bought; else the dated customers table says"),
        Field(name="key_id", parse=text, doc="the API key's name"),
        Field(name="feature", parse=text, doc="AI feature of the product"),
        Field(name="workflow", parse=text, doc="named job the call is part of"),
        Field(name="run_id", parse=text, doc="one execution of the workflow"),
        Field(name="step", parse=text, doc="the call's place in the run"),
        Field(name="call_type", parse=choice(*CALL_TYPES), doc=", ".join(CALL_TYPES), default="generation"),
        Field(name="environment", parse=choice(*ENVIRONMENTS), doc=", ".join(ENVIRONMENTS), default="production"),
        Field(name="purpose", parse=choice(*PURPOSES), doc=", ".join(PURPOSES), default="production"),
        Field(name="metadata", parse=metadata, doc="an object of texts; also columns named metadata.NAME", default={}),
        Field(name="gateway", parse=text, doc="what recorded the call"),
        Field(name="dialect", parse=text, doc="API spoken: openai.chat, anthropic.messages …"),
        Field(name="streamed", parse=boolean, doc="whether the answer was a stream", default=False),
        Field(name="status", parse=_status, doc="HTTP status", default=200),
        _ENDING,
        Field(name="verdict", parse=choice(*VERDICTS), doc="forward, hit (served from a cache) or refuse"),
        Field(name="reasons", parse=texts, doc="why the verdict, separated by ;", default=()),
        Field(name="cache", parse=choice(*CACHES), doc=f"what the application's cache did: {', '.join(CACHES)}"),
        Field(name="cache_hit", parse=boolean, doc="the application's own cache served the answer: it cost nothing", default=False),
        Field(name="baseline", parse=text, doc="what costs are compared within: <prompt>@<route>, or the prompt alone (docs/baselines.md)"),
        Field(name="holdout", parse=texts, doc="optimisations this customer is held out of, separated by ;", default=()),
        Field(name="touches", parse=_touches, doc="what each of the application's own guardrails did to the call (below)", default=()),
        Field(name="service_tier", parse=text, doc="the tier the answer reports: flex, priority …"),
        Field(name="speed", parse=text, doc="the speed the answer reports: fast"),
        Field(name="batch", parse=boolean, doc="sent through the provider's batch API", default=False),
        Field(name="estimated", parse=boolean, doc="the token counts are an estimate of the sender", default=False),
        Field(name="latency_ms", parse=_milliseconds, doc="milliseconds until the answer was complete", default=Decimal(0)),
        Field(name="first_token_ms", parse=_milliseconds, doc="milliseconds until the first token", default=None),
        Field(name="overhead_ms", parse=_milliseconds, doc="milliseconds the gateway added", default=Decimal(0)),
        Field(name="cost_usd", parse=amount, doc="what the sender or provider says it cost; kept beside the computed cost", default=None),
        Field(name="counterfactual_cost_usd", parse=amount, doc="what it would have cost without the optimisation", default=None),
        Field(name="retries", parse=_retries, doc="earlier attempts of which nothing else is known", default=0),
        Field(name="attempts", parse=_attempts, doc="every request on the wire in order, the answering one last", default=()),
        *_BILLED,
    ),
    open_prefix="metadata.",
)  # fmt: skip


def usage_event(raw: Mapping[str, Any]) -> tuple[UsageEvent, dict[str, Any]] | BadRow:
    """The event of a row, and the normal values its fingerprint is taken of."""
    values = USAGE.parse(raw)
    if isinstance(values, BadRow):
        return values
    event = msgspec.convert(values, UsageEvent)
    reason = _parts_beyond_whole(values) or _contradiction(event)
    return BadRow(reason) if reason else (event, values)


def _contradiction(event: UsageEvent) -> str:
    """What in the event cannot be true together, or empty text."""
    if event.cache_hit and event.verdict not in {"", "hit"}:
        return f"cache_hit is true and verdict is {event.verdict!r}: a hit's verdict is 'hit'"
    if event.cache_hit and event.cache not in {"", "exact", "semantic"}:
        return f"cache_hit is true and cache is {event.cache!r}: a hit is 'exact' or 'semantic'"
    if event.attempts and event.retries not in {0, len(event.attempts) - 1}:
        return f"retries {event.retries} and {len(event.attempts)} attempts disagree: leave retries out"
    if event.attempts and any(reported(event.attempts[-1])):
        return "the last attempt carries usage of its own: its usage is the event's"
    if event.cost_usd is not None and event.cost_usd < 0:
        return f"cost_usd {event.cost_usd:f} is negative"
    return ""


def _parts_beyond_whole(values: Mapping[str, Any]) -> str:
    """Why the parts of an event or attempt cannot be parts of their whole, or empty text."""
    for whole, parts in (("input_tokens", _INPUT_PARTS), ("output_tokens", _OUTPUT_PARTS)):
        given: dict[str, int] = {name: tokens for name, tokens in values.items() if name in parts}
        if not given:
            continue
        total: int | None = values.get(whole)
        if total is None:
            return f"{next(iter(given))} is given without {whole}: {whole} is the whole, its parts included"
        if sum(given.values()) > total:
            listed = " + ".join(f"{name} {tokens}" for name, tokens in given.items())
            return f"{listed} exceeds {whole} {total}: {whole} is the whole, add the parts to it"
    return ""


def reported(used: Billed) -> Iterator[tuple[str, int | Decimal]]:
    """Every field of usage that was reported, with its quantity."""
    for name in Billed.__struct_fields__:
        number = getattr(used, name)
        if number is not None:
            yield name, number


def usage_of(used: Billed) -> Usage:
    """The disjoint buckets and counts of a checked event or attempt: the wholes less their parts."""
    buckets: dict[str, int] = {}
    counts: dict[str, Decimal] = {}
    for name, number in reported(used):
        if isinstance(number, Decimal):
            counts[name] = number
        else:
            buckets[name.removesuffix("_tokens")] = number
    for part in [name for name in buckets if name not in _WHOLES]:
        whole = "input" if part in INPUT_BUCKETS else "output"
        buckets[whole] -= buckets[part]
        assert buckets[whole] >= 0, "usage_event refuses parts beyond their whole"
    return Usage(buckets=buckets, counts=counts)
