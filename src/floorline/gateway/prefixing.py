"""Provider prompt caching around one call: its prompt is looked at, sent where it is kept, marked where that pays, and what came
of it is claimed from the usage that its provider reports. What is learned lives in this process, as hashes alone.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from floorline.events import Arm, Touch
from floorline.gateway.accounting import Account, Prices, priced_as
from floorline.gateway.editing import with_body
from floorline.gateway.policy import Provider, Target
from floorline.gateway.translate.request import Asked
from floorline.gateway.wire.marking import MARKED, Spot, is_marked, marked
from floorline.gateway.wire.prompt import Prompt, read_prompt
from floorline.guardrails.frame import touch
from floorline.guardrails.prefix import Mark, Odds, Prefixes, Seen, kept_from, marks, odds_of
from floorline.guardrails.prompt import NOTHING, Claim, PromptCacheRule, claimed, expected
from floorline.pricing.version import PriceVersion

GUARDRAIL = "prompt_cache"


class Prefixed(Struct, kw_only=True):
    """One call's prompt: what was known of it, whether it may be changed, and how it was sent last."""

    rule: PromptCacheRule
    which: Arm
    prompt: Prompt
    seen: Seen
    placed: tuple[Mark, ...] = ()
    provider: Provider | None = None
    model: str = ""
    version: PriceVersion | None = None

    @property
    def pin(self) -> tuple[str, str] | None:
        """The provider and model that have the call's conversation, where it is to stay there."""
        if self.seen.pin is None or not self.rule.sticky or self.which != "treated":
            return None
        return self.seen.pin[:2]


class Prefixing:
    """What one gateway knows of its prefixes."""

    def __init__(self) -> None:
        self._known = Prefixes()
        self._odds: dict[str, Odds | None] = {}

    def see(self, rule: PromptCacheRule, which: Arm, feature: str, asked: Asked, at: datetime) -> Prefixed:
        """Take in the prompt of a call as its caller says it."""
        prompt = read_prompt(asked.route.endpoint, asked.request.body, asked.view.model)
        seen = self._known.see(feature, prompt.parts, int(at.timestamp() * 1_000))
        return Prefixed(rule=rule, which=which, prompt=prompt, seen=seen)

    def sent(self, one: Prefixed, asked: Asked, provider: Provider, model: str, prices: Prices, at: datetime) -> Asked:
        """The request as it goes to `model` at `provider`: with the marks that pay there."""
        one.provider, one.model, one.placed = provider, model, ()
        found = prices.book.resolve(priced_as(provider), model, at)
        one.version = found if isinstance(found, PriceVersion) else None
        if one.version is None or asked.route.endpoint not in MARKED or is_marked(asked.request.body):
            return asked
        model_odds = self._odds_of(one.version)
        if model_odds is None:
            return asked
        one.placed = marks(one.seen, model_odds, provider.name, model)
        if one.which != "treated" or not one.placed:
            return asked
        body = marked(asked.route.endpoint, asked.request.body, _spots(one))
        return asked if body is asked.request.body else with_body(asked, body)

    def _odds_of(self, version: PriceVersion) -> Odds | None:
        if version.id not in self._odds:
            if len(self._odds) >= VERSIONS_MAX:
                self._odds.clear()
            self._odds[version.id] = odds_of(version, kept_from(version.model))
        return self._odds[version.id]

    def closed(self, one: Prefixed, account: Account) -> Touch | None:
        """The call has an answer: what is known of its prefixes, and what marking them has brought or would have."""
        if one.provider is None:
            return None
        self._known.served(one.seen, one.placed, one.provider.name, one.model)
        if not one.placed:
            return None
        claim = _claim(one, account)
        return touch(one.rule.setting, GUARDRAIL, one.which, "mark", saved=claim.saved, cost=claim.cost)


VERSIONS_MAX = 1_024


def _claim(one: Prefixed, account: Account) -> Claim:
    """By what the provider reports where the prompt was marked, by what is to be expected where it was not."""
    assert one.version is not None and one.provider is not None, "what has marks has a price"  # noqa: PT018 - one sentence
    if one.which != "treated":
        return claimed(expected(one.seen, one.placed, one.provider.name, one.model), one.version)
    return NOTHING if account.usage is None else claimed(account.usage.buckets, one.version)


def _spots(one: Prefixed) -> Sequence[Spot]:
    """Where the marks stand in the request."""
    parts, messages = one.prompt.parts, one.prompt.messages
    return [Spot(parts[mark.place].kind, messages[mark.place], mark.lifetime) for mark in one.placed]


def pinned(targets: Sequence[Target], pin: tuple[str, str] | None, asked_for: str) -> list[Target]:
    """The targets in the order in which they are tried, the pinned one before the others of its tier."""
    found = next((one for one in targets if pin == (one.provider, one.model or asked_for)), None)
    if found is None or found.tier != targets[0].tier:
        return list(targets)
    return [found, *[one for one in targets if one is not found]]
