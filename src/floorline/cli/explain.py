"""`floorline explain`: why a call was answered as it was, in sentences."""

from decimal import Decimal

import click

from floorline import money
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.events import Touch
from floorline.jobs.deciding import DecidedCall, decided_call
from floorline.margin.words import dollars
from floorline.wiring import collecting, load_config, open_ledger

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


@click.command("explain")
@click.argument("call_id", metavar="CALL_ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def command(call_id: str, *, as_json: bool) -> None:
    """Say how the call CALL_ID (the header x-floorline-call-id of its answer) was decided: what was done with it, why, what each
    guardrail did or would have done, and what it cost.
    """
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        collecting(ledger, config, lambda step: click.echo(step, err=True))()
        found = decided_call(ledger, call_id)
    if found is None:
        raise BadInput(
            f"the ledger does not know the call {call_id}: it is under way or seconds old, or its gateway's records are elsewhere"
        )
    if as_json:
        emit_json(_document(found))
        return
    for sentence in sentences(found):
        click.echo(sentence)


def sentences(call: DecidedCall) -> list[str]:
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


def _outcome(call: DecidedCall) -> str:
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


def _cost(call: DecidedCall) -> str:
    cost = "What it cost is not known." if call.cost is None else f"It cost {dollars(call.cost)} ({call.cost_basis})."
    without = call.counterfactual
    return cost if without is None else f"{cost} Without guardrails it would have cost {dollars(without)}."


def _document(call: DecidedCall) -> dict[str, object]:
    return {
        "id": call.id,
        "opened_at": call.opened_at.isoformat(),
        "customer": call.customer,
        "plan": call.plan,
        "feature": call.feature,
        "model_requested": call.model_requested,
        "model_served": call.model_served,
        "provider": call.provider,
        "status": call.status,
        "ending": call.ending,
        "verdict": call.verdict,
        "reasons": list(call.reasons),
        "cache": call.cache,
        "cached_call": call.cached_call,
        "cost_basis": call.cost_basis,
        "effective_cost": _text(call.cost),
        "counterfactual_cost": _text(call.counterfactual),
        "touches": [
            {
                "guardrail": one.guardrail, "mode": one.mode, "arm": one.arm, "action": one.action,
                "saved": _text(one.saved), "cost": _text(one.cost),
            }
            for one in call.touches
        ],
    }  # fmt: skip


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else money.text(amount)
