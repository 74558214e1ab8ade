"""What pages read and act on: one frozen record, made by `wiring` over the control process's own ledger."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from floorline.alerts.tuning import Tuning
from floorline.clock import day_of, timezone
from floorline.gateway.issuing import Issuer
from floorline.gateway.policy import GatewayPolicy
from floorline.jobs.margins import Margins
from floorline.jobs.reconciling import Health
from floorline.ledger.content import ContentStore
from floorline.ledger.remembering import Remembering
from floorline.ledger.state import State
from floorline.ledger.surface import Answering, AnyLedger
from floorline.margin.policy import Policies
from floorline.pricing.book import PriceBook
from floorline.reviews.policy import ReviewPolicy
from floorline.web.access.policy import WebPolicy
from floorline.web.earnings import Earnings
from floorline.web.machine import DemoLoader, Machine
from floorline.web.settings_shown import ConfigShown


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The ledger, what the configuration states, and the clock. What a page needs beyond them is a field here, handed in by
    `wiring`.
    """

    ledger: AnyLedger
    policies: Policies
    now: Callable[[], datetime]
    gateway: GatewayPolicy = field(default_factory=GatewayPolicy)
    reviews: ReviewPolicy = field(default_factory=ReviewPolicy)
    web: WebPolicy = field(default_factory=WebPolicy)
    tuning: Tuning = field(default_factory=Tuning)
    health: Callable[[], Health] | None = None
    """How the control process stands; None where there is none."""
    earnings: Earnings = field(default_factory=Earnings)
    content: Callable[[], ContentStore] | None = None
    """Opens the store of captured prompts and answers, to read."""
    settings: ConfigShown = field(default_factory=ConfigShown)
    book: Callable[[], PriceBook] = PriceBook
    """The configured price book, made once for a configuration."""
    issuer: Callable[[str], Issuer] | None = None
    """Who makes and revokes virtual keys, by the name of whoever does it; None where that cannot be done."""
    machine: Callable[[], Machine] = Machine
    demo: DemoLoader | None = None
    answers: Answering | None = None
    """Asked for figures in the ledger's place."""

    @property
    def state(self) -> State:
        """What is not a record."""
        return self.ledger.state

    @property
    def margins(self) -> Margins:
        """Tables of margin, as `floorline margin` makes them."""
        return Margins(self.ledger, self.policies, answers=self.answers)

    def once(self) -> "Desk":
        """The same for one page: what its figures ask in common is asked once."""
        return replace(self, answers=Remembering(self.ledger))

    @property
    def asks(self) -> Answering:
        """What answers questions of figures."""
        return self.answers or self.ledger

    @property
    def today(self) -> date:
        """The day of the ledger's timezone."""
        return day_of(self.now(), timezone(self.ledger.timezone))
