"""What the words on the pages mean: one or two sentences each, one hover or one key away. Pure."""

from collections.abc import Mapping

GLOSSARY: Mapping[str, str] = {
    "revenue": "Recognised revenue: what was paid, spread over the days it pays for, net of discounts, credits and tax.",
    "cogs": "Cost of goods sold: what calls cost at their price versions, and the shared costs divided among what they serve.",
    "margin": "Gross margin in dollars: recognised revenue − cost of goods sold.",
    "margin_ratio": "Gross margin ÷ recognised revenue. Unknown where nothing was paid: no share of nothing is known.",
    "floor": "The margin that a feature is held to. Below it is red, up to its band above it yellow, beyond that green.",
    "zone": "Where a margin stands against its floor: below floor (red), near floor (yellow), above floor (green).",
    "calls": "Logical requests of the application. Retries and fallbacks of one call are its attempts, not further calls.",
    "cost_per_call": "What calls cost ÷ calls of the same days.",
    "p95": "The cost per call that 95 % of calls do not exceed, by nearest rank.",
    "quality": "Where the cost of calls comes from: stated by the provider, computed from its prices, or estimated.",
    "unpriced": "Calls whose model has no known price: their cost is unknown, is counted as nothing, and is not free.",
    "unattributed": "The share of cost whose feature or customer is unknown.",
    "thin": "So few calls that chance alone can move the figure this much.",
    "cost_of_calls": "What priced calls cost at their price versions. Calls without a price are not in it.",
    "calls_per_second": "Calls that were opened ÷ the seconds since the five minutes began in which the last five minutes began.",
    "spend_per_hour": "What priced calls cost since the five minutes began in which the last hour began, as of an hour at this rate.",
    "refused": "Calls that a guardrail or a budget did not let through. They cost nothing.",
    "cache_hits": "Calls that were answered from a cache. They cost nothing, and say what they saved.",
    "errors": "Calls that ended with a status of 500 or more, or whose provider failed.",
    "ledger_lag": "How long ago everything that gateways had spooled was in the ledger. Later calls are in no figure yet.",
    "earned_per_call": "Recognised revenue of the feature ÷ its calls, over the last seven whole days. Unknown where there was neither.",
    "margin_per_call": "What a call earns − what it costs.",
    "unusual_minutes": "Five minutes in which a call cost far more than usual: by the rule cost_anomaly of the alerts, held to cost per call "
    "and to the feature's own last 24 hours. Fewer than 5 priced calls are not judged.",
}
