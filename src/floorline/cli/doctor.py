"""`floorline doctor`: everything at a glance, and how to mend what is wrong."""

import asyncio
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from rich.text import Text

from floorline import __version__
from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.output import emit_json
from floorline.clock import day_of
from floorline.config import Config, Parsed
from floorline.delivery.outbox import deliveries
from floorline.errors import FloorlineError, LedgerBusy, LedgerCorrupt
from floorline.gateway.secret import SECRET_NAME
from floorline.gateway.selftest import TINY, unblocked
from floorline.jobs import doctoring
from floorline.jobs.budget_audit import settled_findings
from floorline.jobs.doctoring import Finding, ok, warning, wrong
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.scheduler import job_records
from floorline.jobs.stripe.inbox import Inbox
from floorline.ledger.remote import RemoteLedger
from floorline.wiring import (
    ENVIRONMENT,
    control_token,
    home,
    load_book,
    load_hook,
    now,
    open_ledger,
    read_config,
    revenue_freshness,
    signing_secret,
)

if TYPE_CHECKING:
    from floorline.ledger.state import State
    from floorline.ledger.surface import AnyLedger

DAYS = 7

LIBRARIES = (
    "chdb-core",
    "sqlalchemy",
    "clickhouse-connect",
    "msgspec",
    "genai-prices",
    "cryptography",
    "uvloop",
    "apprise",
)
_STYLES = {"ok": "green", "warning": "yellow", "wrong": "red"}
_SECRETS = {"FLOORLINE_SECRET": SECRET_NAME, "FLOORLINE_CONTROL_TOKEN": "control.token"}


@click.command("doctor")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(config_file: Path | None, *, as_json: bool) -> None:
    """Look at everything: home, configuration, secrets, ledger, gateways, jobs, revenue, calls, budgets, deliveries, disk, clock.

    Each finding says how to mend it. Exit code 1 when something is wrong; warnings leave it 0. Values of secrets are never
    shown. docs/operations.md lists what is looked at.
    """
    found = list(_findings(config_file))
    count = sum(one.level == "wrong" for one in found)
    if as_json:
        rows = [{"area": one.area, "level": one.level, "said": one.said, "mend": one.mend or None} for one in found]
        emit_json({"ok": not count, "at": now().isoformat(), "findings": rows})
    else:
        _print(found)
    sys.exit(1 if count else 0)


def _findings(config_file: Path | None) -> Iterator[Finding]:
    yield _versions()
    folder = home()
    yield from doctoring.home_findings(folder)
    parsed, findings = _configuration(config_file)
    yield from findings
    yield from _secrets(folder, parsed)
    if not folder.is_dir():
        return
    usage = shutil.disk_usage(folder)
    yield doctoring.disk_finding(usage.free, usage.total)
    with ExitStack() as stack:
        ledger, finding = _ledger(parsed.config, stack)
        yield finding
        control = isinstance(ledger, RemoteLedger)
        yield from doctoring.gateway_findings(folder, now(), control=control)
        if ledger is not None:
            yield from _of_state(ledger.state, parsed.config, control=control)
            yield from _of_calls(ledger, parsed.config)
            yield from _of_counters(ledger, folder, parsed.config)
        if parsed.config.gateway.allowance.budgets:
            yield _enforced(parsed.config)


def _versions() -> Finding:
    found = [f"{name} {known}" for name in LIBRARIES if (known := _version(name))]
    return ok("versions", f"floorline {__version__}, Python {platform.python_version()}, {', '.join(found)}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _configuration(config_file: Path | None) -> tuple[Parsed, list[Finding]]:
    """What the file says (the defaults when it cannot be read), and what is wrong with it."""
    area = "configuration"
    try:
        parsed = read_config(config_file)
    except FloorlineError as error:
        return Parsed(config=Config()), [wrong(area, str(error), "name the file with --config or FLOORLINE_CONFIG")]
    findings = [wrong(area, str(one), "every command refuses the file until then") for one in parsed.problems]
    findings += [wrong(area, str(one), "without it what needs the secret does not work") for one in parsed.unset]
    findings += [warning(area, str(one), "`floorline check` lists every warning") for one in parsed.warnings]
    if not parsed.problems:
        try:
            _, about_prices = load_book(parsed.config)
            load_hook(parsed.config)
            findings += [warning(area, one, "mend the price, or keep it if it is meant") for one in about_prices]
        except FloorlineError as error:
            findings.append(wrong(area, str(error), "gateways do not start with it"))
    path = parsed.config.path
    said = "there is no floorline.yaml: the defaults hold" if path is None else f"{path} has no problem"
    return parsed, findings or [ok(area, said)]


def _secrets(folder: Path, parsed: Parsed) -> Iterator[Finding]:
    """Where each secret comes from, and whether it is fit to be one; nothing is made."""
    for variable in ENVIRONMENT:
        if (name := _SECRETS.get(variable.name)) is None:
            continue
        from_variable, path = bool(os.environ.get(variable.name)), folder / name
        if not from_variable and not path.exists():
            yield ok("secrets", f"{variable.name} is not set, and {path} is made at its first use")
            continue
        try:
            _ = signing_secret() if name == SECRET_NAME else control_token(folder)
        except (FloorlineError, OSError) as error:
            yield wrong("secrets", str(error), f"set {variable.name}, or mend {path}")
        else:
            yield ok("secrets", f"{variable.name} is set" if from_variable else f"{path} is there")
    if parsed.config.path is not None and not parsed.problems and not parsed.unset:
        yield ok("secrets", "every variable that gateways need is set")


def _ledger(config: Config, stack: ExitStack) -> tuple["AnyLedger | None", Finding]:
    """The ledger, whoever owns it; None when it cannot be had."""
    try:
        ledger = stack.enter_context(open_ledger(config, wait_s=2))
    except LedgerBusy as busy:
        return None, wrong(
            "ledger", str(busy), "wait for that process, or start a control process that commands can share"
        )
    except LedgerCorrupt as error:
        return None, wrong("ledger", str(error), "`floorline ledger salvage` keeps every whole record")
    except (FloorlineError, OSError) as error:
        return None, wrong("ledger", str(error), "see what it says")
    if isinstance(ledger, RemoteLedger):
        return ledger, ok("ledger", f"a control process (process {ledger.pid}) owns it; days of {ledger.timezone}")
    if ledger.notices:
        return ledger, warning("ledger", "; ".join(ledger.notices), "nothing: it was mended when it was opened")
    return ledger, ok("ledger", f"nobody owns it at the moment: commands open it themselves; days of {ledger.timezone}")


def _of_state(state: "State", config: Config, *, control: bool) -> Iterator[Finding]:
    at = now()
    records = job_records(state).all()
    yield from doctoring.job_findings(records, at, control=control)
    yield doctoring.revenue_finding(revenue_freshness(config, state), at)
    yield from doctoring.delivery_findings(deliveries(state), at)
    dated = [one.ended_at for one in records.values() if one.ended_at is not None]
    ahead = max((one - at for one in dated), default=timedelta())
    yield doctoring.skew_finding(Inbox(state).cursor.skew_s, max(0, int(ahead.total_seconds())))
    if count := len(state.quarantined()):
        yield warning("quarantine", f"{count} records are not in the ledger", "`floorline ledger quarantined` says why")


def _of_calls(ledger: "AnyLedger", config: Config) -> Iterator[Finding]:
    end = day_of(now(), ZoneInfo(ledger.timezone)) + timedelta(days=1)
    request = MarginRequest(by=("feature",), start=end - timedelta(days=DAYS), end=end, with_p95=False)
    try:
        report = Margins(ledger, config.policies).table(request)
    except FloorlineError as error:
        yield wrong("calls", f"they cannot be read: {error}", "see the ledger above")
        return
    yield from doctoring.call_findings(report.total.sums, DAYS)


def _of_counters(ledger: "AnyLedger", folder: Path, config: Config) -> Iterator[Finding]:
    """Whether budgets count what the ledger has."""
    yield from settled_findings(ledger, folder, config.gateway.allowance.budgets, now)


def _enforced(config: Config) -> Finding:
    """Whether a budget of next to nothing refuses a call on every route that is configured."""
    book, _ = load_book(config)
    with tempfile.TemporaryDirectory() as folder:
        tried, through = asyncio.run(unblocked(config.gateway, book, Path(folder), now()))
    if through:
        said = f"a budget of ${TINY.limit:f} lets calls through on {', '.join(through)}"
        return wrong("enforcement", said, "is the model free by `prices:`? If not, report this as a defect")
    return ok("enforcement", f"a budget of ${TINY.limit:f} refuses calls on each of {tried} kinds of routes")


def _print(found: list[Finding]) -> None:
    out = plain_console()
    marks = [Text(one.level, style=_STYLES[one.level]) for one in found]
    said = [one.said + (f"\n→ {one.mend}" if one.mend else "") for one in found]
    columns = [
        Column(title="", cells=marks),
        Column(title="", cells=[one.area for one in found], name=True),
        Column(title="", cells=said, name=True),
    ]
    counts = {level: sum(one.level == level for one in found) for level in ("wrong", "warning")}
    print_grid(out, f"{counts['wrong']} wrong, {counts['warning']} to look at ({_stamp(now())})", columns)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
