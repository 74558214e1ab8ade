"""One gateway process: listens, serves, reloads what changed, and drains when it is told to end.

It needs nothing but its folder: control may be down, the ledger elsewhere. Everything that it decides by is a `Snapshot`;
everything that it leaves behind is in its spool.
"""

import asyncio
import gc
import hmac
import logging
import random
import signal
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import uvloop

from floorline.embedding.embedder import Embedder
from floorline.errors import BadInput, FloorlineError
from floorline.gateway.accounting import Prices, priced_as
from floorline.gateway.cache.asking import PURPOSE as CACHE_PURPOSE
from floorline.gateway.cache.asking import Keys
from floorline.gateway.cache.memory import Memory
from floorline.gateway.cache.store import ExactCache
from floorline.gateway.cache.upkeep import Tiers, Upkeep
from floorline.gateway.capturing import Capturer, Redact
from floorline.gateway.counters.local import LocalCounters
from floorline.gateway.counters.saving import estimated
from floorline.gateway.guarding import Guard
from floorline.gateway.keys import Keyring
from floorline.gateway.labelling import INTENT, Classifying
from floorline.gateway.message import Page, Request
from floorline.gateway.metrics import Labels, Metrics
from floorline.gateway.pipeline import Chance, Pipeline, explained, utc_now
from floorline.gateway.policy import LETTERS, Embedding, GatewayPolicy, Provider, counts_apart
from floorline.gateway.recording import Recorder
from floorline.gateway.semantic.embedders import Ready, ready
from floorline.gateway.semantic.looking import SemanticCache
from floorline.gateway.semantic.store import Store
from floorline.gateway.semantic.workers import Workers
from floorline.gateway.server import Server
from floorline.gateway.snapshot import Snapshot, Upstream, upstreams
from floorline.gateway.targets import Breaker
from floorline.gateway.wire.signing import Signer
from floorline.guardrails.allowance import NOTHING
from floorline.guardrails.figures import Known
from floorline.guardrails.frame import Amounts
from floorline.guardrails.rules import Rules
from floorline.ledger.checkpoint import SavedCall
from floorline.ledger.content import ContentStore
from floorline.ledger.lock import Lock, is_free
from floorline.ledger.purging import Purges
from floorline.ledger.spool import Spool
from floorline.pricing.book import PriceBook
from floorline.proof.certificate import Certificates

if TYPE_CHECKING:
    from floorline.embedding.index import Graph
    from floorline.embedding.intents import Classifier

log = logging.getLogger(__name__)
Content = TypeVar("Content")

POLL_S = 0.5
"""How often files are looked at: a revoked key stops working within a second."""

SEMANTIC_PURPOSE = b"floorline semantic cache"
"""What the key of the semantic cache's scopes is derived for."""

NO_RULES = Rules()
SYNC_MS = 50
SEGMENT_BYTES = 8 << 20
"""The one being written and the next are in memory whole."""

SEAL_AFTER_NS = 600 * 10**9
"""How long records stay in the spool at most once their calls have ended: the collector removes what is sealed."""

LOST_AFTER_MS = 60_000
"""Beyond the longest time that an answer may take, and its drain."""

GATEWAYS = "gateways"
GC_THRESHOLD = (10_000, 20, 50)
"""A call makes hundreds of objects, nearly all of which go with it: looking for cycles every 700 is for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What floorline.yaml says, read once; `redact` is the user's hook, `embedders` and `classifiers` those that its rules name."""

    policy: GatewayPolicy
    book: PriceBook
    redact: Redact | None = None
    embedders: Mapping[str, Ready] = field(default_factory=dict[str, Ready])
    classifiers: Mapping[str, Classifying] = field(default_factory=dict[str, Classifying])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a gateway finds what it serves by; each raises FloorlineError when that is wrong.

    `load` reads the configuration and `stamp` tells whether it changed since. `ring` gives the keys, anew only when they
    changed (None otherwise, and at first always a ring), `figures` and `certificates` in the same way what customers pay and
    cost, and what labels have shown. `sign` makes what signs a provider's requests, `content` opens the content store for a writer of this name. `purges` gives what was
    purged from caches when that changed, `tiers` opens the caches behind the memory. `embedder` opens what makes vectors on this machine, None where they are
    served, `graph` makes what finds near ones among many, and `intents` reads a classifier.
    """

    load: Callable[[], Loaded]
    stamp: Callable[[], object]
    ring: Callable[[], Keyring | None]
    figures: Callable[[], Known | None]
    certificates: Callable[[], Certificates | None]
    sign: Callable[[Provider], Signer | None]
    content: Callable[[str], ContentStore]
    purges: Callable[[], Purges | None]
    tiers: Tiers
    embedder: Callable[[Embedding], Embedder | None]
    graph: "Callable[[int], Graph] | None"
    intents: "Callable[[Path], Classifier]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a gateway is reached. `shared`: other processes listen to the same port. `metrics_token` '' serves metrics to all."""

    host: str = "127.0.0.1"
    port: int = 4000
    shared: bool = False
    certificate: Path | None = None
    certificate_key: Path | None = None
    metrics_token: str = field(default="", repr=False)

    def tls(self) -> ssl.SSLContext | None:
        """What clients are met with; None is plain HTTP."""
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.certificate_key)
        return context


def run(name: str, home: Path, listening: Listening, sources: Sources, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is told the address once calls are taken.

    FloorlineError when the configuration or the keys are wrong, or another process serves as `name`; OSError when the
    port is taken.
    """
    folder = home / GATEWAYS / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = Lock.take(folder / "lock", wait_s=10)
    try:
        uvloop.run(_serve(name, folder, listening, sources, ready))
    finally:
        lock.release()


async def _serve(name: str, folder: Path, listening: Listening, sources: Sources, ready: Callable[[str], None]) -> None:
    processes = _processes(folder, shared=listening.shared)
    loaded, ring = _load(sources, processes), sources.ring()
    assert ring is not None, "the first look at the keys gives a ring"
    policy = loaded.policy
    spool = Spool(
        folder / "spool",
        segment_bytes=SEGMENT_BYTES,
        quota_bytes=policy.spool_quota_bytes,
        fail=policy.spool_fail,
        sync_ms=SYNC_MS,
    )
    try:
        snapshot = replace(
            _snapshot(loaded, ring, {}, {}, sources),
            known=_first(sources.figures, "figures of customers"),
            certificates=_first(sources.certificates, "certificates"),
        )
        content = sources.content(name)
        capturer = Capturer(content, loaded.redact)
        cache = ExactCache(
            Memory(policy.cache.memory_bytes), Keys(ring.derived(CACHE_PURPOSE)), content.keys.names, now_ms
        )
        semantic = SemanticCache(
            Store(policy.cache.semantic_bytes, sources.graph),
            Keys(ring.derived(SEMANTIC_PURPOSE)),
            content.keys.names,
            now_ms,
            Workers(),
            Workers(calculates=True),
        )
        gateway = Gateway(name, snapshot, spool, capturer, cache, semantic, listening, sources)
        gateway.embed(loaded)
        await gateway.serve(ready)
    finally:
        spool.close()


def _longest_ms(policy: GatewayPolicy) -> int:
    """How long a call can take: its wait for an identical one, and all its attempts."""
    attempts = max([group.attempts_max for group in policy.models.values()], default=1)
    rules = () if policy.guardrails is None else policy.guardrails.every
    waits = max([rule.cache.wait_ms for rule in rules if rule.cache is not None], default=0)
    return waits + attempts * max([provider.timeouts.total_ms for provider in policy.providers.values()], default=0)


def _processes(folder: Path, *, shared: bool) -> int:
    """How many gateway processes serve from this home, the one of `folder` included. Of a `shared` port at least two do."""
    others = [other for other in folder.parent.glob("*/lock") if other.parent != folder and not is_free(other)]
    return max(1 + len(others), 2 if shared else 1)


def _load(sources: Sources, processes: int) -> Loaded:
    """The configuration, and the prices ready to be asked: they take time that no call should wait for."""
    loaded = sources.load()
    if apart := counts_apart(loaded.policy, processes):
        raise BadInput(apart)
    _ = loaded.book.catalogue
    embedders = _embedders(loaded.policy, sources)
    return replace(loaded, embedders=embedders, classifiers=_classifiers(loaded.policy, embedders, sources))


def _embedders(policy: GatewayPolicy, sources: Sources) -> Mapping[str, Ready]:
    """What makes vectors, by the names that rules use. One that is not configured is left out: who names it is passed by."""
    rules = () if policy.guardrails is None else policy.guardrails.every
    named = {one.semantic_cache.embedder for one in rules if one.semantic_cache is not None}
    named |= {policy.intents[name].embedder for name in _asked_intents(policy)}
    known = {"": LETTERS, **policy.embedders}
    return {name: ready(known[name], sources.embedder(known[name])) for name in sorted(named & known.keys())}


def _asked_intents(policy: GatewayPolicy) -> list[str]:
    """The classifiers that route rules ask."""
    rules = () if policy.guardrails is None else policy.guardrails.every
    labels = {label for one in rules if one.route is not None for label in one.route.labels}
    return sorted(label.removeprefix(INTENT) for label in labels if label.startswith(INTENT))


def _classifiers(policy: GatewayPolicy, embedders: Mapping[str, Ready], sources: Sources) -> Mapping[str, Classifying]:
    """Those that route rules ask. BadInput where one was fitted to the vectors of another embedder."""
    found: dict[str, Classifying] = {}
    for name in _asked_intents(policy):
        stated = policy.intents[name]
        embedder, classifier = embedders[stated.embedder], sources.intents(stated.path)
        if classifier.intents.embedder != embedder.name:
            raise BadInput(
                f"{stated.path} was fitted with the embedder {classifier.intents.embedder}, and `intents.{name}` names "
                f"{embedder.name}: fit it anew (`floorline intent fit {name}`)"
            )
        found[name] = Classifying(embedder=embedder, classifier=classifier)
    return found


def _snapshot(
    loaded: Loaded,
    ring: Keyring,
    before: Mapping[str, Upstream],
    breakers: dict[tuple[str, str], Breaker],
    sources: Sources,
) -> Snapshot:
    return Snapshot(
        policy=loaded.policy,
        ring=ring,
        prices=Prices(book=loaded.book, trusted=loaded.policy.trusted_cost_providers),
        upstreams=upstreams(loaded.policy, before, sources.sign),
        breakers=breakers,
    )


def _first(published: Callable[[], Content | None], what: str) -> Content | None:
    """What was published, where it can be read: without figures rules judge nobody, without certificates nothing acts by one,
    and calls can be served.
    """
    try:
        return published()
    except FloorlineError as error:
        log.error("no %s: %s", what, error)  # noqa: TRY400 - its own words say it all
        return None


def _settle_memory() -> None:
    """What was loaded stays: the collector need not look at it again after every few calls."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)


def new_call_id() -> str:
    """32 hex digits: 48 bits of milliseconds, so that ids sort by time, and 80 random bits."""
    return f"{time.time_ns() // 1_000_000:012x}{random.getrandbits(80):020x}"


def _counters(policy: GatewayPolicy, name: str, spool: Spool, lost_after: timedelta) -> LocalCounters:
    """Where the gateway counts: in this process, or with others in Redis."""
    folder = spool.folder.parent
    if policy.sharing is None:
        return LocalCounters(folder, lambda: spool.place, lost_after=lost_after)
    try:
        from floorline.gateway.counters.shared import SharedCounters  # noqa: PLC0415 - an extra that few need
    except ImportError as error:
        raise BadInput("`counters.redis` needs the client: pip install 'floorline[redis]'") from error
    return SharedCounters(
        folder, lambda: spool.place, lost_after=lost_after, sharing=policy.sharing, name=f"{name}-{_identity(folder)}"
    )


def _identity(folder: Path) -> str:
    """What tells the gateway of this folder from others of its name on other machines, for ever."""
    path = folder / "counters.id"
    if not path.exists():
        path.write_text(f"{random.getrandbits(64):016x}")
    return path.read_text()


class Gateway:
    """The parts of one process, and what keeps them up to date."""

    def __init__(
        self,
        name: str,
        snapshot: Snapshot,
        spool: Spool,
        capturer: Capturer,
        cache: ExactCache,
        semantic: SemanticCache,
        listening: Listening,
        sources: Sources,
        *,
        seal_after_ns: int = SEAL_AFTER_NS,
    ) -> None:
        self.name, self.spool = name, spool
        self.metrics = Metrics()
        self._capturer, self._seal_after_ns = capturer, seal_after_ns
        self._cache, self._semantic = cache, semantic
        self._upkeep = Upkeep(cache, semantic, sources.tiers, sources.purges)
        self._listening, self._sources = listening, sources
        self._stamp = sources.stamp()
        self._loaded_at = int(time.time())
        self._hangup, self._stop = asyncio.Event(), asyncio.Event()
        self._tls = listening.tls()
        limits = snapshot.policy.limits
        lost_after = timedelta(milliseconds=_longest_ms(snapshot.policy) + limits.drain_ms + LOST_AFTER_MS)
        self._counters = _counters(snapshot.policy, name, spool, lost_after)
        self._guard = Guard(self._counters, cache, semantic)
        self.pipeline = Pipeline(
            snapshot,
            Recorder(spool, name, lost_after=lost_after),
            self.metrics,
            Chance(now=utc_now, call_id=new_call_id, draw=random.random),
            capturer,
            {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics_page},
            self._renew,
            self._guard,
        )
        self.server = Server(
            self.pipeline.handle,
            limits,
            refused=lambda status: self.metrics.add("floorline_turned_away_total", str(status)),
            explain=explained,
        )

    async def serve(self, ready: Callable[[str], None]) -> None:
        """Until a signal says to stop; then drain."""
        loop, listening = asyncio.get_running_loop(), self._listening
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hangup.set)
        self._guard.counting = self.pipeline.snapshot.policy.allowance != NOTHING
        lost = await self._counters.begin(self.pipeline.snapshot.policy.allowance, utc_now(), self._estimate)
        if lost:
            log.warning("%d calls were under way when the gateway ended: budgets count them as lost", lost)
        host, port = await self.server.listen(listening.host, listening.port, tls=self._tls, shared=listening.shared)
        await self._keep_cache()
        _settle_memory()
        ready(f"{'https' if self._tls else 'http'}://{host}:{port}")
        watching = loop.create_task(self._watch())
        watching.add_done_callback(lambda _: self._stop.set())  # without it a revoked key would go on working
        await self._stop.wait()
        watching.cancel()
        await self.server.close()
        await self.pipeline.close()
        for upstream in self.pipeline.snapshot.upstreams.values():
            upstream.pool.close()
        with suppress(asyncio.CancelledError):
            await watching
        await self._upkeep.close()
        await self._counters.end(utc_now())
        self._capturer.close()

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hangup.wait(), POLL_S)
            asked = self._hangup.is_set()
            self._hangup.clear()
            self.spool.seal_after(self._seal_after_ns, time.monotonic_ns())
            self._count()
            try:
                await self._refresh(asked=asked)
            except (FloorlineError, OSError) as error:
                self._refused(error)

    def _refused(self, error: Exception) -> None:
        self.metrics.add("floorline_policy_refused_total")
        log.error("what was in force stays: %s", error)

    async def _refresh(self, *, asked: bool) -> None:
        """Take over what has changed. FloorlineError, and OSError of a file, leave everything as it was."""
        stamp = self._sources.stamp()
        if asked or stamp != self._stamp:
            self._stamp = stamp  # a file that is wrong is complained of once
            loaded = await asyncio.to_thread(_load, self._sources, self._processes())
            before = self.pipeline.snapshot
            snapshot = _snapshot(loaded, before.ring, before.upstreams, before.breakers, self._sources)
            self._swap(replace(snapshot, paces=before.paces, known=before.known, certificates=before.certificates))
            self.embed(loaded)
            self._capturer.redact = loaded.redact
            if self._tls is not None and self._listening.certificate is not None:
                self._tls.load_cert_chain(self._listening.certificate, self._listening.certificate_key)
            self._loaded_at = int(time.time())
            log.info("the configuration was loaded anew")
        self._take_keys()
        await self._keep_cache()
        rails = self.pipeline.snapshot.policy.guardrails
        if rails is not None and rails.asks_figures:
            known = await asyncio.to_thread(self._sources.figures)
            if known is not None:
                self._swap(replace(self.pipeline.snapshot, known=known))
        if rails is not None:
            certificates = await asyncio.to_thread(self._sources.certificates)
            if certificates is not None:
                self._swap(replace(self.pipeline.snapshot, certificates=certificates))

    def embed(self, loaded: Loaded) -> None:
        """Have questions compared as the configuration says."""
        rails = loaded.policy.guardrails
        self._guard.labelling.follow(loaded.classifiers)
        self._semantic.follow(loaded.embedders, (lambda _: NO_RULES) if rails is None else rails.of)

    async def _keep_cache(self) -> None:
        """Have the cache as the configuration, and those who purge, say."""
        await self._upkeep.arrange(self.pipeline.snapshot.policy.cache)
        await self._upkeep.refresh(now_ms())

    def _take_keys(self) -> bool:
        """Whether the keys are others than before."""
        ring = self._sources.ring()
        if ring is not None:
            self._swap(replace(self.pipeline.snapshot, ring=ring))
        return ring is not None

    def _renew(self) -> bool:
        """As `_take_keys`, for a call whose key nobody knows: one look at the file's state."""
        try:
            return self._take_keys()
        except (FloorlineError, OSError) as error:
            self._refused(error)
            return False

    def _swap(self, snapshot: Snapshot) -> None:
        """Calls that begin now are served by `snapshot`. Connections to providers that are gone close when they are free."""
        before, self.pipeline.snapshot = self.pipeline.snapshot, snapshot
        if snapshot.policy.allowance != before.policy.allowance:
            self._guard.counting = snapshot.policy.allowance != NOTHING
            self._counters.follow(snapshot.policy.allowance, utc_now())
        self.server.limits = snapshot.policy.limits
        self.server.heads.clear()
        for name, upstream in before.upstreams.items():
            if snapshot.upstreams.get(name) is not upstream:
                upstream.pool.retire()

    def _count(self) -> None:
        """Bring to disk what budgets have counted."""
        try:
            self._counters.tick(utc_now(), self._estimate)
        except OSError as error:
            log.error("what budgets count could not be saved, and will be tried again: %s", error)  # noqa: TRY400 - not where, but why

    def _processes(self) -> int:
        return _processes(self.spool.folder.parent, shared=self._listening.shared)

    def _estimate(self, call: SavedCall) -> Amounts:
        """What a call that was lost probably cost."""
        snapshot = self.pipeline.snapshot
        provider = snapshot.policy.providers.get(call.provider)
        return estimated(call, call.provider if provider is None else priced_as(provider), snapshot.prices)

    # -- pages

    def _healthz(self, _request: Request) -> Page:
        return Page(status=200, body=b"ok\n")

    def _readyz(self, _request: Request) -> Page:
        """Whether calls should be sent here, and why not."""
        if self.server.closing:
            return Page(status=503, body=b"draining\n")
        if self.spool.failure is not None:
            return Page(status=503, body=f"the spool: {self.spool.failure}\n".encode())
        if not self.pipeline.snapshot.policy.providers:
            return Page(status=503, body=b"no provider is configured\n")
        return Page(status=200, body=b"ready\n")

    def _metrics_page(self, request: Request) -> Page:
        token = self._listening.metrics_token
        if token and not _bears(request, token):
            return Page(status=401, body=b"send the control token as a bearer token\n")
        text = self.metrics.text(self._gauges(), self.name)
        return Page(status=200, body=text.encode(), content_type=b"text/plain; version=0.0.4; charset=utf-8")

    def _gauges(self) -> dict[str, dict[Labels, int]]:
        snapshot, server, now = self.pipeline.snapshot, self.server, asyncio.get_running_loop().time()
        known = snapshot.known
        pools = {name: upstream.pool for name, upstream in snapshot.upstreams.items()}
        states = {
            (name, state): count
            for name, pool in pools.items()
            for state, count in (("busy", pool.active), ("kept", pool.kept))
        }
        return {
            "floorline_clients": {(): server.connections},
            "floorline_calls_under_way": {(): server.busy},
            "floorline_drains": {(): self.pipeline.drains.running},
            "floorline_upstream_connections": states,
            "floorline_upstream_connects_total": {(name,): pool.opened for name, pool in pools.items()},
            "floorline_upstream_open": {
                target: int(breaker.state(now) != "closed") for target, breaker in snapshot.breakers.items()
            },
            "floorline_content_dropped_total": {
                (reason,): count for reason, count in list(self._capturer.dropped.items())
            },
            **self._cache_gauges(),
            **self._semantic_gauges(),
            "floorline_comparisons_total": dict(self._guard.comparing.outcomes),
            "floorline_spool_bytes": {(): self.spool.used_bytes},
            "floorline_spool_dropped_total": {(): self.spool.dropped},
            "floorline_policy_loaded_timestamp_seconds": {(): self._loaded_at},
            "floorline_figures_timestamp_seconds": {} if known is None else {(): int(known.as_of.timestamp())},
        }

    def _cache_gauges(self) -> dict[str, dict[Labels, int]]:
        cache = self._cache
        return {
            "floorline_cache_bytes": {(): cache.memory.used_bytes},
            "floorline_budget_counters": {(): len(self._counters.tally.buckets)},
            "floorline_budget_holding": {(): len(self._counters.tally.holds)},
            "floorline_budget_reachable": {(): int(self._counters.reachable)},
            "floorline_cache_entries": {(): len(cache.memory)},
            "floorline_cache_evicted_total": {(): cache.memory.evicted},
            "floorline_cache_waited_total": {(): cache.waited},
            "floorline_cache_looks_total": dict(cache.looks),
            "floorline_route_labels_total": dict(self._guard.labelling.asked),
            "floorline_cache_failures_total": {
                (tier.name, what): count for tier in cache.tiers for what, count in list(tier.failures.items())
            },
        }

    def _semantic_gauges(self) -> dict[str, dict[Labels, int]]:
        semantic, learning = self._semantic, self._semantic.learning
        return {
            "floorline_semantic_bytes": {(): semantic.store.used_bytes},
            "floorline_semantic_entries": {(): len(semantic.store)},
            "floorline_semantic_evicted_total": {(): semantic.store.evicted},
            "floorline_semantic_looks_total": dict(semantic.looks),
            "floorline_semantic_labels_total": dict(learning.labels),
            "floorline_semantic_not_kept_total": {("not_text",): learning.unread, ("behind",): learning.dropped},
            "floorline_semantic_waiting": {(): semantic.models.waiting + semantic.workers.waiting},
        }


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _bears(request: Request, token: str) -> bool:
    presented = request.headers.get(b"authorization", b"").removeprefix(b"Bearer ")
    return hmac.compare_digest(presented, token.encode())
