"""A call under way: what is known of it, and every attempt made for it. Mutable, and alive only inside the pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from floorline.gateway.attribution import Attribution
from floorline.gateway.message import Request
from floorline.gateway.policy import Dialect, Provider
from floorline.gateway.translate.request import Asked, translated
from floorline.gateway.wire.body import View
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.routes import Route
from floorline.ledger.key import Key
from floorline.pricing.usage import Extraction


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a call is not served: `status` and `kind` for programs, `message` says to people what to change."""

    status: int
    kind: str
    message: str
    retry_after_s: int | None = None


class UnderWay(msgspec.Struct, kw_only=True):
    """One logical request of the application. `view` and `refusal`: a request that cannot be served has the latter."""

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
    closed: bool = False
    _asked: dict[Dialect, Asked | Invalid] = {}

    def asked(self, dialect: Dialect) -> "Asked | UnderWay | Invalid":
        """The request as a target of `dialect` is asked it: as it came where that is the caller's own, else translated, once;
        Invalid where it cannot be said there.
        """
        if dialect == self.route.dialect:
            return self
        found = self._asked.get(dialect)
        if found is None:
            found = self._asked[dialect] = translated(self.route, self.view, self.request, dialect)
        return found
