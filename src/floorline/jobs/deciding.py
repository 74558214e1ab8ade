"""How a call was decided: its verdict, the reasons, and what each guardrail did to it, as its record has them."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.errors import BadInput
from floorline.events import Touch
from floorline.ledger.surface import AnyLedger
from floorline.query import Query

_ID_DIGITS, _MS_DIGITS = 32, 12
_DIGITS = frozenset("0123456789abcdef")


class DecidedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as `decided_call.sql` gives it. The `touched_*` are parallel, one of each for a touch."""

    id: str
    opened_at: datetime
    customer: str
    plan: str
    feature: str
    model_requested: str
    model_served: str
    provider: str
    status: int
    ending: str
    verdict: str
    reasons: tuple[str, ...]
    cache: str
    cached_call: str
    cost_basis: str
    cost_text: str
    counterfactual_text: str
    touched_by: tuple[str, ...]
    touched_modes: tuple[str, ...]
    touched_arms: tuple[str, ...]
    touched_actions: tuple[str, ...]
    touched_saved: tuple[str, ...]
    touched_cost: tuple[str, ...]

    @property
    def cost(self) -> Decimal | None:
        """What it cost; None where that is unknown."""
        return _amount(self.cost_text)

    @property
    def counterfactual(self) -> Decimal | None:
        """What it would have cost without guardrails; None where none acted, or where that is unknown."""
        return _amount(self.counterfactual_text)

    @property
    def touches(self) -> list[Touch]:
        """What each guardrail did, or would have done."""
        columns = (
            self.touched_by, self.touched_modes, self.touched_arms, self.touched_actions, self.touched_saved, self.touched_cost,
        )  # fmt: skip
        return [
            msgspec.convert(
                {
                    "guardrail": guardrail, "mode": mode, "arm": arm, "action": action,
                    "saved": _amount(saved), "cost": _amount(cost),
                },
                Touch,
            )
            for guardrail, mode, arm, action, saved, cost in zip(*columns, strict=True)
        ]  # fmt: skip


def decided_call(ledger: AnyLedger, call_id: str) -> DecidedCall | None:
    """The call; None when the ledger does not know it. BadInput for what is no id of a gateway's call."""
    if len(call_id) != _ID_DIGITS or not _DIGITS.issuperset(call_id):
        raise BadInput(f"{call_id!r} is no call of a gateway: give the {_ID_DIGITS} digits of x-floorline-call-id")
    day = datetime.fromtimestamp(int(call_id[:_MS_DIGITS], 16) // 1_000, UTC).date()
    sql = resources.files("floorline.jobs").joinpath("sql", "decided_call.sql").read_text()
    rows = ledger.query(Query(sql=sql, row=DecidedCall, parameters={"day": day, "id": call_id}))
    return rows[0] if rows else None


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None
