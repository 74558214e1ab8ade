"""Answers to the calls of the demo's guarded part, made up: what a gateway would have told, and what the ledger would hold."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from floorline.margin.effectiveness import Effect, effects
from floorline.money import to_pico, usd
from floorline.sandbox import company as own
from floorline.sandbox.rows import UsageRow
from floorline.sandbox.scene import Guarded, Replied, Scene, StoredCall, guarded_of
from tests.margin.touching import Row, columns_of


def cost(rows: Sequence[UsageRow]) -> Decimal:
    return sum((own.MODELS[row.model].cost(row.input_tokens, row.output_tokens, 0) for row in rows), Decimal(0))


def replies_of(scene: Scene) -> list[Replied]:
    """The heavier of the paying customers are moved to the middle model; the last free call is refused."""
    made: list[Replied] = []
    for number, row in enumerate(scene.calls):
        moved = own.MIDDLE.name if row.plan == own.PRO and row.input_tokens > 500 else row.model
        made.append(
            Replied(
                row=row, call_id=f"c{number}", cost=usd(cost([msgspec.structs.replace(row, model=moved)])), served=moved
            )
        )
    last = max(number for number, one in enumerate(made) if one.row.plan == own.FREE)
    made[last] = Replied(row=made[last].row, call_id=f"c{last}", refused=True)
    return made


def stored_of(replies: list[Replied]) -> list[StoredCall]:
    return [
        StoredCall(
            id=one.call_id,
            verdict="forward",
            pico=to_pico(usd(one.cost)),
            asked=0 if one.refused else to_pico(usd(one.before)),
        )
        for one in replies
    ]


def effects_of(replies: list[Replied]) -> tuple[Effect, ...]:
    touched = [
        Row(
            own.CODE,
            "margin_rule",
            one.row.customer_id,
            "treated",
            "enforce",
            "downgrade",
            saved=to_pico(usd(one.before - one.after)),
        )
        for one in replies
        if not one.refused and one.served != one.row.model
    ]
    return effects(columns_of(touched))


def month_of(scene: Scene) -> dict[str, Decimal]:
    return {
        name: cost([row for row in scene.history if row.customer_id == name])
        for name in {row.customer_id for row in scene.history}
    }


def guarded(scene: Scene) -> Guarded:
    replies = replies_of(scene)
    return guarded_of(scene, replies, stored_of(replies), effects_of(replies), month_of(scene))
