"""How a call was decided: its verdict, the reasons, and what each guardrail did to it, in sentences."""

from floorline.events import Touch
from floorline.jobs.recorded import RecordedCall
from floorline.margin.words import dollars

_LEFT_ALONE = {
    "holdout": "its customer is held out",
    "shadow": "it only watches, in shadow",
    "untouched": "its customer is outside the canary",
}
_ENDINGS = {
    "complete": "answered whole",
    "client_left": "its client left before the end",
    "upstream_error": "its provider failed",
    "refused": "refused",
    "lost": "lost: the gateway ended before the call did",
}


def sentences(call: RecordedCall) -> list[str]:
    """The call in sentences, one a line."""
    plan = f" on {call.plan}" if call.plan else ""
    whose = f"{call.feature or '(no feature)'} for {call.customer or '(no customer)'}{plan}"
    return [
        f"{call.opened_at:%Y-%m-%d %H:%M:%S} UTC  {whose}, asking for {call.model_requested or 'no model'}",
        _outcome(call),
        *[f"  {reason}" for reason in call.reasons],
        *[f"  {_touched(one)}" for one in call.touches],
        *([] if call.touches else ["  No guardrail acted on it, or would have."]),
        _cost(call),
    ]


def _outcome(call: RecordedCall) -> str:
    if call.verdict == "hit":
        made_for = f", with the answer made for {call.cached_call}" if call.cached_call else ""
        return f"Answered from the cache{made_for} (status {call.status})."
    if call.verdict == "refuse":
        return f"Refused with status {call.status}."
    where = f" to {call.model_served} at {call.provider}" if call.provider else ""
    return f"Forwarded{where}; {_ENDINGS.get(call.ending, call.ending)} (status {call.status})."


def _touched(one: Touch) -> str:
    """`cache (canary): hit; saved $0.004`."""
    saved = "" if one.saved is None else dollars(one.saved)
    own = f", at a cost of {dollars(one.cost)}" if one.cost else ""
    if one.arm == "treated":
        return f"{one.guardrail} ({one.mode}): {one.action}; {f'saved {saved}' if saved else 'what it saved is unknown'}{own}"
    would = f"would have been {one.action}" + (f", saving {saved}" if saved else "")
    return f"{one.guardrail} ({one.mode}): left alone, because {_LEFT_ALONE[one.arm]}; {would}{own}"


def _cost(call: RecordedCall) -> str:
    cost = (
        "What it cost is not known."
        if call.served_cost is None
        else f"It cost {dollars(call.served_cost)} ({call.cost_basis})."
    )
    without = call.counterfactual
    return cost if without is None else f"{cost} Without guardrails it would have cost {dollars(without)}."
