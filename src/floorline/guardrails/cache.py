"""The exact cache's rule: with whom an answer may be shared, for how long, and which calls it is not for.

An answer is found again by who shares its partition. `customer` is one customer's calls of one feature, without a customer
those of one key; `feature` is everyone's calls of the feature and `global` everyone's of every feature that says so: whoever
may call there can find out whether somebody asked exactly the same before.
"""

from decimal import Decimal
from typing import Literal, Protocol

import msgspec
from msgspec import structs

from floorline.guardrails.frame import OFF, Evidence, Facts, Setting, Verdict, arm, touch
from floorline.money import ZERO

NAME = "cache"
UNSEEN = frozenset({"output_cap"})
"""Changes to a request that an answer which a cap has not cut short does not depend on."""

Partition = Literal["customer", "feature", "global"]


class CacheRule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the calls of one feature. A request that states more than `temperature_max` is not cached; `vary` are
    headers, in lower case, that change its answers. `wait_ms` bounds how long a call waits for an identical one, 0 is never.
    """

    setting: Setting = OFF
    partition: Partition = "customer"
    ttl_s: int = 3_600
    temperature_max: Decimal = ZERO
    entry_bytes_max: int = 1 << 20
    vary: tuple[str, ...] = ()
    wait_ms: int = 30_000


class Shares(Protocol):
    """A cache's rule, as far as it says with whom answers are shared."""

    @property
    def partition(self) -> Partition:
        """With whom."""
        ...


def partition(rule: Shares, facts: Facts) -> tuple[str, ...]:
    """Who shares an answer with the call: those with the same words."""
    if rule.partition == "global":
        return ("global",)
    if rule.partition == "feature":
        return ("feature", facts.feature)
    if facts.customer:
        return ("customer", facts.feature, facts.customer)
    return ("key", facts.feature, facts.key)


def keeps(shared: Partition, decided: Verdict, output_tokens: int | None) -> bool:
    """Whether the answer to a call that was sent as `decided` may be kept as one to what it asked: another model's may not, nor
    one that a cap may have cut short. What else guardrails change they change alike for one customer, not for several.
    """
    if decided.model:
        return False
    cap = decided.output_cap
    if cap is not None and (output_tokens is None or output_tokens >= cap):
        return False
    unseen = not decided.shortened and UNSEEN.issuperset([change.name for change in decided.changes])
    return unseen or shared == "customer"


def step(facts: Facts, evidence: Evidence, rule: CacheRule, so_far: Verdict) -> Verdict:
    """Where there is an answer, it is a hit for the treated; for everyone else it is noted what it would have saved."""
    looked = evidence.cache
    if looked is None or looked.state != "hit":
        return so_far
    which = arm(rule.setting, NAME, facts)
    touches = (*so_far.touches, touch(rule.setting, NAME, which, "hit", looked.avoided))
    if which != "treated":
        return structs.replace(so_far, touches=touches)
    reason = f"{NAME}: answered with the answer to the same request {looked.age_s} s before"
    return structs.replace(so_far, action="hit", touches=touches, reasons=(*so_far.reasons, reason))
