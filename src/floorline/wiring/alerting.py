"""How the alerts are wired to a ledger: the configuration's rules and routes, prices, drivers."""

from collections.abc import Callable
from datetime import timedelta

from floorline.config import Config
from floorline.jobs.alert_figures import Sources
from floorline.jobs.alerting import Setup
from floorline.jobs.price_watch import PriceWatch
from floorline.ledger.surface import AnyLedger
from floorline.wiring import book_with


def alert_setup(config: Config, ledger: AnyLedger, *, behind: Callable[[], timedelta] | None = None) -> Setup:
    """How alerts are judged and told by `config`. Keep it from one evaluation to the next: it remembers figures of days."""
    watch = PriceWatch(
        ledger=ledger,
        state=ledger.state,
        book_with=lambda extra: book_with(config, extra),
        trusted_cost_providers=config.trusted_cost_providers,
    )
    return Setup(tuning=config.alerts.tuning, sources=Sources(prices=watch.look, behind=behind), routes=config.routes)
