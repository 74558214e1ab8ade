"""The records that enter the ledger, and the words they are made of.

Every record has an identity, (`source`, `id`): the same identity with the same content is the same record, however
often and in whatever order it arrives. Empty text means "not said"; None means "unknown" and is never zero.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

import msgspec

from floorline.money import ZERO

CostBasis = Literal["provider", "computed", "estimated", "unpriced"]
CALL_TYPES = (
    "generation", "classification", "extraction", "retrieval", "rerank", "embedding", "moderation", "routing", "judging",
)  # fmt: skip
ENDINGS = ("complete", "client_left", "upstream_error", "refused", "lost")
ENVIRONMENTS = ("production", "staging", "development")
PURPOSES = ("production", "internal", "evaluation")
COMPONENTS = ("inference", "orchestration", "infrastructure", "human_review", "support", "logging", "retries")
"""The waterfall's layers of cost."""

ORCHESTRATION = frozenset({"embedding", "retrieval", "rerank", "routing", "judging"})
"""Call types whose cost is orchestration; every other call type is inference."""

TOKEN_BUCKETS = (
    "input", "input_audio", "input_image", "input_video",
    "cache_read", "cache_read_audio", "cache_read_image", "cache_read_video",
    "cache_write_5m", "cache_write_1h",
    "output", "reasoning", "output_audio", "output_image", "output_video", "citation",
)  # fmt: skip
"""Disjoint: a token is in exactly one. `input` and `output` are what no other bucket of their side holds (plain text)."""

INPUT_BUCKETS = TOKEN_BUCKETS[:10]
OUTPUT_BUCKETS = TOKEN_BUCKETS[10:]
_INPUT = frozenset(INPUT_BUCKETS)
COUNTS = (
    "requests", "web_searches", "social_searches", "storage_searches", "code_executions", "tool_calls",
    "rerank_searches", "input_characters", "input_audio_seconds", "output_audio_seconds",
    "document_pages", "annotated_document_pages", "images", "text_messages", "pixels", "gpu_seconds",
)  # fmt: skip
"""Things billed by number or duration rather than by token."""

USAGE_UNITS = frozenset((*TOKEN_BUCKETS, *COUNTS))


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What every record of the ledger carries: who says so, and under which name."""

    source: str
    id: str


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """quantity × unit price ÷ `per` of one unit of one attempt; each amount in USD rounded once to 12 places.

    `list` is the catalogue's amount, `contracted` the negotiated one, `effective` what margin counts: contracted,
    or this line's share of a trusted provider-stated cost.
    """

    attempt: int = 0
    component: str
    unit: str
    quantity: Decimal
    per: int
    unit_price: Decimal
    list: Decimal
    contracted: Decimal
    effective: Decimal
    price_version: str


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One request put on the wire for a call (a retry, a fallback, a cascade stage)."""

    provider: str
    model: str
    status: int = 200
    started_us: int = 0
    duration_us: int = 0
    ending: str = "complete"


Mode = Literal["shadow", "canary", "enforce"]
Arm = Literal["treated", "holdout", "shadow", "untouched"]


class Touch(msgspec.Struct, frozen=True, kw_only=True):
    """What one guardrail did to a call. At most one a guardrail, in the order in which they decide.

    Only `treated` calls were changed: on a `holdout` (left alone so that effects are measured), in `shadow` or outside
    a canary's share (`untouched`), `action` and `saved` are what would have been. A guardrail that had nothing to
    do, or would not have, leaves no touch: arms are compared over the calls that it is about.

    `saved` is USD against the call as it would have been with every earlier guardrail's change and without this one's,
    so that the touches of a call never claim a dollar twice; None when unknown. `cost` is what the guardrail itself
    cost for this call (an embedding, a judge, a summary), and not in `saved`.
    """

    guardrail: str
    mode: Mode
    arm: Arm
    action: str
    saved: Decimal | None = None
    cost: Decimal = ZERO


class Call(Record, frozen=True, kw_only=True):
    """One logical request of the application, as the ledger keeps it.

    `usage` maps units of USAGE_UNITS to quantities; a unit that is absent was not reported. Three of the costs are the
    sums of the lines, None when the call is unpriced. `counterfactual_cost` is what it would have cost had no guardrail
    touched it, None when that is unknown or none did. `stated_cost` is what the sender or the provider said it cost.
    """

    opened_at: datetime
    gateway: str = ""
    customer_id: str = ""
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
    dialect: str = ""
    provider: str = ""
    model_requested: str = ""
    model_served: str = ""
    streamed: bool = False
    status: int = 200
    ending: str = "complete"
    verdict: str = "forward"
    reasons: tuple[str, ...] = ()
    cache: str = ""
    baseline: str = ""
    holdout: tuple[str, ...] = ()
    service_tier: str = ""
    usage: Mapping[str, Decimal] = {}
    duration_us: int = 0
    first_token_us: int | None = None
    overhead_us: int = 0
    cost_basis: CostBasis = "unpriced"
    price_version: str = ""
    unpriced_reason: str = ""
    list_cost: Decimal | None = None
    contracted_cost: Decimal | None = None
    effective_cost: Decimal | None = None
    counterfactual_cost: Decimal | None = None
    stated_cost: Decimal | None = None
    attempts: tuple[Attempt, ...] = ()
    lines: tuple[CostLine, ...] = ()
    touches: tuple[Touch, ...] = ()


class Opening(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A call that a gateway is about to send: what is known of it before any answer.

    It is spooled before the first byte goes upstream. A closing of the same id, a Call, ends it; without one by
    `deadline` it becomes a Call with ending `lost`. `input_tokens` and `output_tokens` are the estimate for that case.
    """

    id: str
    source: str
    gateway: str
    opened_at: datetime
    deadline: datetime
    customer_id: str = ""
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
    dialect: str = ""
    provider: str = ""
    model_requested: str = ""
    streamed: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    baseline: str = ""


RevenueKind = Literal["subscription", "usage", "outcome", "one_off", "discount", "credit_note", "refund"]
REVENUE_KINDS: tuple[RevenueKind, ...] = get_args(RevenueKind)
KINDS_BY_USE: tuple[RevenueKind, ...] = ("usage", "outcome", "one_off")
"""Kinds that bill how much was used or bought, not for how long."""


class Revenue(Record, frozen=True, kw_only=True):
    """One line of revenue, net of discount and tax, spread evenly over the days from `period_start` to the day before
    `period_end`. `amount` is USD; what was billed is kept beside it (`billed_amount` in `billed_currency`, converted at
    the rate of `fx_day`; None for dollars). Credit notes and refunds are negative and name what they reverse.
    """

    customer: str
    plan: str = ""
    feature: str = ""
    amount: Decimal
    billed_amount: Decimal
    billed_currency: str = "USD"
    fx_day: date | None = None
    period_start: date
    period_end: date
    units: Decimal | None = None
    kind: RevenueKind = "subscription"
    reverses: str = ""


Driver = Literal["calls", "tokens", "cost", "equal"]


class Cost(Record, frozen=True, kw_only=True):
    """A cost that no call carries (a GPU host, reviewers, support), spread evenly over its period, allocated by
    `driver` to the calls it serves; with a feature or a customer it is theirs alone. `amount` is USD, as in Revenue.
    """

    component: str
    amount: Decimal
    billed_amount: Decimal
    billed_currency: str = "USD"
    fx_day: date | None = None
    period_start: date
    period_end: date
    feature: str = ""
    customer: str = ""
    plan: str = ""
    driver: Driver = "calls"


OutcomeStatus = Literal["success", "failed", "cancelled"]


class Outcome(Record, frozen=True, kw_only=True):
    """The result that users pay for, amendable: a later record with the same `outcome_id` replaces an earlier one.

    `at` dates it; `value` is the USD it earns when it is a success, None when its plan's price says it.
    """

    outcome_id: str
    at: datetime
    recorded_at: datetime | None = None
    outcome_type: str = ""
    status: OutcomeStatus = "success"
    run_id: str = ""
    workflow: str = ""
    feature: str = ""
    customer: str = ""
    user_id: str = ""
    plan: str = ""
    value: Decimal | None = None
    provenance: str = ""
    reason: str = ""


LabelKind = Literal["semantic", "cascade", "route", "score", "experiment", "drill", "feedback"]
LABEL_KINDS: tuple[LabelKind, ...] = get_args(LabelKind)
LabelOrigin = Literal["exact", "normalised", "structured", "judge", "scorer", "outcome", "feedback", "report"]
LABEL_ORIGINS: tuple[LabelOrigin, ...] = get_args(LabelOrigin)


class Label(Record, frozen=True, kw_only=True):
    """Whether one answer was right: what certificates are made of (`proof/`).

    `kind` is the guardrail that it is about and `subject` what a certificate of it is for beside the feature and the step: a candidate
    model, an experiment. `call_id` is the call whose answer is judged, `other_call_id` the one it was compared with, `model` who
    gave it. `score` and `features` are what the guardrail went by: numbers without a unit. `right` is the judged answer,
    `other_right` the one it is compared with, None where that one is itself the measure. `served`: the customer had the judged
    answer; otherwise it would have been served (shadow). `origin` is who says so, `judge` the model where a judge does: '' in labels
    of releases that did not keep it. `epoch` names what it holds under (a system prompt, a policy): labels of another epoch count
    for nothing. `arm` is an experiment's.
    """

    at: datetime
    kind: LabelKind
    feature: str = ""
    step: str = ""
    subject: str = ""
    arm: str = ""
    customer: str = ""
    user_id: str = ""
    call_id: str = ""
    other_call_id: str = ""
    model: str = ""
    score: float = 0.0  # float: a similarity, never money
    features: tuple[float, ...] = ()  # float: what a verifier goes by
    right: bool
    other_right: bool | None = None
    served: bool = False
    origin: LabelOrigin
    epoch: str = ""
    judge: str = ""


class Customer(Record, frozen=True, kw_only=True):
    """What is true of a customer from `valid_from` on (None: always): plan, segment, sign-up month."""

    customer: str
    valid_from: date | None = None
    name: str = ""
    plan: str = ""
    segment: str = ""
    cohort: str = ""


class Alias(Record, frozen=True, kw_only=True):
    """Another name of a customer, plan or feature, from `valid_from` until the day before `valid_to`."""

    kind: Literal["customer", "plan", "feature"]
    alias: str
    canonical: str
    valid_from: date | None = None
    valid_to: date | None = None


class FxRate(Record, frozen=True, kw_only=True):
    """USD for one unit of `currency` on `day`."""

    currency: str
    day: date
    usd_per_unit: Decimal


class Adjustment(Record, frozen=True, kw_only=True):
    """A change to one call's cost: history stays, totals follow. `*_delta` are new minus old (None counts as 0 and
    moves `unpriced_delta`). `batch` names the recompute or re-rate it belongs to, so that it can be undone.
    """

    batch: str
    call_source: str
    call_id: str
    reason: str
    applied_at: datetime
    opened_at: datetime
    customer_id: str
    user_id: str
    plan: str
    feature: str
    workflow: str
    run_id: str
    step: str
    call_type: str
    environment: str
    purpose: str
    provider: str
    model_served: str
    old_basis: CostBasis
    new_basis: CostBasis
    old_price_version: str
    new_price_version: str
    old_effective: Decimal | None
    new_effective: Decimal | None
    list_delta: Decimal
    contracted_delta: Decimal
    effective_delta: Decimal
    retry_delta: Decimal
    unpriced_delta: int


LedgerRecord = Call | Revenue | Cost | Outcome | Customer | Alias | FxRate | Adjustment | Label


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider's answer says was used, in disjoint buckets.

    `buckets`: TOKEN_BUCKETS → tokens. `counts`: COUNTS → number (durations in seconds may be fractional). A name that
    is absent was not reported. `provider_total` is the provider's own total of tokens, for the checksum.
    `context` selects price variants as the answer reports them: service_tier, processing, speed.
    """

    buckets: Mapping[str, int] = {}
    counts: Mapping[str, Decimal] = {}
    model: str = ""
    service_tier: str = ""
    context: Mapping[str, str] = {}
    provider_total: int | None = None
    provider_cost_usd: Decimal | None = None

    @property
    def input_tokens(self) -> int:
        """Every token of the prompt side, cached or not: what long-context tiers look at."""
        return sum([tokens for name, tokens in self.buckets.items() if name in _INPUT])

    @property
    def tokens(self) -> int:
        """Every token of every bucket."""
        return sum(self.buckets.values())
