"""One call's prompt: what is known of it, and how it was sent. `gateway/prefixing.py` alone changes it."""

from msgspec import Struct

from floorline.events import Arm
from floorline.gateway.policy import Provider
from floorline.gateway.wire.prompt import Prompt
from floorline.gateway.wire.routes import Route
from floorline.guardrails.frame import Facts
from floorline.guardrails.prefix import Mark, Seen
from floorline.guardrails.prompt import PromptCacheRule
from floorline.pricing.version import PriceVersion


class Prefixed(Struct, kw_only=True):
    """What was known of a prompt as it came, whether it may be changed, and with which marks it went where last."""

    rule: PromptCacheRule
    facts: Facts
    which: Arm
    route: Route
    prompt: Prompt
    seen: Seen
    placed: tuple[Mark, ...] = ()
    provider: Provider | None = None
    model: str = ""
    version: PriceVersion | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """What was done to the prompt, in a sentence; none where it went as it came."""
        if self.which != "treated" or not self.placed:
            return ()
        deepest, tokens = self.placed[-1], {step.place: step.tokens for step in self.seen.steps}
        return (
            f"prompt_cache: the first {tokens[deepest.place]} tokens are marked, to be kept for {deepest.lifetime}",
        )

    @property
    def pin(self) -> tuple[str, str] | None:
        """The provider and model that have the call's conversation, where it is to stay there."""
        if self.seen.pin is None or not self.rule.sticky or self.which != "treated":
            return None
        return self.seen.pin[:2]
