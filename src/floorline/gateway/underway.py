"""A call under way: what is known of it, and every attempt made for it. Mutable, and alive only inside the pipeline."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from floorline.events import Touch
from floorline.gateway.attribution import Attribution
from floorline.gateway.cache.taking import Taken
from floorline.gateway.counters.tally import Hold
from floorline.gateway.message import Request
from floorline.gateway.policy import Dialect, Provider
from floorline.gateway.prefixed import Prefixed
from floorline.gateway.shortened import Shortened
from floorline.gateway.translate.request import Asked, translated
from floorline.gateway.weighed import Sampled, Weighed
from floorline.gateway.wire.body import View
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.routes import Route
from floorline.guardrails.frame import FORWARD, Facts, Looked, Refusal, Verdict
from floorline.guardrails.rules import Rules
from floorline.ledger.key import Key
from floorline.pricing.usage import Extraction

if TYPE_CHECKING:  # both are told of calls under way
    from floorline.gateway.cache.store import Held
    from floorline.gateway.semantic.sought import Sought


class Try(msgspec.Struct, kw_only=True):
    """One attempt: where it went and what came of it. Times are nanoseconds of the monotonic clock.

    `sent`: the provider may have seen the request. `shown_tokens`: about how many output tokens of an
    answer that broke off had come. `ending` as in events.ENDINGS. `usage` is None until the answer ended.
    """

    provider: Provider
    model: str
    started_ns: int
    first_byte_ns: int = 0
    ended_ns: int = 0
    status: int = 0
    sent: bool = False
    shown_tokens: int = 0
    ending: str = "upstream_error"
    trouble: str = ""
    usage: Extraction | None = None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The call whose answer a hit is answered with, and who gave that: the target's provider, and the model as it called it."""

    call_id: str
    provider: str
    model: str


class Guarded(msgspec.Struct, kw_only=True):
    """What the guardrails know of a call and have decided; once it has ended, what they saved on it. `hold` is what it holds of
    its budgets, `stored` and `sought` what the caches have to do with it. `cache` is what the call's header says of the cache.
    """

    rules: Rules
    facts: Facts
    verdict: Verdict = FORWARD
    looked: Looked | None = None
    stored: "Held | None" = None
    sought: "Sought | None" = None
    cache: str = "off"
    served: Served | None = None
    hold: Hold | None = None
    touches: tuple[Touch, ...] = ()
    counterfactual_cost: Decimal | None = None
    lengthy: Shortened | None = None
    instead: Asked | None = None
    prefixed: Prefixed | None = None
    watched: Taken | None = None
    weighed: tuple[Weighed, ...] = ()
    sampled: Sampled | None = None

    @property
    def pin(self) -> tuple[str, str] | None:
        """The provider and model that the call's conversation is to go on with."""
        return None if self.prefixed is None else self.prefixed.pin


class UnderWay(msgspec.Struct, kw_only=True):
    """One logical request of the application; of the gateway's `own` where a guardrail needs an answer. `view` and `refusal`: a
    request that cannot be served has the latter. `identity` is the record's, once it is `opened`. `known` is what was worked out for
    calls of the same head, model and user before.
    """

    id: str
    opened_at: datetime
    started_ns: int
    request: Request
    route: Route
    key: Key
    view: View
    attribution: Attribution
    call_type: str
    refusal: Refusal | None = None
    input_tokens: int = 0
    include_cost: bool = False
    baseline: str = ""
    metadata: Mapping[str, str] = {}
    tries: list[Try] = []
    overhead_ns: int = 0
    status: int = 0
    notes: tuple[str, ...] = ()
    opened: bool = False
    identity: bytes = b""
    closed: bool = False
    own: bool = False
    guarded: Guarded | None = None
    known: dict[object, object] = {}
    _asked: dict[Dialect, Asked | Invalid] = {}

    @property
    def verdict(self) -> str:
        """What is done with the call: forward, hit or refuse."""
        if self.refusal is not None:
            return "refuse"
        return "forward" if self.guarded is None else self.guarded.verdict.action

    @property
    def model(self) -> str:
        """The model that the call goes to by its name here: the one asked for, unless a guardrail chose another."""
        return self.view.model if self.guarded is None else self.guarded.verdict.model or self.view.model

    def asked(self, dialect: Dialect) -> "Asked | UnderWay | Invalid":
        """The request as a target of `dialect` is asked it: as it came where that is the caller's own, else translated, once;
        Invalid where it cannot be said there.
        """
        own = self if self.guarded is None or self.guarded.instead is None else self.guarded.instead
        if dialect == self.route.dialect:
            return own
        found = self._asked.get(dialect)
        if found is None:
            found = self._asked[dialect] = translated(self.route, own.view, own.request, dialect)
        return found

    def decided(self, guarded: Guarded) -> None:
        """What the guardrails have decided holds from now on."""
        self.guarded = guarded
        self._asked.clear()
