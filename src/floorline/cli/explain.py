"""`floorline explain`: why a call was answered as it was, in sentences."""

from decimal import Decimal

import click

from floorline import money
from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.jobs.deciding import sentences
from floorline.jobs.recorded import RecordedCall, day_of_call, recorded_call
from floorline.wiring import collecting, load_config, open_ledger


@click.command("explain")
@click.argument("call_id", metavar="CALL_ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")
def command(call_id: str, *, as_json: bool) -> None:
    """Say how the call CALL_ID (the header x-floorline-call-id of its answer) was decided: what was done with it, why, what each
    guardrail did or would have done, and what it cost.
    """
    if day_of_call(call_id) is None:
        raise BadInput(f"{call_id!r} is no call of a gateway: give the 32 digits of x-floorline-call-id")
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        collecting(ledger, config, lambda step: click.echo(step, err=True))()
        found = recorded_call(ledger, call_id)
    if found is None:
        raise BadInput(
            f"the ledger does not know the call {call_id}: it is under way or seconds old, or its gateway's records are elsewhere"
        )
    if as_json:
        emit_json(_document(found.call))
        return
    for sentence in sentences(found.call):
        click.echo(sentence)


def _document(call: RecordedCall) -> dict[str, object]:
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
        "effective_cost": _text(call.served_cost),
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
