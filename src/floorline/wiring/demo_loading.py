"""The demo's company for a ledger of somebody's own, by the company's settings: they become the home's where it has none."""

from collections.abc import Callable, Iterable

from floorline.config import Config, parse
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride
from floorline.sandbox.calendar import Calendar
from floorline.sandbox.company import Volume
from floorline.sandbox.exports import write_settings
from floorline.sandbox.loading import LOADED, Loading, Stated
from floorline.sandbox.settings import settings
from floorline.wiring import CONFIG_NAME, book_with, now


def demo_loader(config: Config, ledger: Ledger, reload: Callable[[], None], volume: Volume = LOADED) -> Loading:
    """What loads the demo into `ledger`. Without a configuration file the company's is written into the home, and `reload` is to read
    it.
    """

    def finished(calendar: Calendar) -> None:
        if config.path is None and not (ledger.home / CONFIG_NAME).exists():
            write_settings(ledger.home, calendar)
            reload()

    return Loading(ledger, lambda calendar: _stated(ledger, calendar), now=now, finished=finished, volume=volume)


def _stated(ledger: Ledger, calendar: Calendar) -> Stated:
    """What the company's own settings say."""
    parsed = parse(settings(calendar).encode(), ledger.home / CONFIG_NAME)
    assert not parsed.problems, f"the company's settings are wrong: {parsed.problems[0]}"
    own = parsed.config

    def with_more(extra: Iterable[PriceOverride]) -> PriceBook:
        return book_with(own, extra)

    return Stated(policies=own.policies, tuning=own.alerts.tuning, reviews=own.reviews, book_with=with_more)
