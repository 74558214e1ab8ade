"""How long an answer may become, and how hard a model may think about it: caps that are set or lowered, never raised."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from floorline.guardrails.frame import OFF, Change, Facts, Setting, Verdict, arm, touch

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)
"""From no thinking to the most."""

ANSWERING = frozenset(
    {
        "chat.completions", "responses", "completions", "messages", "generateContent", "streamGenerateContent",
        "converse", "converse-stream", "invoke", "invoke-stream",
    }
)  # fmt: skip
"""Endpoints whose answers are text of a length that can be bounded."""


class OutputRule(msgspec.Struct, frozen=True, kw_only=True):
    """The most output tokens of one answer: of `plans` their own, of all others `tokens_max` (None: no bound).

    `note` goes to the application in a header where an answer may have been cut by it: what to tell its user.
    """

    setting: Setting = OFF
    tokens_max: int | None = None
    plans: Mapping[str, int] = {}
    note: str = ""

    def limit(self, plan: str) -> int | None:
        """The bound of a call of `plan`."""
        return self.plans.get(plan, self.tokens_max)


class ReasoningRule(msgspec.Struct, frozen=True, kw_only=True):
    """The most a model may think: an effort, and tokens where a request states a budget of them.

    `absent` says what becomes of a request that states neither: `leave` it to the provider, or `set` the cap, for features
    whose models all think (others refuse it).
    """

    setting: Setting = OFF
    effort: Effort | None = None
    tokens_max: int | None = None
    absent: Literal["leave", "set"] = "leave"


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks of a model's thinking: '' and None where it does not say. Tokens below 0 leave it to the model."""

    effort: str = ""
    tokens: int | None = None


SAYS_NOTHING = Thinking()


def lowered(asked: int | None, most: int) -> int | None:
    """The cap to set in place of `asked`; None where that stands."""
    return None if asked is not None and asked <= most else most


def lowered_effort(asked: str, most: Effort) -> Effort | None:
    """The same of an effort; one that is not known stands."""
    known = asked.lower()
    if known not in EFFORTS or EFFORTS.index(known) <= EFFORTS.index(most):
        return None
    return most


def lowered_thinking(asked: int, most: int) -> int | None:
    """The same of a budget of thinking tokens, where a negative one leaves it to the model and so has no bound."""
    return most if asked < 0 or asked > most else None


def cap_output(facts: Facts, rule: OutputRule, so_far: Verdict) -> Verdict:
    """The verdict with the output cap of the call's feature and plan, where the request has none or a higher one."""
    limit = rule.limit(facts.plan)
    if limit is None or facts.endpoint not in ANSWERING:
        return so_far
    asked = facts.output_cap if so_far.output_cap is None else so_far.output_cap
    cap = lowered(asked, limit)
    if cap is None:
        return so_far
    which = arm(rule.setting, "output", facts)
    touches = (*so_far.touches, touch(rule.setting, "output", which, "set" if asked is None else "clamp"))
    if which != "treated":
        return msgspec.structs.replace(so_far, touches=touches)
    why = f"output: at most {cap} tokens, where the request " + (
        "set no bound" if asked is None else f"asked for {asked}"
    )
    return msgspec.structs.replace(
        so_far,
        output_cap=cap,
        changes=(*so_far.changes, Change(name="output_cap", value=str(cap))),
        touches=touches,
        reasons=(*so_far.reasons, why),
        headers=(*so_far.headers, ("output-cap", str(cap)), *([("continuation", rule.note)] if rule.note else [])),
    )


def cap_reasoning(facts: Facts, rule: ReasoningRule, so_far: Verdict) -> Verdict:
    """The verdict with the caps on thinking that the request exceeds."""
    asked = Thinking(effort=facts.effort, tokens=facts.thinking_tokens)
    caps = _thinking_caps(asked, rule)
    if not caps or facts.endpoint not in ANSWERING:
        return so_far
    which = arm(rule.setting, "reasoning", facts)
    touches = (*so_far.touches, touch(rule.setting, "reasoning", which, "set" if asked == SAYS_NOTHING else "clamp"))
    if which != "treated":
        return msgspec.structs.replace(so_far, touches=touches)
    why = "reasoning: at most " + " and ".join([_said(cap) for cap in caps])
    return msgspec.structs.replace(
        so_far, changes=(*so_far.changes, *caps), touches=touches, reasons=(*so_far.reasons, why)
    )


def _thinking_caps(asked: Thinking, rule: ReasoningRule) -> list[Change]:
    """The changes that the rule makes to what is asked."""
    silent = asked == SAYS_NOTHING and rule.absent == "set"
    caps: list[Change] = []
    most = rule.tokens_max
    if most is not None and (silent or (asked.tokens is not None and lowered_thinking(asked.tokens, most) is not None)):
        caps.append(Change(name="thinking_tokens", value=str(most)))
    if rule.effort is not None and (silent or lowered_effort(asked.effort, rule.effort) is not None):
        caps.append(Change(name="reasoning_effort", value=rule.effort))
    return caps


def _said(cap: Change) -> str:
    return f"{cap.value} tokens of thinking" if cap.name == "thinking_tokens" else f"effort {cap.value}"
