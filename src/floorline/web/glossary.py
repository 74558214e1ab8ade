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
}
