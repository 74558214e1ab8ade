"""`floorline control`: the process that owns the ledger. `floorline serve` starts it beside the gateways."""

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import click

from floorline.config import Config
from floorline.errors import BadConfig, BadInput, LedgerBusy
from floorline.jobs.control import Control
from floorline.jobs.supervising import end_with_parent
from floorline.ledger.ledger import Ledger
from floorline.web.access.gate import Gate
from floorline.web.serving import Listener
from floorline.wiring import control_token, estimator, load_config, make_home, now, revenue_freshness
from floorline.wiring.access import check_exposure, listening
from floorline.wiring.dashboard import Dashboard
from floorline.wiring.jobs import control_jobs

log = logging.getLogger(__name__)

THREADS = 16
"""Requests that are answered at once: of a reader as many as web/turns.py says, so that others are answered meanwhile."""


@click.command("control")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--host", help="Where the dashboard and the API are; `web.host` of the configuration when not given.")
@click.option("--port", type=click.IntRange(0, 65_535), default=4040, show_default=True, help="0: any free one.")
@click.option("--with-parent", is_flag=True, help="End when the process that started this one ends.")
def command(config_file: Path | None, host: str | None, port: int, *, with_parent: bool) -> None:
    """Own the ledger: collect what gateways spool, serve every other command, run jobs, tell figures at /metrics.

    SIGTERM ends it when everything spooled is in the ledger; SIGHUP reads the configuration again.
    """
    if with_parent:
        end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s control: %(message)s")
    config = load_config(config_file, secrets=False)
    token, address = control_token(make_home()), host or config.web.host
    check_exposure(config, address)
    ledger = _own_ledger(config)
    for notice in ledger.notices:
        log.warning("%s", notice)
    failed = asyncio.run(_run(ledger, config_file, config, token, (address, port)))
    if failed:
        raise SystemExit(1)


def _own_ledger(config: Config) -> Ledger:
    """The ledger, as soon as the command that has it now gives it free."""
    timezone = config.timezone if config.timezone_stated else None
    while True:
        try:
            return Ledger.open(make_home(), timezone=timezone, wait_s=10)
        except LedgerBusy as busy:
            log.warning("waiting for the ledger: %s", busy)


async def _run(ledger: Ledger, config_file: Path | None, config: Config, token: str, at: tuple[str, int]) -> bool:
    """Run until a signal says to stop, or until the collector fails; whether it failed."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "control"))
    failed = False

    def fail() -> None:
        nonlocal failed
        failed = True
        loop.call_soon_threadsafe(stop.set)

    jobs = control_jobs(config, ledger, lambda: _behind(control))
    control = Control(ledger, estimator(config), jobs, on_failure=fail)
    control.revenue = lambda: revenue_freshness(config, ledger.state)
    gate = Gate(ledger.state, config.web, token, now)

    def reload() -> None:
        loop.call_soon_threadsafe(_reload, control, gate, dashboard, config_file)

    dashboard = Dashboard(control, config, gate, reload)
    listener = Listener(dashboard.site)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, control, gate, dashboard, config_file)
    try:
        host, port = await listener.listen(*at)
        await asyncio.to_thread(control.start)
        address, way_in = listening(config, ledger.state, host, port)
        log.info("the ledger is %s; the dashboard is %s", ledger.home, address)
        log.info("%s", way_in)
        preparing = asyncio.create_task(asyncio.to_thread(dashboard.prepare))
        await stop.wait()
        log.info("ending")
        await preparing
    finally:
        await listener.close()
        await asyncio.to_thread(dashboard.close)
        await asyncio.to_thread(control.stop)
    return failed


def _behind(control: Control) -> timedelta:
    return timedelta(milliseconds=control.behind_ms)


def _reload(control: Control, gate: Gate, dashboard: Dashboard, config_file: Path | None) -> None:
    """Prices for what will be lost from now on, the jobs, and the routes with their secrets. A bad file is refused and everything stays."""
    try:
        config = load_config(config_file, secrets=False)
        prices, jobs = estimator(config), control_jobs(config, control.ledger, lambda: _behind(control))
    except (BadConfig, BadInput) as error:
        log.error("the configuration stays as it was: %s", error)  # noqa: TRY400 - the file's fault, no defect
    else:
        control.collector.reprice(prices)
        control.scheduler.replace(jobs)
        control.revenue = lambda: revenue_freshness(config, control.ledger.state)
        gate.load(config.web)
        dashboard.load(config)
        log.info("the configuration was read again")
