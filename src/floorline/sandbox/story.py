"""What happens to the demo company in its 90 days, and what that makes of the calls it happens to.

Days are counted from 0, the company's first. Nothing here is drawn to reach a figure: the days, the shares and the prompts are made up,
and what they come to in dollars and margins is worked out by the product like everything else.

| day | what happens |
|---|---|
| 34 | the code assistant gets a free plan (company.py: who joins when) |
| 47 | reports are written by claude-opus-4-5 in place of claude-opus-4-1 |
| 50 | the code assistant's answers are cached |
| 60 | reranking costs what the list says; free accounts that call most are answered by the smallest model |
| 64 | the support agent tries a reranker that no price is known of, for a day |
| 66 | a release of the code assistant does not say whose calls are whose, for two days |
| 69 | the prompt that analyses contracts gets examples: it is longer by 2,000 tokens |
| 70 | half of the code assistant's customers get answers of at most 400 tokens |
| 80 | a provider is out of order for two hours: calls are repeated, and some fail |
"""

import random
from collections.abc import Callable, Iterable
from decimal import Decimal

from msgspec.structs import replace

from floorline.events import Touch
from floorline.guardrails.frame import MILLION, held_out, position, unit_of
from floorline.money import usd
from floorline.sandbox import company as own
from floorline.sandbox.rows import AttemptRow, UsageRow

REPORTS_DAY = 47
CACHE_DAY, REPEATED = 50, 0.09
RERANK_DAY, RERANK_USD_BEFORE = 60, Decimal("0.80")
DOWNGRADE_DAY = 60
TRIAL_DAY, TRIED_MODEL, TRIED_SHARE = 64, "rerank-preview", 0.2
NAMELESS_DAYS, NAMELESS_SHARE = range(66, 68), 0.9
PROMPT_DAY, EARLIER_PROMPT, LONGER_PROMPT, EXAMPLES_TOKENS = 69, "analyse-v3", "analyse-v4", 2_000
CAP_DAY, CAP_SHARE, ANSWER_TOKENS_MAX = 70, Decimal("0.5"), 400
OUTAGE_DAY, OUTAGE_HOURS = 80, range(10, 12)
HOLDOUT = Decimal("0.15")

_ASKED_AGAIN = 0.12  # of the questions to the support agent, in the words of an earlier one
_OUT, _FAILS = 0.5, 0.15  # of the calls in an outage: what is repeated, and what of that fails in the end
_BROKEN_OFF = 0.004  # of the sections of reports: broken off, and written again


def reports_model(day: int) -> own.Model:
    """What writes the sections of reports."""
    return own.STRONG if day >= REPORTS_DAY else own.BEFORE


def happened(row: UsageRow, day: int, rng: random.Random, heavy: frozenset[str]) -> UsageRow:
    """The call as it was on that day of the story."""
    tell = _TELLS.get((row.feature, row.step))
    if tell is not None:
        row = tell(row, day, rng)
    if row.feature == own.CODE:
        row = _guarded(row, day, rng, heavy)
        if day in NAMELESS_DAYS and rng.random() < NAMELESS_SHARE:
            row = replace(row, customer_id="", user_id="", plan="")
    if day == OUTAGE_DAY and row.timestamp.hour in OUTAGE_HOURS and row.provider == own.STRONG.provider:
        row = _in_outage(row, rng)
    return row


def as_asked(row: UsageRow) -> UsageRow:
    """The call without what guardrails and outages made of it."""
    provider = own.MODELS[row.model].provider
    return replace(
        row, provider=provider, model_served="", cache_hit=False, touches=(), attempts=(), status=200, ending=""
    )


# -- what happens to the steps of some features


def _analysed(row: UsageRow, day: int, rng: random.Random) -> UsageRow:
    del rng
    if day < PROMPT_DAY:
        return replace(row, baseline=EARLIER_PROMPT)
    return replace(row, baseline=LONGER_PROMPT, input_tokens=row.input_tokens + EXAMPLES_TOKENS)


def _reranked(row: UsageRow, day: int, rng: random.Random) -> UsageRow:
    return replace(row, model=TRIED_MODEL) if day == TRIAL_DAY and rng.random() < TRIED_SHARE else row


def _answered(row: UsageRow, day: int, rng: random.Random) -> UsageRow:
    """A question of which there are several of a kind on a day says so: the backlog finds what a cache would save."""
    del day
    asked = f"asked-{rng.randrange(3)}" if rng.random() < _ASKED_AGAIN else row.request_id
    return replace(row, metadata={"request_hash": asked})


def _written(row: UsageRow, day: int, rng: random.Random) -> UsageRow:
    """A section that was broken off was paid for what was read until then, and is written again."""
    del day
    if rng.random() >= _BROKEN_OFF:
        return row
    broken = AttemptRow(status=200, ending="upstream_error", duration_ms=row.latency_ms, input_tokens=row.input_tokens)
    return replace(row, attempts=(broken, AttemptRow(duration_ms=row.latency_ms)), latency_ms=2 * row.latency_ms)


_TELLS: dict[tuple[str, str], Callable[[UsageRow, int, random.Random], UsageRow]] = {
    (own.CONTRACTS, "analyse"): _analysed,
    (own.SUPPORT, "rerank"): _reranked,
    (own.SUPPORT, "answer"): _answered,
    (own.REPORTS, "section"): _written,
}


def _in_outage(row: UsageRow, rng: random.Random) -> UsageRow:
    """Half of the calls are repeated; of those some fail in the end, and cost nothing."""
    if row.cache_hit or rng.random() >= _OUT:
        return row
    tried = AttemptRow(status=529, ending="upstream_error", duration_ms=900)
    if rng.random() >= _FAILS:
        return replace(row, attempts=(tried, AttemptRow(duration_ms=row.latency_ms)), latency_ms=row.latency_ms + 900)
    return replace(
        row,
        status=529,
        ending="upstream_error",
        attempts=(tried, tried),
        latency_ms=1_800,
        input_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        touches=(),
    )


# -- the code assistant's guardrails


def _guarded(row: UsageRow, day: int, rng: random.Random, heavy: frozenset[str]) -> UsageRow:
    """The guardrails in their fixed order: what the cache answers is neither routed nor bounded. Who is held out, and who is in the
    share of a canary, follows from the customer's name, as in a gateway.
    """
    unit = unit_of(row.customer_id, row.user_id, "")
    is_held_out = held_out(unit, int(HOLDOUT * MILLION))
    if day >= CACHE_DAY and rng.random() < REPEATED:
        arm = "holdout" if is_held_out else "treated"
        saved = usd(cost_of(row))
        touch = Touch(guardrail="cache", mode="enforce", arm=arm, action="hit", saved=saved)
        return replace(row, cache_hit=arm == "treated", touches=(touch,))
    if day >= DOWNGRADE_DAY and row.customer_id in heavy:
        row = _moved(row, is_held_out=is_held_out)
    if day >= CAP_DAY and row.output_tokens > ANSWER_TOKENS_MAX:
        row = _capped(row, unit, is_held_out=is_held_out)
    return row


def _moved(row: UsageRow, *, is_held_out: bool) -> UsageRow:
    """Heavy free accounts are answered by the smallest model; of heavy subscribers it is only noted what the next smaller would save."""
    is_free = row.plan == own.FREE
    cheaper = own.CHEAP if is_free else own.MIDDLE
    saved = usd(cost_of(row) - cost_of(replace(row, model_served=cheaper.name)))
    mode, arm = ("enforce", "holdout" if is_held_out else "treated") if is_free else ("shadow", "shadow")
    touch = Touch(guardrail="margin_rule", mode=mode, arm=arm, action="downgrade", saved=saved)
    row = replace(row, touches=(*row.touches, touch))
    return replace(row, model_served=cheaper.name, provider=cheaper.provider) if arm == "treated" else row


def _capped(row: UsageRow, unit: str, *, is_held_out: bool) -> UsageRow:
    """Nobody knows how long an answer would have become: what a cap saves is seen beside those that are left alone."""
    if is_held_out:
        arm = "holdout"
    else:
        arm = "treated" if position("output", unit) < int(CAP_SHARE * MILLION) else "untouched"
    touch = Touch(guardrail="output", mode="canary", arm=arm, action="cap")
    tokens = ANSWER_TOKENS_MAX if arm == "treated" else row.output_tokens
    return replace(
        row,
        touches=(*row.touches, touch),
        output_tokens=tokens,
        reasoning_tokens=min(row.reasoning_tokens, tokens),
    )


def cost_of(row: UsageRow) -> Decimal:
    """What the call cost, by the demo's own price list of today; 0 for a model that is not in it."""
    model = own.MODELS.get(row.served)
    if row.cache_hit or model is None:
        return Decimal(0)
    whole = model.cost(row.input_tokens, row.output_tokens, row.rerank_searches)
    return whole + sum(_retries(row.attempts, model), Decimal(0))


def _retries(attempts: Iterable[AttemptRow], model: own.Model) -> Iterable[Decimal]:
    return (model.cost(attempt.input_tokens, 0, 0) for attempt in attempts)
