"""What budgets and rates do to a call: refuse it (402 for money, 429 for rates alone), slow it down, or say where they stand."""

from datetime import UTC, datetime
from decimal import Decimal

from msgspec import structs

from floorline.guardrails.budget import Budget
from floorline.guardrails.frame import ENFORCE, Denial, Evidence, Facts, Refusal, Standing, Verdict
from floorline.guardrails.route import downgraded
from floorline.money import ZERO

NAME = "budget"
EXCEEDED = "budget_exceeded"
UNBOUNDED = "budget_unbounded"
RATE_LIMITED = "rate_limited"
RESERVED = "budget_reserved"
UNAVAILABLE = "budget_unavailable"


def standing(budget: Budget, holder: str, window: str, end: datetime, counter: int, held: int) -> Standing:
    """Where a budget stands at `counter` quanta, of which `held` are reserved by calls under way."""
    soft = budget.soft_quanta
    acts = soft is not None and counter >= soft
    over = counter - budget.limit_quanta
    return Standing(
        name=budget.name,
        holder=holder,
        window=window,
        unit=budget.unit,
        limit=budget.limit,
        used=budget.shown(counter),
        reserved=budget.shown(held),
        resets_at=end,
        soft=budget.soft.action if acts and budget.soft is not None else "",
        delay_ms=budget.soft.delay_ms if acts and budget.soft is not None else 0,
        cheaper=budget.soft is not None and budget.soft.action == "downgrade",
        reached=budget.reached(counter - held),
        billed=budget.shown(over) if over > 0 and budget.overage_limit is not None else ZERO,
        overage_limit=budget.overage_limit,
        credit="" if budget.credit is None else budget.credit.name,
        upgrade_url=budget.upgrade_url,
        message=budget.message,
    )


def budget_step(facts: Facts, evidence: Evidence, so_far: Verdict) -> Verdict:
    """The verdict after the budgets: a denial of the model that the call would still go to refuses, a soft limit that is reached
    warns or delays.
    """
    denial = evidence.denial
    if denial is not None and denial.model == (so_far.model or facts.model):
        reasons = (*so_far.reasons, f"budget: {_title(denial.standing)} has no room for the call")
        return structs.replace(so_far, action="refuse", refusal=refusal(denial), reasons=reasons)
    soft = [one for one in evidence.standings if one.soft in {"warn", "delay"}]
    if not soft:
        return so_far
    delay_ms = max([one.delay_ms for one in soft if one.soft == "delay"], default=0)
    reasons = tuple([f"budget: {_title(one)} is at {_used(one)}: {one.soft}" for one in soft])
    return structs.replace(so_far, delay_ms=max(so_far.delay_ms, delay_ms), reasons=(*so_far.reasons, *reasons))


def rate_step(evidence: Evidence, so_far: Verdict) -> Verdict:
    """The verdict after the rates: one that is exceeded refuses, before anything else is looked at."""
    denial = evidence.rate
    if denial is None:
        return so_far
    return structs.replace(
        so_far,
        action="refuse",
        refusal=rate_refusal(denial),
        reasons=(*so_far.reasons, f"rate: {_title(denial.standing)} is used up for now"),
    )


def cheaper_step(facts: Facts, evidence: Evidence, so_far: Verdict) -> Verdict:
    """The verdict with the call sent to its cheaper model where a budget asks for that: its soft limit is reached, or it has no
    room for the dearer one.
    """
    denial = evidence.denial
    if denial is not None and denial.standing.cheaper and denial.bounded and not denial.unavailable:
        return downgraded(facts, NAME, ENFORCE, f"{_title(denial.standing)} has no room for the call", so_far)
    for one in evidence.standings:
        if one.soft == "downgrade":
            return downgraded(facts, NAME, ENFORCE, f"{_title(one)} is at {_used(one)}", so_far)
    return so_far


def refusal(denial: Denial) -> Refusal:
    """The answer to a call that does not fit: 402, never 429, because SDKs would ask again at once and for a whole month."""
    state = denial.standing
    if denial.unavailable:
        return Refusal(
            status=503,
            kind=UNAVAILABLE,
            message=f"{_title(state)} is a hard limit, and the counters that hold it cannot be asked: call again in a moment",
            retry_after_s=1,
        )
    return Refusal(
        status=402,
        kind=_kind(denial),
        message=" ".join([text for text in (_said(denial), state.message) if text]),
        details={
            "budget": state.name,
            "scope": state.holder,
            "window": state.window,
            "unit": state.credit or state.unit,
            "current": amount_text(state.used),
            "limit": amount_text(state.limit),
            "overage_limit": None if state.overage_limit is None else amount_text(state.overage_limit),
            "asked": amount_text(denial.asked) if denial.bounded else None,
            "resets_at": instant_text(state.resets_at),
            "upgrade_url": state.upgrade_url or None,
            "outstanding": {
                "calls": denial.calls,
                "reserved": amount_text(state.reserved),
                "call_ids": list(denial.outstanding),
            },
        },
    )


def _kind(denial: Denial) -> str:
    state = denial.standing
    if not denial.bounded:
        return UNBOUNDED
    return RESERVED if denial.calls and state.used - state.reserved + denial.asked <= state.most else EXCEEDED


def _said(denial: Denial) -> str:
    state = denial.standing
    overage = "" if state.overage_limit is None else f", {_shown(state, state.overage_limit)} with overage,"
    title = f"{_title(state)} ({_shown(state, state.limit)}{overage} until {instant_text(state.resets_at)})"
    if not denial.bounded:
        return (
            f"{title} is a hard limit, and nobody knows what this call may use at most: send a cap on its output (max_tokens), no "
            f"stored input and no tools that the provider runs; or give the budget `unbounded`"
        )
    used = state.used - state.reserved
    asked = f"this call may use {_shown(state, denial.asked)}"
    if _kind(denial) == RESERVED:
        return (
            f"{title} has {_shown(state, used)} used and {_shown(state, state.reserved)} reserved by {denial.calls} calls under way, "
            f"{asked}: call again when they have ended, or send a lower max_tokens"
        )
    if denial.asked > state.most:
        return f"{title} has never room for it, {asked}: send a lower max_tokens, or a shorter prompt"
    return f"{title} has {_shown(state, used)} used, {asked}: it begins anew at {instant_text(state.resets_at)}"


def rate_refusal(denial: Denial) -> Refusal:
    """The answer to a call that comes too soon: 429 with the seconds to wait."""
    state, wait_s = denial.standing, denial.retry_after_s or 1
    return Refusal(
        status=429,
        kind=RATE_LIMITED,
        message=(
            f"{_title(state)} is {state.limit:,f} {_of(state)} a minute and {state.used:,f} came within the last: "
            f"call again in {wait_s} s"
        ),
        retry_after_s=wait_s,
        details={
            "rate": state.name,
            "scope": state.holder,
            "unit": _of(state),
            "current": amount_text(state.used),
            "limit": amount_text(state.limit),
            "resets_at": instant_text(state.resets_at),
        },
    )


def _of(state: Standing) -> str:
    return "requests" if state.unit == "calls" else state.unit


def _title(state: Standing) -> str:
    return f"{state.name} of {state.holder}" if state.holder else state.name


def _used(state: Standing) -> str:
    return f"{_shown(state, state.used)} of {_shown(state, state.limit)}"


def _shown(state: Standing, amount: Decimal) -> str:
    text = amount_text(amount)
    return f"${text}" if state.unit == "usd" else f"{text} {state.credit or state.unit}"


def amount_text(amount: Decimal) -> str:
    """An amount in its shortest plain form: 0.5, 12000."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant_text(at: datetime) -> str:
    """An instant as refusals and headers carry it: 2026-12-01T00:00:00Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
