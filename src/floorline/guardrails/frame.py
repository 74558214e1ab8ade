"""The words of every guardrail: how far it is on, whom it is on for, what is known of a call, and what is decided.

A guardrail's `step` is handed `Facts`, `Evidence`, its own rule and the verdict so far, and returns that verdict or one that goes
further. It acts for the `treated` alone; for everyone else it leaves a touch of what it would have done:

    which = arm(rule.setting, "output_cap", facts)
    touches = (*so_far.touches, touch(rule.setting, "output_cap", which, "clamp"))
    return replace(so_far, touches=touches, output_cap=500) if which == "treated" else replace(so_far, touches=touches)

Hard limits, rates, policy and isolation have no arm: they hold for everyone.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Literal

import msgspec

from floorline.events import Arm, Touch
from floorline.money import ZERO, ratio
from floorline.proof.certificate import Certificates

Action = Literal["forward", "hit", "refuse"]

MILLION = 1_000_000
HOLDOUT_PPM = 20_000
"""The share of customers that every optimisation leaves alone, unless a feature says another."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How far a guardrail is on; `share_ppm` is the canary's share, in millionths."""

    mode: Literal["off", "shadow", "canary", "enforce"] = "off"
    share_ppm: int = MILLION


OFF = Setting()
ENFORCE = Setting(mode="enforce")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a call is, before anything is looked up. Texts are empty where nobody said them.

    `key` is its key's id, `provider` who is asked first. `input_tokens` estimates the prompt; `input_bound` is what it cannot exceed, because a token
    is at least a byte. `output_cap` bounds one answer's output tokens, None: the request has no bound. `priced` is False for what
    no provider charges. `cheaper` is the model of the downgrade map that this call may go to, '' when there is none.
    `held_out`: its customer is left alone by every optimisation. `unit` is whom assignment goes by. `effort` and `thinking_tokens`
    are what it asks of its model's thinking, '' and None where it does not say or nobody caps it. `headers` (lower case), `metadata`
    and its customer's `attributes` are there where a rule asks for them, and `reachable` are the models that route rules may send it to.
    """

    at: datetime
    customer: str = ""
    user: str = ""
    plan: str = ""
    feature: str = ""
    workflow: str = ""
    step: str = ""
    key: str = ""
    call_type: str = "generation"
    environment: str = "production"
    purpose: str = "production"
    dialect: str = ""
    endpoint: str = ""
    provider: str = ""
    model: str = ""
    streamed: bool = False
    input_tokens: int = 0
    input_bound: int = 0
    output_cap: int | None = None
    effort: str = ""
    thinking_tokens: int | None = None
    priced: bool = True
    cheaper: str = ""
    held_out: bool = False
    unit: str = ""
    headers: Mapping[str, str] = {}
    metadata: Mapping[str, str] = {}
    attributes: Mapping[str, str] = {}
    reachable: frozenset[str] = frozenset()


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """What classifiers and routers said of a call, by `intent.<name>` and `router.<name>`: '' where one abstained or did not answer.
    `cost` is what asking models for it cost, `said` how they came to it, in sentences.
    """

    labels: Mapping[str, str] = {}
    cost: Decimal = ZERO
    said: tuple[str, ...] = ()


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a look into a cache found. `reason` says why one was passed by; `avoided` is what the stored answer cost when it
    was made, None where that is unknown.
    """

    state: Literal["hit", "miss", "bypass"]
    reason: str = ""
    avoided: Decimal | None = None
    age_s: int = 0


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """What a look into the semantic cache found: a stored answer whose question is the `nearest` to the call's, or none.

    `similarity` is the cosine of the two questions, `agreement` the share of the nearest stored answers that say the same as
    this one, each weighted by its similarity (None: not compared), `features` what a verifier judges the pair by
    (`semantic/features.py`). `veto` says why this answer is never served, whatever they are. `draw` is a number below a
    million that is the call's own: audits go by it. `epoch` is what a certificate must hold under. `reason` says why the cache was passed by; `avoided` and
    `age_s` are as `Looked` has them.
    """

    state: Literal["near", "miss", "bypass"]
    reason: str = ""
    similarity: float = 0.0
    agreement: float | None = None
    features: tuple[float, ...] = ()
    veto: str = ""
    draw: int = 0
    epoch: str = ""
    avoided: Decimal | None = None
    age_s: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where one budget stands for this call. `used` includes what is `reserved` by calls under way; amounts are of its `unit`.

    `name` is the budget's, `holder` whose it is (a customer, a plan), `window` which one (`2026-11`). `soft` is what its soft limit
    does to the call, '' below it, and `cheaper` whether it would have the call go to a cheaper model; `reached` is the highest of its
    thresholds that was used up to, in percent, `billed` what lies beyond the limit and is billed as overage, up to `overage_limit`.
    `credit` names the unit of a plan's own; `upgrade_url` and `message` are for the customer.
    """

    name: str
    holder: str
    window: str
    unit: Literal["usd", "tokens", "calls", "credits"]
    limit: Decimal
    used: Decimal
    reserved: Decimal
    resets_at: datetime
    soft: Literal["", "warn", "downgrade", "delay"] = ""
    delay_ms: int = 0
    cheaper: bool = False
    reached: int = 0
    billed: Decimal = ZERO
    overage_limit: Decimal | None = None
    credit: str = ""
    upgrade_url: str = ""
    message: str = ""

    @property
    def most(self) -> Decimal:
        """What its calls may use in all, overage included."""
        return self.limit if self.overage_limit is None else self.overage_limit


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """Why a counter does not admit a call: `asked` more does not fit. `outstanding` names calls under way whose
    reservations fill it, longest first, of `calls` in all; `retry_after_s` is for rates.

    `model` is the one that the call was to go to. Not `bounded`: nobody knows what it may use at most. `unavailable`: the counters
    cannot be asked.
    """

    standing: Standing
    asked: Decimal
    model: str = ""
    bounded: bool = True
    unavailable: bool = False
    outstanding: tuple[str, ...] = ()
    calls: int = 0
    retry_after_s: int | None = None


class Figures(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What the ledger knew of a customer's running period at `as_of`, in USD.

    `revenue` is what the period's contracts bring in all and the usage revenue accrued so far; None where none is recorded.
    `since` is the period's first instant, `calls` how many calls the cost is of.
    """

    revenue: Decimal | None
    cost: Decimal
    calls: int
    since: datetime
    as_of: datetime

    @cached_property
    def cost_to_revenue(self) -> Decimal | None:
        """Cost to date ÷ what the whole period brings; None where no revenue is known, which says nothing of a customer."""
        if self.revenue is None or self.revenue <= 0:
            return None
        return ratio(self.cost, self.revenue)


class Lengthy(msgspec.Struct, frozen=True, kw_only=True):
    """A long conversation: a summary of `summary_tokens` stands for its first `messages` messages, of `messages_tokens`, 0 while
    there is none; `wanted` are to have one for the turns to come.
    """

    messages: int = 0
    messages_tokens: int = 0
    summary_tokens: int = 0
    wanted: int = 0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked up for a call; None and () where nobody asked or nothing was found.

    `rate` and `denial` deny the call: a rate before anything else is looked at, a budget when the verdict's worst case was to be
    reserved. `stale`: there are margin rules, and the figures they go by are too old or missing. `budget_used` is the largest share
    that is used of any of the call's budgets, where a rule asks for it. `certified` is what labels have shown so far, None where nothing
    was published yet; `complexity` are the figures of the request's text, () where nobody asks for them.
    """

    rate: Denial | None = None
    cache: Looked | None = None
    semantic: Near | None = None
    lengthy: Lengthy | None = None
    standings: tuple[Standing, ...] = ()
    figures: Figures | None = None
    stale: bool = False
    denial: Denial | None = None
    budget_used: Decimal | None = None
    route: Routed | None = None
    certified: Certificates | None = None
    complexity: tuple[float, ...] = ()


NOTHING_KNOWN = Evidence()


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a call may use at most, or has used; `pico` is money, in 10^-12 USD. None: unknown, and for what it may use, without a bound."""

    pico: int | None = 0
    tokens: int | None = 0
    calls: int = 1


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call is not served: `status` and `kind` for programs, `message` says to people what to change. `details` stand
    beside it in the error's body: current, limit, resets_at.
    """

    status: int
    kind: str
    message: str
    retry_after_s: int | None = None
    details: Mapping[str, object] = {}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change to the request that goes upstream, beyond its model: `name` says which edit of `gateway/editing.py`, `value` what
    it sets (`output_cap`: tokens, `reasoning`: an effort).
    """

    name: str
    value: str = ""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A model that answers before the one asked for: its answer is shown where it is graded `threshold` or above."""

    model: str
    threshold: float


class Cascade(msgspec.Struct, frozen=True, kw_only=True):
    """The stages of a call, the first of which it is sent to, and the model that answers where none of them does."""

    stages: tuple[Stage, ...]
    last: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided of a call. A `hit` is answered from the cache, a `refuse` with its refusal.

    A forwarded call goes to `model` ('': the one it asks for) with `changes`, `shortened` by its summary, after `delay_ms`; `output_cap` is the bound that one
    of them sets (None: as asked), which is what a budget reserves. `moves` says to which model each guardrail sent the call, or would
    have, were it of the treated. `cascade`: `model` is the first of several that may answer. `reasons` are `guardrail: sentence`, for people; `headers` are added to the answer, names without `x-floorline-`.
    """

    action: Action = "forward"
    model: str = ""
    output_cap: int | None = None
    changes: tuple[Change, ...] = ()
    shortened: bool = False
    delay_ms: int = 0
    refusal: Refusal | None = None
    touches: tuple[Touch, ...] = ()
    moves: Mapping[str, str] = {}
    cascade: Cascade | None = None
    reasons: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


FORWARD = Verdict()


def unit_of(customer: str, user: str, key: str) -> str:
    """Whom assignment goes by: the customer, so that a customer sees one behaviour; else the user, else the key."""
    if customer:
        return f"customer\0{customer}"
    return f"user\0{user}" if user else f"key\0{key}"


@lru_cache(maxsize=1 << 14)
def position(of: str, unit: str) -> int:
    """Where `unit` stands for `of`, from 0 to a million less one: the same for ever, and for another `of` unrelated."""
    digest = blake2b(f"{of}\0{unit}".encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % MILLION


def held_out(unit: str, holdout_ppm: int) -> bool:
    """Whether the unit is in the hold-out: one for all optimisations."""
    return position("holdout", unit) < holdout_ppm


def arm(setting: Setting, guardrail: str, facts: Facts) -> Arm:
    """Whether an optimisation that is on acts on the call, or why it does not."""
    assert setting.mode != "off", f"{guardrail} is off: it has no arms"
    if setting.mode == "shadow":
        return "shadow"
    if facts.held_out:
        return "holdout"
    if setting.mode == "canary" and position(guardrail, facts.unit) >= setting.share_ppm:
        return "untouched"
    return "treated"


def touch(
    setting: Setting, guardrail: str, which: Arm, action: str, saved: Decimal | None = None, cost: Decimal = ZERO
) -> Touch:
    """What the guardrail did, or would have done where the call is not of the treated."""
    assert setting.mode != "off", f"{guardrail} is off: it touches nothing"
    return Touch(guardrail=guardrail, mode=setting.mode, arm=which, action=action, saved=saved, cost=cost)
