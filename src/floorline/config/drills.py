"""`drills:` of floorline.yaml: how often fallbacks are drilled, with how many calls, and for how much."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from floorline.config.providers import split_url
from floorline.config.reader import Value
from floorline.config.settings import names_below, required_below
from floorline.jobs.drilling import CALLS, USD_MAX

CALLS_MAX = 1_000
EVERY_MS_MAX = 366 * 86_400_000
GATEWAY = "http://127.0.0.1:4000"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSettings:
    """`calls` calls of each model are sent again through `gateway` with `key` ('' while its variable is not set), for no more than about
    `usd_max` in all.
    """

    key: str = field(default="", repr=False)
    gateway: str = GATEWAY
    every: timedelta = timedelta(days=7)
    calls: int = CALLS
    usd_max: Decimal = USD_MAX


def read_drills(value: Value) -> DrillSettings:
    """The section's settings."""
    table, default = value.table(names_below("drills"), required=required_below("drills")), DrillSettings()
    every = table["every"].duration_ms(maximum=EVERY_MS_MAX) if "every" in table else None
    usd = table["usd"].number(minimum=Decimal(0)) if "usd" in table else None
    if usd is not None and usd == 0:
        table["usd"].complain(f"`{table['usd'].path}` is 0, it must be above: leave `drills` out for no drill")
    return DrillSettings(
        key=(table["key"].secret() if "key" in table else None) or "",
        gateway=(_address(table["gateway"]) if "gateway" in table else None) or default.gateway,
        every=default.every if every is None else timedelta(milliseconds=every),
        calls=(_calls(table["calls"]) if "calls" in table else None) or default.calls,
        usd_max=usd or default.usd_max,
    )


def _address(value: Value) -> str | None:
    url = value.text()
    return None if url is None or split_url(value, url) is None else url.rstrip("/")


def _calls(value: Value) -> int | None:
    calls = value.whole(minimum=1)
    if calls is not None and calls > CALLS_MAX:
        value.complain(f"`{value.path}` is {calls}, it must be at most {CALLS_MAX}")
        return None
    return calls
