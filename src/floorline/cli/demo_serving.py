"""The last part of `floorline demo`: its dashboard, served with live traffic until somebody stops it."""

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from floorline.ledger.state import State
from floorline.sandbox.flowing import HOURS_MAX, Flowed
from floorline.sandbox.rows import UsageRow
from floorline.sandbox.serving import served
from floorline.web.access.links import Links
from floorline.wiring import now


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How the demo is to be served. A port of 0 is any free one."""

    seed: int
    port: int
    control_port: int
    browser: bool


def serve_demo(home: Path, rows: Iterable[UsageRow], wish: Serving) -> None:
    """Serve the demo's home until Ctrl-C or SIGTERM; every process of it has ended then."""
    stopped = threading.Event()

    def stop(number: int, frame: object) -> None:
        del number, frame
        stopped.set()

    with served(home, rows, seed=wish.seed, port=wish.port, control_port=wish.control_port) as serving:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        opened = wish.browser and _opened(_link(home, serving.dashboard))
        also = "Open in your browser. It also lets in" if opened else "The dashboard lets you in"
        click.echo(f"\n{also} once by this link, within 15 minutes:\n\n  {_link(home, serving.dashboard)}\n")
        click.echo(f"Another link: FLOORLINE_HOME={home} floorline dashboard-link")
        click.echo(f"Live traffic flows through {serving.gateway}, until Ctrl-C and at most {HOURS_MAX} hours.")
        sys.stdout.flush()
        serving.flow.run(stopped, _told(Console(stderr=True)))
        click.echo("Ending…")


def _link(home: Path, dashboard: str) -> str:
    """A new way in, for one time."""
    state = State.open(home)
    try:
        return f"{dashboard}/enter/{Links(state).make('enter', now())}"
    finally:
        state.close()


def _opened(url: str) -> bool:
    """Whether a browser with a window shows `url`: one of a terminal would take it away from the demo."""
    has_windows = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(has_windows) and webbrowser.open(url)


def _told(console: Console) -> Callable[[Flowed], None]:
    """A line that counts up, where standard error is a terminal."""

    def tell(flowed: Flowed) -> None:
        if console.is_terminal:
            console.print(
                f"{flowed.calls:,} calls for ${flowed.cost:.4f} · {flowed.hits} answered by the cache · {flowed.refused} refused · "
                f"{flowed.failed + flowed.broken} failed",
                end="\r",
                overflow="crop",
                no_wrap=True,
                highlight=False,
            )

    return tell
