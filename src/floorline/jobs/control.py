"""The control process: it owns the ledger, collects what gateways spool, and serves the ledger to commands.

    gateways' spools ─▶ Collector ─▶ Ledger ◀─ LedgerServer ◀─ commands
                                       │  └──▶ Scheduler: jobs, each in a thread of its own
                                       └─▶ web: pages, API, /healthz, /readyz, /metrics

Gateways need none of it: they serve and spool while it is away, and it catches up.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from floorline.errors import LedgerCorrupt, LedgerFull
from floorline.jobs.collecting import Collector
from floorline.jobs.lost import Estimator
from floorline.jobs.reconciling import GatewayHealth, Health
from floorline.jobs.schedule import Job
from floorline.jobs.scheduler import Scheduler
from floorline.ledger.ledger import Ledger
from floorline.ledger.serving import LedgerServer
from floorline.ledger.store import StoreDown
from floorline.margin.freshness import Freshness

log = logging.getLogger(__name__)

COLLECT_MS = 200
FLUSH_MS = 3_000
"""How long a record may wait for its batch: a query needs no waiting, it flushes itself."""

COLLECT_WAIT_S = 60
RETRY_MS = 1_000


class Control:
    """One ledger's control process, but for its HTTP listener. `start`, then `stop`."""

    def __init__(
        self, ledger: Ledger, estimator: Estimator, jobs: Sequence[Job] = (), *, on_failure: Callable[[], None]
    ) -> None:
        """`on_failure` is called, in a thread of its own, when the collector cannot go on: end the process then."""
        self.ledger = ledger
        self.collector = Collector(ledger, ledger.home, estimator, log.warning)
        self.scheduler = Scheduler(ledger.state, jobs)
        self.revenue: Callable[[], Freshness | None] = lambda: None
        """How fresh live revenue is, None when none is configured. May be replaced."""
        self.trouble = ""
        """Why nothing is collected at the moment, '' when it is."""
        self._on_failure = on_failure
        self._steps = 0
        self._stepped = threading.Condition()
        self._collected_ns = self._flushed_ns = time.monotonic_ns()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collect", daemon=True)
        self._server: LedgerServer | None = None

    def start(self) -> None:
        """Collect what was left over, then serve commands and run jobs."""
        self._step()
        self._thread.start()
        self._server = LedgerServer(self.ledger, self.collect)
        self.scheduler.start()

    def stop(self) -> None:
        """Let jobs and commands finish what they began, collect once more, and close the ledger."""
        self.scheduler.stop()
        if self._server is not None:
            self._server.close()
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._step()
        self.ledger.close()

    def collect(self) -> None:
        """Returns when everything that gateways had spooled before is in the ledger. StoreDown when that cannot be had now."""
        with self._stepped:
            wanted = self._steps + 2  # the step under way may have read before
            if not self._stepped.wait_for(lambda: self._steps >= wanted, COLLECT_WAIT_S):
                raise StoreDown(
                    f"what gateways have spooled was not collected in {COLLECT_WAIT_S} s: {self.trouble or 'try again'}"
                )

    @property
    def behind_ms(self) -> int:
        """How long ago everything that gateways spooled was in the ledger."""
        return (time.monotonic_ns() - self._collected_ns) // 1_000_000

    @property
    def unshipped_ms(self) -> int:
        """How long ago everything in the ledger was in the store."""
        return (time.monotonic_ns() - self._flushed_ns) // 1_000_000

    def health(self) -> Health:
        """How everything stands at this instant."""
        return Health(
            at=datetime.now(UTC),
            behind_ms=self.behind_ms,
            unshipped_ms=self.unshipped_ms,
            trouble=self.trouble,
            collected=replace(self.collector.done),
            gateways=tuple(
                GatewayHealth(name=one.name, spool_bytes=one.spool_bytes, open_calls=one.open)
                for one in self.collector.followed
            ),
            jobs=self.scheduler.records(),
            revenue=self.revenue(),
        )

    def _run(self) -> None:
        try:
            while not self._stopping.wait((RETRY_MS if self.trouble else COLLECT_MS) / 1000):
                self._step()
        finally:
            if not self._stopping.is_set():
                self._on_failure()

    def _step(self) -> None:
        """Collect. What a later time may mend is told and tried again; anything else ends the process, which is started
        anew and reads everything again.
        """
        try:
            self.collector.step(datetime.now(UTC))
            self._collected_ns = time.monotonic_ns()
            with self._stepped:
                self._steps += 1
                self._stepped.notify_all()
            if self.unshipped_ms >= FLUSH_MS:
                self.ledger.flush()
                self._flushed_ns = time.monotonic_ns()
        except (LedgerFull, StoreDown, OSError) as error:
            if self.trouble != str(error):
                log.error("nothing is collected at the moment: %s", error)  # noqa: TRY400 - its own words say it all
            self.trouble = str(error)
        except LedgerCorrupt as error:
            log.critical("%s", error)
            raise
        else:
            self.trouble = ""
