"""Fallback drills on the dashboard: which targets would carry the load, as the last drill of each has shown."""

from floorline.jobs.drilling import DRILL, Drilled
from floorline.ledger.shelf import Shelf
from floorline.margin.metrics import ratio_of
from floorline.web.blocks import AnyBlock, Column, Note, Table
from floorline.web.desk import Desk


def drill_blocks(desk: Desk) -> list[AnyBlock]:
    """The fallbacks that would not carry the load, said first, and all of them; nothing where no model has a fallback."""
    found = sorted(Shelf(desk.state, DRILL, Drilled).all().values(), key=lambda one: (one.carries, one.id))
    if not found and all(len(group.targets) < 2 for group in desk.gateway.models.values()):
        return []
    weak = [
        Note(
            name=f"drill-{number}",
            kind="warning",
            title=f"{one.model} at {one.fallback} would not carry the load:",
            text=f"{'; '.join(one.concerns)}.",
        )
        for number, one in enumerate(found)
        if not one.carries
    ]
    return [*weak, _table(found)]


def _table(found: list[Drilled]) -> Table:
    return Table(
        name="drills",
        title="Fallback drills: would they carry the load?",
        columns=[
            Column(name="model", title="Model"),
            Column(name="fallback", title="Fallback"),
            Column(name="carries", title="Carries", unit="flag", definition="drill_carries"),
            Column(name="answered", title="Answered", unit="percent", definition="drill_answered"),
            Column(name="same", title="Same answer", unit="percent", definition="drill_same"),
            Column(name="own_same", title="Serving with itself", unit="percent", definition="drill_same", hidden=True),
            Column(name="cost_ratio", title="Cost over serving", unit="number", definition="drill_cost"),
            Column(name="latency_ms", title="Answer takes", unit="ms"),
            Column(name="serving_latency_ms", title="Serving takes", unit="ms"),
            Column(name="at", title="Drilled", unit="instant"),
            Column(name="sent", title="Calls", unit="count", hidden=True),
            Column(name="serving", title="Serving target", hidden=True),
            Column(name="concerns", title="Why not", hidden=True),
        ],
        rows=[_row(one) for one in found],
        empty="No fallback was drilled yet: `floorline route drill` does it once, `drills` in floorline.yaml on a schedule.",
        note="Answers that are neither surely the same nor surely different are in no share: only a judge could tell.",
    )


def _row(one: Drilled) -> dict[str, object]:
    return {
        "model": one.model,
        "fallback": str(one.fallback),
        "carries": one.carries,
        "answered": ratio_of(one.answered, one.sent),
        "same": ratio_of(one.same, one.same + one.different),
        "own_same": ratio_of(one.own_same, one.own_same + one.own_different),
        "cost_ratio": None if one.cost_ratio is None else round(one.cost_ratio, 4),
        "latency_ms": one.latency_ms,
        "serving_latency_ms": one.serving_latency_ms,
        "at": one.at,
        "sent": one.sent,
        "serving": str(one.serving),
        "concerns": "; ".join(one.concerns),
    }
