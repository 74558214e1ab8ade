"""`floorline demo`: a sandbox company through the real path, and the tables a founder would read."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from floorline.cli.output import emit_json
from floorline.errors import BadInput
from floorline.jobs.importing import OnProgress, Problem
from floorline.ledger.ledger import Ledger
from floorline.reviews.weeks import week_of
from floorline.sandbox.company import FROM, SMALL, TO, Volume
from floorline.sandbox.demo import Told, bring_in, demand, stage, tell
from floorline.sandbox.document import document
from floorline.sandbox.exports import write_settings
from floorline.sandbox.guarded import run_guarded
from floorline.sandbox.live import Seen, lines_of, run_live
from floorline.sandbox.screens import screens
from floorline.sandbox.traffic import open_traffic
from floorline.wiring import load_book, load_config, now

LIVE_CALLS, LIVE_CALLS_SMALL = 400, 60


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


@click.command("demo")
@click.option(
    "--servegen",
    type=click.Path(exists=True, path_type=Path),
    help="Sample tenants and traffic from ServeGen's client profiles (archive or folder).",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything that is drawn.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the files and the ledger in this new folder.")
@click.option("--small", is_flag=True, help="A company of a fiftieth of the size, for a quick look.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON document.")
def command(servegen: Path | None, seed: int, keep: Path | None, small: bool, as_json: bool) -> None:
    """Show what Floorline does on a sandbox company with four AI features.

    14 days of usage, revenue, outcomes and costs are generated, imported, priced and turned into margins. Plans and
    prices are the demo's own; traffic is sampled from real clients. Every total is checked against the raw rows: when
    one does not hold, the exit code is 1.
    """
    with _folder(keep) as folder:
        told = _run(folder, servegen=servegen, seed=seed, volume=SMALL if small else Volume(), as_json=as_json)
        if keep is not None and not as_json:
            days = f"--from {FROM} --to {TO}"
            home = f"FLOORLINE_HOME={folder / 'home'}"
            click.echo(f"\nKept; ask on:\n  {home} floorline margin --by customer {days}")
            click.echo(f"  {home} floorline review weekly --week {week_of(TO - timedelta(days=1))}")
    demand(told)


def _run(folder: Path, *, servegen: Path | None, seed: int, volume: Volume, as_json: bool) -> Told:
    """The demo in `folder`, printed."""
    watch = Stopwatch()
    errors = Console(stderr=True)
    with _progress(errors) as bar:
        with watch.phase("traffic"):
            traffic = open_traffic(servegen)
        with watch.phase("company"):
            staged = stage(folder, traffic, seed=seed, volume=volume)
        home = folder / "home"
        home.mkdir(mode=0o700)
        config = load_config(write_settings(home), secrets=False)
        with watch.phase("open"):
            book, _ = load_book(config)
            ledger = Ledger.open(home, timezone=config.timezone)
        with ledger:
            with watch.phase("import"):
                rows = bring_in(ledger, book, staged, now=now(), on_problem=_problem, progress=bar)
            with watch.phase("margins"):
                told = tell(ledger, config.policies, staged)
            with watch.phase("gateway"):
                calls = LIVE_CALLS_SMALL if volume is SMALL else LIVE_CALLS
                live = run_live(home, ledger, book, calls=calls, seed=seed, progress=_watching(errors))
            with watch.phase("guardrails"):
                guarded = run_guarded(home, ledger, book, config.policies, staged.scene, _problem)
            told = replace(told, checks=(*told.checks, *live.checks, *guarded.checks))
    if as_json:
        emit_json(document(staged, told, live, guarded, watch.seconds))
        return told
    shown = screens(Console(), staged)
    shown.opening(staged)
    shown.figures(told.figures, live, guarded)
    shown.checks(told.checks)
    shown.timing(watch.seconds, rows)
    return told


def _watching(console: Console) -> Callable[[Seen], None]:
    """A line that counts up while calls come through the gateway, where standard error is a terminal."""

    def show(seen: Seen) -> None:
        if console.is_terminal:
            parts = [
                f"{name} {calls} × ${cost / calls:.6f}" for name, (calls, cost) in lines_of(list(seen.answers)).items()
            ]
            console.print("  ".join(parts), end="\r", overflow="crop", no_wrap=True, highlight=False)

    return show


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
            task = progress.add_task(f"importing {name}", total=None)

            def show(done: int, size: int) -> None:
                progress.update(task, completed=done, total=size)

            return show

        yield bar
