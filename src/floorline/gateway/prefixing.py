"""Provider prompt caching around one call: its prompt is looked at, sent where it is kept, marked where that pays, and what came
of it is told by the usage that its provider reports. What is learned lives in this process, as hashes alone.
"""

import re
from decimal import Decimal

from floorline.events import Touch
from floorline.gateway.accounting import Account, Prices, priced_as
from floorline.gateway.editing import Asking, with_beta, with_body
from floorline.gateway.policy import Provider
from floorline.gateway.prefixed import Prefixed
from floorline.gateway.wire.marking import CONVERSE, MARKED, Spot, is_marked, marked
from floorline.gateway.wire.prompt import listed, read_prompt
from floorline.guardrails.frame import Facts, arm, touch
from floorline.guardrails.prefix import Odds, Prefixes, kept_from, marks, odds_of
from floorline.guardrails.prompt import PromptCacheRule, expected, saved
from floorline.pricing.version import PriceVersion

GUARDRAIL = "prompt_cache"
HOUR_BETA = b"extended-cache-ttl-2025-04-11"
"""What Anthropic wants to be sent as `anthropic-beta` where an hour is asked for; without it some accounts get 5 minutes."""

_KEPT_AT_BEDROCK = re.compile(
    r"(?:opus|sonnet|haiku)-[4-9]|3-7-sonnet|3-5-haiku|3-5-sonnet-20241022|nova-(?:micro|lite|pro|premier)"
)
_FROM_4_5 = re.compile(r"(?:opus|sonnet|haiku)-(?:4-[5-9]|[5-9])")
VERSIONS_MAX = 1_024
"""Of prices whose odds are remembered."""


class Prefixing:
    """What one gateway knows of its prefixes."""

    def __init__(self) -> None:
        self._known = Prefixes()
        self._odds: dict[str, Odds | None] = {}

    def see(self, rule: PromptCacheRule, facts: Facts, asked: Asking) -> Prefixed | None:
        """Take in the prompt of a call as its caller says it; None where it is off, or the call has no prompt."""
        if rule.setting.mode == "off":
            return None
        prompt = read_prompt(facts.endpoint, asked.request.body, facts.model)
        if not prompt.parts:
            return None
        seen = self._known.see(facts.feature, prompt.parts, int(facts.at.timestamp() * 1_000))
        which = arm(rule.setting, GUARDRAIL, facts)
        return Prefixed(rule=rule, facts=facts, which=which, route=asked.route, prompt=prompt, seen=seen)

    def sent(self, one: Prefixed, asked: Asking, provider: Provider, model: str, prices: Prices) -> Asking:
        """The request as it goes to `model` at `provider`: with the marks that pay there."""
        one.provider, one.model, one.placed = provider, model, ()
        found = prices.book.resolve(priced_as(provider), model, one.facts.at)
        one.version = found if isinstance(found, PriceVersion) else None
        if one.version is None or not _takes_marks(asked.route.endpoint, model) or is_marked(asked.request.body):
            return asked
        model_odds = self._odds_of(one.version)
        if model_odds is None:
            return asked
        endpoint = asked.route.endpoint
        if not _keeps_an_hour(provider, endpoint, model):
            model_odds = model_odds._replace(need_1h=None)
        one.placed = marks(one.seen, model_odds, provider.name, model)
        if one.which != "treated" or not one.placed:
            return asked
        asked = with_body(asked, marked(endpoint, asked.request.body, _spots(one, asked)))
        hour = endpoint == "messages" and any(mark.lifetime == "1h" for mark in one.placed)
        return with_beta(asked, HOUR_BETA) if hour else asked

    def _odds_of(self, version: PriceVersion) -> Odds | None:
        if version.id not in self._odds:
            if len(self._odds) >= VERSIONS_MAX:
                self._odds.clear()
            self._odds[version.id] = odds_of(version, kept_from(version.model))
        return self._odds[version.id]

    def closed(self, one: Prefixed, account: Account, *, status: int) -> Touch | None:
        """The call has ended with an answer of this status: what is known of its prefixes from now on, and what marking them has
        saved, or would have; None where there is nothing to mark.
        """
        if one.provider is None or not 200 <= status < 300:
            return None
        self._known.served(one.seen, one.placed, one.provider.name, one.model)
        if not one.placed:
            return None
        return touch(one.rule.setting, GUARDRAIL, one.which, "mark", saved=_saved(one, account))


def _takes_marks(endpoint: str, model: str) -> bool:
    """Whether a prompt can be marked there. Bedrock refuses marks for models that it keeps no prefixes of; a name that says nothing
    of the model is taken for one of those.
    """
    return endpoint == "messages" or (endpoint in MARKED and _KEPT_AT_BEDROCK.search(model) is not None)


def _keeps_an_hour(provider: Provider, endpoint: str, model: str) -> bool:
    """Whether an hour can be asked for there: Anthropic itself keeps it for every model, Bedrock's converse for those from 4.5 on,
    and Vertex refuses a request that says it.
    """
    if endpoint == "messages":
        return provider.kind == "plain"
    return endpoint in CONVERSE and _FROM_4_5.search(model) is not None


def _saved(one: Prefixed, account: Account) -> Decimal | None:
    """By what the provider reports where the prompt was marked, by what is to be expected where it was not."""
    assert one.version is not None and one.provider is not None, "what has marks has a price"  # noqa: PT018 - one sentence
    if one.which != "treated":
        return saved(expected(one.seen, one.placed, one.provider.name, one.model), one.version)
    return None if account.usage is None else saved(account.usage.buckets, one.version)


def _spots(one: Prefixed, asked: Asking) -> list[Spot]:
    """Where the marks stand in the request. In a translated one messages are joined: there the last one alone is found again."""
    parts, messages = one.prompt.parts, one.prompt.messages
    spots = [Spot(parts[mark.place].kind, messages[mark.place], mark.lifetime) for mark in one.placed]
    if asked.route is one.route:
        return spots
    last = len(listed(asked.request.body, ("messages",))) - 1
    return [
        spot._replace(message=last) if spot.kind == "message" else spot
        for spot in spots
        if spot.kind != "message" or spot.message == messages[-1]
    ]
