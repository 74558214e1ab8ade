"""How the control process stands: whether it lives, whether it keeps up, and its figures."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from floorline.jobs.collecting import Following
from floorline.jobs.control import Control
from floorline.jobs.delivering import delivery_figures
from floorline.jobs.exposition import job_figures, revenue_figures, samples
from floorline.web.http import Page, Route, Told, text_page

BEHIND_MS = 10_000
"""Not ready when nothing was collected for this long."""

_TEXT = "text/plain"
_LIVES = Told(summary="Whether the process lives", kind=_TEXT)
_READY = Told(summary="Whether it keeps up; 503 with the reason when it does not", kind=_TEXT)
_FIGURES = Told(summary="Figures in Prometheus' text format", kind=_TEXT)


class ControlPages:
    """What the listener tells of the process: whether it lives, whether it keeps up, and its figures."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def routes(self) -> tuple[Route, ...]:
        """/healthz for everyone, /readyz and /metrics for whoever may read."""
        return (
            Route(method="GET", path="/healthz", rule="open", answer=lambda _: text_page(200, "ok\n"), told=_LIVES),
            Route(method="GET", path="/readyz", rule="viewer", answer=lambda _: self._ready(), told=_READY),
            Route(method="GET", path="/metrics", rule="viewer", answer=lambda _: self._figures(), told=_FIGURES),
        )

    def _ready(self) -> Page:
        control = self._control
        if control.trouble:
            return text_page(503, f"{control.trouble}\n")
        if control.behind_ms > BEHIND_MS:
            return text_page(503, f"nothing was collected for {control.behind_ms} ms\n")
        return text_page(200, "ok\n")

    def _figures(self) -> Page:
        return Page(200, "text/plain; version=0.0.4; charset=utf-8", "".join(self._metrics()))

    def _metrics(self) -> Iterator[str]:
        control, done = self._control, self._control.collector.done
        yield from samples("floorline_collected_total", "counter", "frames collected from gateways, by what became of them", {
            'outcome="new"': done.new, 'outcome="same"': done.same, 'outcome="late"': done.late,
            'outcome="lost"': done.lost, 'outcome="refused"': done.refused, 'outcome="label"': done.labels,
        })  # fmt: skip
        gateways = control.collector.followed
        yield from samples("floorline_spool_bytes", "gauge", "what a gateway's spool holds on disk", _each(gateways, lambda one: one.spool_bytes))  # fmt: skip
        yield from samples("floorline_open_calls", "gauge", "calls of a gateway that are not closed yet", _each(gateways, lambda one: one.open))  # fmt: skip
        yield from samples("floorline_ledger_behind_milliseconds", "gauge", "since everything spooled was in the ledger", {"": control.behind_ms})  # fmt: skip
        yield from samples("floorline_ledger_unshipped_milliseconds", "gauge", "since everything in the ledger was in the store", {"": control.unshipped_ms})  # fmt: skip
        yield from samples("floorline_control_trouble", "gauge", "1 while nothing can be collected", {"": int(bool(control.trouble))})  # fmt: skip
        now = datetime.now(UTC)
        yield from job_figures(control.scheduler.records(), now)
        if (fresh := control.revenue()) is not None:
            yield from revenue_figures(fresh, now)
        yield from delivery_figures(control.ledger.state, now)


def _each(gateways: list[Following], figure: Callable[[Following], int]) -> dict[str, int]:
    return {f'gateway="{one.name}"': figure(one) for one in gateways}
