"""How the alerts are wired to a ledger: the configuration's rules and routes, prices, drivers."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from floorline.alerts.figures import Feed, TakenBack
from floorline.clock import timezone
from floorline.config import Config
from floorline.jobs.alert_certificates import taken_back
from floorline.jobs.alert_drivers import Drivers
from floorline.jobs.alert_figures import Sources
from floorline.jobs.alerting import Setup, evaluate_reports, run
from floorline.jobs.guard_events import take
from floorline.jobs.margins import Margins
from floorline.jobs.price_watch import PriceWatch
from floorline.ledger.ledger import Ledger
from floorline.wiring import book_with, revenue_freshness


class Alerting:
    """The alerts of one ledger by one configuration. It remembers figures of days from one evaluation to the next."""

    def __init__(self, config: Config, ledger: Ledger, behind: Callable[[], timedelta] | None = None) -> None:
        """`behind` says how long ago everything that gateways recorded was in the ledger."""
        watch = PriceWatch(
            ledger=ledger,
            state=ledger.state,
            book_with=lambda extra: book_with(config, extra),
            trusted_cost_providers=config.trusted_cost_providers,
        )
        self._config, self._ledger = config, ledger
        self._drivers = Drivers(ledger, config.policies)
        self._setup = Setup(
            tuning=config.alerts.tuning,
            sources=Sources(prices=watch.look, feeds=self._feeds, taken_back=self._taken_back, behind=behind),
            explain=self._drivers.driver,
            routes=config.routes,
        )

    def evaluate(self, now: datetime) -> str:
        """One evaluation, and what it did."""
        self._drivers.forget(now)
        return run(self._ledger, self._config.policies, self._setup, now)

    def report(self, now: datetime) -> str:
        """Take what guardrails left for the alerts, and tell of it at once."""
        ledger = self._ledger
        taken = take(ledger.home, ledger.state, now)
        if taken:
            evaluate_reports(self._config.policies, ledger.state, timezone(ledger.timezone), now, self._setup)
        return taken

    def _feeds(self, now: datetime) -> Sequence[Feed]:
        """The live source of revenue, once it was read whole."""
        del now
        fresh = revenue_freshness(self._config, self._ledger.state)
        if fresh is None or fresh.complete_until is None:
            return ()
        return (Feed(fresh.source, fresh.complete_until, fresh.lag_max),)

    def _taken_back(self, now: datetime) -> Sequence[TakenBack]:
        """None without guardrails: nothing went by a certificate."""
        rails = self._config.gateway.guardrails
        return () if rails is None else taken_back(Margins(self._ledger, self._config.policies), rails, now)
