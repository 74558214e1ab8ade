"""`floorline control`: the process that owns the ledger. `floorline serve` starts it beside the gateways."""

import asyncio
import logging
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from floorline.config import Config
from floorline.errors import BadConfig, BadInput, LedgerBusy
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Limits
from floorline.gateway.server import Server
from floorline.jobs.control import Control, ControlPages
from floorline.web.http import Asked, Route, Router
from floorline.jobs.supervising import end_with_parent
from floorline.ledger.ledger import Ledger
from floorline.wiring import control_token, estimator, load_config, make_home, revenue_freshness
from floorline.wiring.jobs import control_jobs
from floorline.wiring.routes import control_routes

log = logging.getLogger(__name__)

LIMITS = Limits(connections_max=256, shutdown_ms=5_000)


@click.command("control")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen for /readyz and /metrics.")
@click.option("--port", type=click.IntRange(0, 65_535), default=4040, show_default=True, help="0: any free one.")
@click.option("--with-parent", is_flag=True, help="End when the process that started this one ends.")
def command(config_file: Path | None, host: str, port: int, *, with_parent: bool) -> None:
    """Own the ledger: collect what gateways spool, serve every other command, run jobs, tell figures at /metrics.

    SIGTERM ends it when everything spooled is in the ledger; SIGHUP reads the configuration again.
    """
    if with_parent:
        end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s control: %(message)s")
    config = load_config(config_file, secrets=False)
    token = control_token(make_home())
    ledger = _own_ledger(config)
    for notice in ledger.notices:
        log.warning("%s", notice)
    failed = asyncio.run(_run(ledger, config_file, config, token, (host, port)))
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
    failed = False

    def fail() -> None:
        nonlocal failed
        failed = True
        loop.call_soon_threadsafe(stop.set)

    jobs = control_jobs(config, ledger, lambda: _behind(control))
    control = Control(ledger, estimator(config), jobs, on_failure=fail)
    control.revenue = lambda: revenue_freshness(config, ledger.state)
    router = Router(_routes(control, config), token)

    async def handle(request: Request, reply: Reply) -> None:
        asked = Asked(
            method=request.method, path=request.path, query=request.query, headers=request.headers, body=request.body
        )
        page = await asyncio.to_thread(router.answer, asked)
        reply.whole(page.status, [(b"content-type", page.kind.encode()), *page.headers], page.body.encode())

    server = Server(handle, replace(LIMITS, body_bytes_max=router.body_bytes_max))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, control, router, config_file)
    try:
        host, port = await _listen(server, *at)
        await asyncio.to_thread(control.start)
        log.info("the ledger is %s; http://%s:%d answers /healthz, /readyz, /metrics", ledger.home, host, port)
        await stop.wait()
        log.info("ending")
    finally:
        await server.close()
        await asyncio.to_thread(control.stop)
    return failed


def _behind(control: Control) -> timedelta:
    return timedelta(milliseconds=control.behind_ms)


async def _listen(server: Server, host: str, port: int) -> tuple[str, int]:
    try:
        return await server.listen(host, port)
    except OSError as error:
        raise BadInput(
            f"the control process cannot listen on {host}:{port}: {error.strerror}; name another with --control-port"
        ) from error


def _routes(control: Control, config: Config) -> tuple[Route, ...]:
    return (*ControlPages(control).routes(), *control_routes(config, control.ledger))


def _reload(control: Control, router: Router, config_file: Path | None) -> None:
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
        router.replace(_routes(control, config))
        log.info("the configuration was read again")
