"""`floorline demo`: a sandbox company through the real path, and the tables a founder would read."""

import signal
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from floorline.cli.demo_serving import Serving, serve_demo
from floorline.cli.output import emit_json
from floorline.config import Config, parse
from floorline.errors import BadInput
from floorline.guardrails.rules import Guardrails
from floorline.jobs.importing import OnProgress, Problem
from floorline.ledger.ledger import Ledger
from floorline.ledger.serving import LedgerServer
from floorline.reviews.weeks import week_of
from floorline.sandbox.calendar import Calendar, Stretch, running
from floorline.sandbox.company import SMALL, Volume
from floorline.sandbox.demo import Staged, Told, bring_in, demand, stage, tell
from floorline.sandbox.document import document
from floorline.sandbox.earlier import Earlier, bring_beside, bring_earlier
from floorline.sandbox.exports import write_settings
from floorline.sandbox.managing import Management, manage
from floorline.sandbox.proven import WATCHING
from floorline.sandbox.screens import screens
from floorline.sandbox.settings import proven
from floorline.sandbox.traffic import open_traffic
from floorline.sandbox.trial import Trial, run_trial
from floorline.wiring import book_with, load_book, load_config, now

TRIAL_CALLS, TRIAL_CALLS_SMALL = 400, 60
QUESTIONS, QUESTIONS_SMALL = 900, 120


@dataclass(slots=True, kw_only=True)
class Stopwatch:
    """Seconds by phase, in order."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Time what runs inside."""
        begun = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """What the command was asked for."""

    servegen: Path | None
    seed: int
    volume: Volume
    calendar: Calendar
    as_json: bool
    serve: bool


@click.command("demo")
@click.option(
    "--servegen",
    type=click.Path(exists=True, path_type=Path),
    help="Sample tenants and traffic from ServeGen's client profiles (archive or folder).",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything that is drawn.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the files and the ledger in this new folder.")
@click.option("--small", is_flag=True, help="A company of a fiftieth of the size, for a quick look.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="The last of the company's 90 days.  [default: yesterday]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON document, and serve nothing.")
@click.option("--no-serve", is_flag=True, help="Print the figures and end, for scripts.")
@click.option("--no-browser", is_flag=True, help="Print the dashboard's address and open no browser.")
@click.option("--port", type=click.IntRange(1, 65_535), help="The gateway's port.  [default: any free one]")
@click.option("--control-port", type=click.IntRange(1, 65_535), help="The dashboard's port.  [default: any free one]")
def command(
    servegen: Path | None,
    seed: int,
    keep: Path | None,
    small: bool,
    until: datetime | None,
    as_json: bool,
    no_serve: bool,
    no_browser: bool,
    port: int | None,
    control_port: int | None,
) -> None:
    """Show what Floorline does on a sandbox company with four AI features.

    90 days of usage, revenue, outcomes and costs are generated, imported, priced and turned into margins; the tables are of
    the last 14. Plans and prices are the demo's own; traffic is sampled from real clients. Every total is checked against the
    raw rows: when one does not hold, the exit code is 1. Then the dashboard of all of it is served, with live traffic, until Ctrl-C.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever ends it, its folder and processes go
    calendar = running(now()) if until is None else Calendar(until=until.date() + timedelta(days=1))
    wished = Wished(
        servegen=servegen,
        seed=seed,
        volume=SMALL if small else Volume(),
        calendar=calendar,
        as_json=as_json,
        serve=not (as_json or no_serve),
    )
    with _folder(keep) as folder:
        staged, told = _run(folder, wished)
        if keep is not None and not as_json:
            days = f"--from {calendar.start} --to {calendar.until}"
            home = f"FLOORLINE_HOME={folder / 'home'}"
            click.echo(f"\nKept; ask on:\n  {home} floorline margin --by customer {days}")
            click.echo(f"  {home} floorline review weekly --week {week_of(calendar.until - timedelta(days=7))}")
        demand(told)
        if wished.serve:
            serve_demo(
                folder / "home",
                staged.last_day,
                Serving(seed=seed, port=port or 0, control_port=control_port or 0, browser=not no_browser),
            )


def _run(folder: Path, wished: Wished) -> tuple[Staged, Told]:
    """The demo in `folder`, printed."""
    watch = Stopwatch()
    with watch.phase("company"):
        staged = stage(
            folder, open_traffic(wished.servegen), seed=wished.seed, volume=wished.volume, calendar=wished.calendar
        )
    home = folder / "home"
    home.mkdir(mode=0o700)
    config = load_config(write_settings(home, wished.calendar), secrets=False)
    with Ledger.open(home, timezone=config.timezone) as ledger:
        rows, trial = _lived(folder, ledger, config, staged, wished, watch)
        with watch.phase("margins"):
            told = tell(ledger, config.policies, staged)
    told = replace(told, checks=(*told.checks, *trial.live.checks, *trial.guarded.checks, *trial.proven.checks))
    if wished.as_json:
        emit_json(document(staged, told, trial, watch.seconds))
        return staged, told
    shown = screens(Console(), staged)
    shown.opening(staged)
    shown.figures(told.figures, trial)
    shown.checks(told.checks)
    shown.timing(watch.seconds, rows)
    return staged, told


def _lived(
    folder: Path, ledger: Ledger, config: Config, staged: Staged, wished: Wished, watch: Stopwatch
) -> tuple[int, Trial]:
    """All of the company's days in the ledger, and the parts that go through gateways: half of it is done by a process beside this one.
    How many rows were imported.
    """
    first, second = wished.calendar.earlier
    today = wished.calendar.today
    small = wished.volume is SMALL
    book, _ = load_book(config)

    def days(*stretches: Stretch) -> Earlier:
        return Earlier(
            folder=folder,
            servegen=wished.servegen,
            seed=wished.seed,
            volume=wished.volume,
            calendar=wished.calendar,
            stretches=stretches,
        )

    with (
        closing(LedgerServer(ledger, lambda: None)),
        get_context("spawn").Pool(1) as beside,
        _progress(Console(stderr=True)) as bar,
    ):
        with watch.phase("import"):
            brought = beside.apply_async(bring_beside, (ledger.home, config.prices, days(first), now()))
            tried = beside.apply_async(
                run_trial,
                (folder / "trial", config.prices, config.policies, _proven_rails(folder), staged.scene),
                {
                    "calls": TRIAL_CALLS_SMALL if small else TRIAL_CALLS,
                    "questions": QUESTIONS_SMALL if small else QUESTIONS,
                    "seed": wished.seed,
                },
            )
            rows = bring_in(ledger, book, staged.exports, now=now(), on_problem=_problem, progress=bar)
            mine = days(second) if today is None else days(second, today)
            rows += bring_earlier(ledger, book, mine, now=now(), on_problem=_problem, progress=bar)
            others, problems = brought.get()
        if wished.serve:
            with watch.phase("people"):
                manage(_management(ledger, config, wished, bar))
        with watch.phase("gateways"):
            trial = tried.get()
    for problem in (*problems, *trial.problems):
        _problem(problem)
    return rows + others, trial


def _proven_rails(folder: Path) -> Guardrails:
    """What the proven part is certified by."""
    parsed = parse(proven(WATCHING).encode(), folder / "proven.yaml")
    assert parsed.config.gateway.guardrails is not None, parsed.problems
    return parsed.config.gateway.guardrails


def _management(ledger: Ledger, config: Config, wished: Wished, bar: Callable[[str], OnProgress]) -> Management:
    return Management(
        ledger=ledger,
        policies=config.policies,
        tuning=config.alerts.tuning,
        reviews=config.reviews,
        book_with=lambda extra: book_with(config, extra),
        calendar=wished.calendar,
        said=lambda what: bar(what)(0, 1),
    )


def _problem(problem: Problem) -> None:
    click.echo(f"{problem.place}: {problem.reason}", err=True)


@contextmanager
def _folder(keep: Path | None) -> Generator[Path]:
    """The folder to work in: `keep`, which must be new or empty, or one that is gone afterwards."""
    if keep is None:
        with TemporaryDirectory(prefix="floorline-demo-") as folder:
            yield Path(folder)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise BadInput(f"{keep} is there already and not empty: name a new folder for --keep")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


@contextmanager
def _progress(console: Console) -> Generator[Callable[[str], OnProgress]]:
    """Bars for each imported file, where standard error is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        waiting = progress.add_task("founding the company", total=None)

        def bar(name: str) -> OnProgress:
            progress.update(waiting, visible=False)
            task = progress.add_task(name, total=None)

            def show(done: int, size: int) -> None:
                progress.update(task, completed=done, total=size)

            return show

        yield bar
