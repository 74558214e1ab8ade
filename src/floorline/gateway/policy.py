"""What a gateway is told: providers, models and rules, as frozen values. `config` reads them, nothing here is looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from floorline.embedding.embedder import LocalModel
from floorline.guardrails.allowance import NOTHING, Allowance
from floorline.guardrails.rules import Guardrails

Dialect = Literal["openai", "anthropic", "gemini", "bedrock"]
"""The shape of requests, answers and errors."""

Kind = Literal["plain", "azure", "vertex", "bedrock"]
"""How a provider's paths and credentials differ from its dialect's plain ones."""

Auth = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "sigv4", "google", "none"]
Unattributed = Literal["require", "warn", "allow"]
Disconnect = Literal["drain", "abort"]
Choose = Literal["weighted", "fastest", "cheapest"]
Capture = Literal["off", "metadata", "sample", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Milliseconds until an attempt is given up: to connect, to its first byte, between two bytes, in all."""

    connect_ms: int = 5_000
    first_byte_ms: int = 600_000
    idle_ms: int = 300_000
    total_ms: int = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One upstream. Callers can choose among providers, never set an address.

    `base_url` is where the dialect's paths begin (`https://api.openai.com/v1`, `https://api.anthropic.com`).
    `price_as` names whose prices hold; '' is the provider's own name. `region` is what `allowed_regions` binds.
    `proxy` is the URL of a forward proxy, '' for none.
    """

    name: str
    dialect: Dialect
    base_url: str
    kind: Kind = "plain"
    auth: Auth = "bearer"
    api_key: str = field(default="", repr=False)
    price_as: str = ""
    region: str = ""
    api_version: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeouts: Timeouts = Timeouts()
    ca_file: str = ""
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place that can serve a model. Targets of a lower `tier` are tried first; within one, by `weight`.

    `model` is the name to ask the provider for; '' is the name that the caller asked for.
    """

    provider: str
    model: str = ""
    tier: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelGroup:
    """What a model name of the callers stands for. `attempts_max` bounds the attempts of one call over all targets. `choose` says which
    of the targets of one tier is asked first: one by its weight, the one that answers soonest, or the one that the call costs least at.
    """

    name: str
    targets: tuple[Target, ...]
    attempts_max: int = 3
    choose: Choose = "weighted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Where calls may go; None allows every one. It binds every attempt."""

    providers: frozenset[str] | None = None
    regions: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capturing:
    """Whether prompts and answers are kept: `share` of the calls at `sample`, for `ttl_days`."""

    mode: Capture = "off"
    share: Decimal = Decimal(0)
    ttl_days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStores:
    """Where a gateway keeps stored answers: in its memory, and behind that on the machine's disk (0: not) and in a Redis that
    gateways share ('': not). What the semantic cache keeps is in the memory, up to `semantic_bytes`, and in the Redis.
    """

    memory_bytes: int = 16 << 20
    semantic_bytes: int = 64 << 20
    disk_bytes: int = 0
    redis: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """What makes vectors of questions: a model on this machine, one that is `served` as a model of this gateway, or, without either,
    letters alone. A call waits `time_ms` at most for its question to be looked up.

    `dimensions` is what a served model is asked for, None as many as it likes; `tokens_max` is its window.
    """

    local: LocalModel | None = None
    served: str = ""
    dimensions: int | None = None
    tokens_max: int = 8_191
    time_ms: int = 500


LETTERS = Embedding()


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFile:
    """A classifier that was fitted from examples, and the name of the embedder that it goes by, '' for letters alone."""

    path: Path
    embedder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a gateway takes from outside, and how long it waits for it.

    `held_bytes_max` bounds the bodies of all requests under way, in one process. `idle_ms` is how long a client may send
    no further request, and how long one may take nothing of what is written to it.
    """

    header_bytes_max: int = 64 << 10
    body_bytes_max: int = 64 << 20
    held_bytes_max: int = 1 << 30
    header_ms: int = 30_000
    body_ms: int = 300_000
    idle_ms: int = 120_000
    connections_max: int = 10_000
    drains_max: int = 256
    drain_ms: int = 120_000
    shutdown_ms: int = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Where several gateways count in one place: the Redis at `url`, its keys beginning with `prefix`. `fail` says what holds while it
    cannot be reached: `closed` refuses what has a hard limit, `open` goes by what the gateway knows itself.
    """

    url: str = field(repr=False)
    prefix: str = "floorline"
    timeout_ms: int = 500
    fail: Literal["open", "closed"] = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPolicy:
    """Everything that floorline.yaml tells a gateway. `providers` keeps the file's order: a model that no group names
    goes to the first provider of the request's dialect.

    `attributes` are what rules may ask of each customer. `redact` names the user's hook as `package.module:function`, '' for none. `request_hash`: each record says, as a keyed hash, what was
    asked. `guardrails` None: there are none. `sharing` None: each gateway process counts for itself. `accounting` off leaves attribution, prices and records out; it exists for measurements.
    """

    providers: Mapping[str, Provider] = field(default_factory=dict[str, Provider])
    models: Mapping[str, ModelGroup] = field(default_factory=dict[str, ModelGroup])
    features: Mapping[str, Allowed] = field(default_factory=dict[str, Allowed])
    customers: Mapping[str, Allowed] = field(default_factory=dict[str, Allowed])
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    capture: Mapping[str, Capturing] = field(default_factory=dict[str, Capturing])
    unattributed: Unattributed = "warn"
    disconnect: Disconnect = "drain"
    limits: Limits = Limits()
    trusted_cost_providers: frozenset[str] = frozenset()
    allowance: Allowance = NOTHING
    sharing: Sharing | None = None
    spool_fail: Literal["open", "closed"] = "closed"
    spool_quota_bytes: int = 4 << 30
    redact: str = ""
    request_hash: bool = True
    accounting: bool = True
    guardrails: Guardrails | None = None
    cache: CacheStores = CacheStores()
    embedders: Mapping[str, Embedding] = field(default_factory=dict[str, Embedding])
    intents: Mapping[str, IntentFile] = field(default_factory=dict[str, IntentFile])


def counts_apart(policy: GatewayPolicy, processes: int) -> str:
    """Why so many gateway processes cannot hold what the policy allows to be spent; '' where they can."""
    if processes < 2 or policy.sharing is not None or not policy.allowance.is_hard:
        return ""
    hard = [budget.name for budget in policy.allowance.budgets if budget.hard]
    hard += [rate.name for rate in policy.allowance.rates]
    return (
        f"{processes} gateway processes would each count {', '.join(hard)} for themselves, and together let through {processes} "
        "times as much: state where they count in one place (`counters: {redis: ${REDIS_URL}}`), run one process, or make the "
        "limits soft (`hard: off`)"
    )
