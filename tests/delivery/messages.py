"""Messages as the alerts and the reviews make them."""

from datetime import UTC, datetime

import msgspec

from floorline.delivery.message import Message

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)

CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"values": [{"day": "2026-11-01", "margin": 61}, {"day": "2026-11-02", "margin": 48}]},
    "mark": "line",
    "encoding": {"x": {"field": "day", "type": "temporal"}, "y": {"field": "margin", "type": "quantitative"}},
}

ALERT = Message(
    id="margin_red/feature/support_agent/1",
    dedupe_key="margin_red/feature/support_agent",
    action="trigger",
    severity="critical",
    title="support_agent: margin of 3 days is 48.2 %, floor 60 %",
    text="Input tokens a call grew by **31 %** since `2026-10-27`: $1,240 a month.\n\n- Shorten the prompt <system>\n- Cap & meter",
    fields=(("Margin", "48.2 %"), ("Dollars a month", "$1,240"), ("Owner", "support-team")),
    link="https://floorline.example/alerts/1",
    at=NOW,
)


def alert(**changes) -> Message:
    return msgspec.structs.replace(ALERT, **changes)
