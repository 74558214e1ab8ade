"""What each part of Floorline's own way costs, in this process: the same request and answer as in the measured runs."""

import tempfile
import time
from collections.abc import Callable
from contextlib import closing as closed_after
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline.bench.gateway.workloads import LARGE, SATURATION, STREAM_CHUNKS, Workload
from floorline.bench.report import Sheet
from floorline.gateway.accounting import Prices
from floorline.gateway.admission import Admitted, admit
from floorline.gateway.attribution import attribute
from floorline.gateway.baseline import Stamps
from floorline.gateway.facts import facts_of
from floorline.gateway.keys import Key, Keyring, digest, presented_key
from floorline.gateway.message import Request
from floorline.gateway.places import Places
from floorline.gateway.policy import GatewayPolicy, Provider
from floorline.gateway.recording import Recorder, account_of, closing
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import Try, UnderWay
from floorline.gateway.wire.body import view
from floorline.gateway.wire.forward import outgoing
from floorline.gateway.wire.routes import route
from floorline.gateway.worst import worst_case
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.condition import parse_condition
from floorline.guardrails.decide import decide
from floorline.guardrails.frame import ENFORCE, FORWARD, Evidence, Figures, Looked, Standing
from floorline.guardrails.output import OutputRule
from floorline.guardrails.route import MarginRule, RouteRule
from floorline.guardrails.rules import Rules
from floorline.ledger.codec import frame_of_call, identity_of
from floorline.ledger.spool import Spool
from floorline.pricing.book import build_book
from floorline.pricing.usage import Extraction, UsageReader, read_answer

CALLS = 500
ROUNDS = 5
KEYS = 1_000
SYNC_MS = 50
_PATH, _ENDPOINT, _MODEL = "/v1/chat/completions", "chat.completions", "gpt-4o-mini"
_WHEN = "customer.cost_to_revenue > 0.8 and feature.criticality != high"
_SECRET = b"a secret of thirty-two bytes only"
_PRESENTED = b"flk_" + b"k" * 43
_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
_PROVIDER = Provider(name="openai", dialect="openai", base_url="http://127.0.0.1:9001/v1", api_key="sk-upstream-0001")
_POLICY = GatewayPolicy(providers={"openai": _PROVIDER})
_PLACES = Places(_POLICY)
_ROUTE = route("POST", _PATH, {}, _POLICY.providers)


def run(*, whole: bytes, streamed: bytes) -> Sheet:
    """Microseconds of each part, the best of several rounds. `whole` and `streamed` are the upstream's answers."""
    rows = _before(_ring()) + _answers(whole, streamed)
    rows += _deciding(_call(_ring(), SATURATION))
    with tempfile.TemporaryDirectory(prefix="floorline-bench-") as folder:
        rows += _after(Path(folder), _call(_ring(), SATURATION), _usage(whole, "application/json"))
    return Sheet(
        title="parts: what Floorline's own way is made of, each alone in this process",
        columns=("part", "µs", "note"),
        rows=tuple(rows),
    )


def _before(ring: Keyring) -> list[tuple[str, str, str]]:
    small, large = _request(SATURATION), _request(LARGE)
    call = _call(ring, SATURATION)

    admitted, admitted_large = _admit(ring, small), _admit(ring, large)
    stamps = Stamps()

    def stamp(one: Admitted) -> None:
        assert one.group is not None
        stamps.of(one.call, one.group, _POLICY)

    def authenticate() -> None:
        presented = presented_key(small.headers, "")
        assert presented is not None
        ring.find(presented, _AT)

    def read(request: Request) -> None:
        assert _ROUTE is not None
        view(_ROUTE, request.body)

    return [
        ("key", _us(authenticate), f"found in the headers and among {KEYS:,}, presented before"),
        ("attribution", _us(lambda: attribute(call.key, small.headers, "u-1234")), "two headers and the body's user"),
        ("body, 1 KB", _us(lambda: read(small)), "the members that the gateway needs"),
        ("body, 20 KB", _us(lambda: read(large)), "as above"),
        ("admission, 1 KB", _us(lambda: _admit(ring, small)), "all of the above, route, rules and targets"),
        ("admission, 20 KB", _us(lambda: _admit(ring, large)), "as above"),
        ("baseline, 1 KB", _us(lambda: stamp(admitted)), "the template and its name, seen before"),
        ("baseline, 20 KB", _us(lambda: stamp(admitted_large)), "as above"),
        (
            "request to the provider",
            _us(lambda: outgoing(call.route, call.view, small, _PROVIDER, _MODEL, None)),
            "headers and credentials exchanged, the body passed on",
        ),
    ]


def _deciding(call: UnderWay) -> list[tuple[str, str, str]]:
    """What guardrails add before a call is sent, where each of them is asked and none acts."""
    book, _ = build_book()
    snapshot = Snapshot(policy=_POLICY, ring=_ring(), prices=Prices(book=book), upstreams={}, breakers={})
    admitted = _admit(snapshot.ring, _request(SATURATION))
    rule = MarginRule(name="heavy", when=parse_condition(_WHEN), do="downgrade")
    rules = Rules(
        cache=CacheRule(setting=ENFORCE),
        route=RouteRule(margin=(rule,), cheaper={_MODEL: "gpt-5-nano"}),
        output=OutputRule(setting=ENFORCE, tokens_max=1_024),
    )
    figures = Figures(revenue=Decimal(1_000), cost=Decimal(10), calls=5_000, since=_AT - timedelta(days=20), as_of=_AT)
    facts = facts_of(call, admitted, rules, snapshot)
    evidence = Evidence(cache=Looked(state="miss"), figures=figures, standings=(_standing(),))
    return [
        ("facts of a call", _us(lambda: facts_of(call, admitted, rules, snapshot)), "the hold-out's hash among them"),
        ("decide", _us(lambda: decide(facts, evidence, rules)), "cache, margin rule, budget, output; target < 30 µs"),
        (
            "worst case",
            _us(lambda: worst_case(call, facts, FORWARD, admitted.targets, snapshot)),
            "what a budget reserves",
        ),
    ]


def _standing() -> Standing:
    return Standing(
        name="month", holder="acme", window="2026-11", unit="usd", limit=Decimal(100), used=Decimal(10), reserved=Decimal(1),
        resets_at=_AT + timedelta(days=20),
    )  # fmt: skip


def _answers(whole: bytes, streamed: bytes) -> list[tuple[str, str, str]]:
    events = [event + b"\n\n" for event in streamed.split(b"\n\n") if event]

    def read_stream() -> None:
        reader = UsageReader("openai", _ENDPOINT, content_type="text/event-stream")
        for event in events:
            reader.feed(event)
        reader.finish()

    return [
        ("usage of a whole answer", _us(lambda: _usage(whole, "application/json")), f"{len(whole):,} bytes"),
        (
            "usage, a chunk of a stream",
            _us(read_stream, per=len(events), calls=CALLS // 10),
            f"of {STREAM_CHUNKS} and the end, each in a piece of its own",
        ),
    ]


def _after(folder: Path, call: UnderWay, usage: Extraction) -> list[tuple[str, str, str]]:
    book, _ = build_book()
    prices = Prices(book=book)
    attempt = Try(provider=_PROVIDER, model=_MODEL, started_ns=1, ended_ns=2, status=200, sent=True, ending="complete")
    attempt.usage = usage
    call.tries.append(attempt)
    account = account_of(call, prices)
    record = closing(call, account, ending="complete", gateway="bench", now_ns=2)
    identity = identity_of(record.source, record.id)
    payload = frame_of_call(record, identity)
    with closed_after(Spool(folder, sync_ms=SYNC_MS)) as spool:
        recorder = Recorder(spool, "bench", lost_after=timedelta(hours=1))

        def open_call() -> None:
            call.opened = False
            recorder.open(call, "openai")

        return [
            ("price", _us(lambda: account_of(call, prices)), f"usage to {len(account.lines[0])} cost lines"),
            ("opening", _us(open_call), "made, encoded and appended to the spool"),
            (
                "closing, the record",
                _us(lambda: closing(call, account, ending="complete", gateway="bench", now_ns=2)),
                "one call with its attempts and cost lines",
            ),
            (
                "closing, encoded",
                _us(lambda: frame_of_call(record, identity)),
                f"{len(payload)} bytes",
            ),
            ("closing, appended", _us(lambda: spool.append(payload)), "to the spool; target < 20 µs"),
        ]


def _ring() -> Keyring:
    texts = [b"flk_%043d" % n for n in range(KEYS - 1)]
    keys = [
        Key(id=f"k_{n}", name="bench", digest=digest(text, _SECRET), created_at=_AT)
        for n, text in enumerate([*texts, _PRESENTED])
    ]
    return Keyring(keys, _SECRET)


def _request(workload: Workload) -> Request:
    body = workload.body()
    headers = [
        (b"host", b"127.0.0.1:4000"),
        (b"user-agent", b"OpenAI/Python 1.99.0"),
        (b"accept", b"application/json"),
        (b"content-type", b"application/json"),
        (b"x-stainless-lang", b"python"),
        (b"authorization", b"Bearer " + _PRESENTED),
        (b"x-floorline-customer", b"acme"),
        (b"x-floorline-feature", b"search"),
        (b"content-length", b"%d" % len(body)),
    ]
    return Request(method="POST", path=_PATH, headers=dict(headers), raw_headers=headers, body=body)


def _admit(ring: Keyring, request: Request) -> Admitted:
    admitted = admit(request, _PLACES, ring, "call-0000000000000001", _AT)
    assert isinstance(admitted, Admitted)
    return admitted


def _call(ring: Keyring, workload: Workload) -> UnderWay:
    call = _admit(ring, _request(workload)).call
    assert call.refusal is None, call.refusal
    return call


def _usage(answer: bytes, content_type: str) -> Extraction:
    return read_answer("openai", _ENDPOINT, answer, content_type=content_type)


def _us(part: Callable[[], object], *, per: int = 1, calls: int = CALLS) -> str:
    best = min(_round_ns(part, calls) for _ in range(ROUNDS))
    return f"{best / calls / per / 1_000:.2f}"


def _round_ns(part: Callable[[], object], calls: int) -> int:
    started = time.perf_counter_ns()
    for _ in range(calls):
        part()
    return time.perf_counter_ns() - started
