"""What is on: every guardrail that a configuration names, whom it is on for, how far, and what it does in a few words."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from floorline.guardrails import route, routing
from floorline.guardrails.frame import ENFORCE, Setting
from floorline.guardrails.rules import Guardrails, Rules

DOES: dict[str, str] = {
    "cache": "answers with what was answered before",
    "semantic_cache": "answers with what was answered to the same question in other words, where that is certified",
    "certified_route": "sends calls to a cheaper model where that is certified",
    "cascade": "has a cheaper model answer first where what looks at its answers is certified",
    "compaction": "has a summary stand for the beginning of a long conversation",
    "prompt_cache": "marks prefixes for the provider's cache where that pays",
    "output": "bounds how long an answer may become",
    "reasoning": "bounds how hard a model may think",
}
"""What each guardrail but the route and margin rules does to a call."""


class Rail(NamedTuple):
    """One guardrail that is on for one feature, '' for every feature without rules of its own. `guardrail` is what touches call
    it, `rule` the name of a route or margin rule.
    """

    feature: str
    guardrail: str
    rule: str
    setting: Setting
    holdout_ppm: int
    does: str


def rails(guardrails: Guardrails | None) -> list[Rail]:
    """Those of the features first, in the order of the configuration."""
    if guardrails is None:
        return []
    return [
        Rail(feature, name, rule, setting, rules.holdout_ppm, does)
        for feature, rules in (*guardrails.features.items(), ("", guardrails.default))
        for name, rule, setting, does in _settings(rules)
    ]


def mode_text(setting: Setting) -> str:
    """A mode as floorline.yaml writes it."""
    return f"canary {percent(setting.share_ppm)}" if setting.mode == "canary" else setting.mode


def percent(ppm: int) -> str:
    """Millionths as percent: 2%, 2.5%."""
    return f"{(Decimal(ppm) / 10_000).normalize():f}%"


def _settings(rules: Rules) -> Iterator[tuple[str, str, Setting, str]]:
    for rule in () if rules.route is None else rules.route.routes:
        yield routing.NAME, rule.name, rule.setting, f"to {rule.to}" + (f" when {rule.when}" if rule.when.terms else "")
    for rule in () if rules.route is None else rules.route.margin:
        yield route.NAME, rule.name, rule.setting, f"{rule.do} when {rule.when}"
    for one in rules.experiments:
        does = f"to {one.model}" if one.model else "what the application does for them"
        yield one.guardrail, "", ENFORCE, f"{percent(one.share_ppm)} of customers: {does}"
    for name in rules.__struct_fields__:
        setting = getattr(getattr(rules, name), "setting", None)
        if isinstance(setting, Setting) and setting.mode != "off":
            yield name, "", setting, DOES[name]
