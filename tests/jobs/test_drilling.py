"""Fallback drills: what is sent where, what is compared with what, and what would not carry the load."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.cli.route_drilling import document
from floorline.config import parse
from floorline.events import Attempt, Call
from floorline.jobs.drill_calls import again
from floorline.jobs.drilling import Drillable, Drilled, Place, Replayed, concerns, drill
from floorline.wiring.jobs import control_jobs
from tests.margin.company import keep
from tests.support.records import call

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HERE, THERE, FAR = (Place(provider=name, model="m") for name in ("here", "there", "far"))


class World:
    """Targets that answer as they are told, and what they were sent."""

    def __init__(
        self, answers: dict[Place, Callable[[str], Replayed]], *, kept: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.answers, self.kept = answers, kept
        self.sent: list[tuple[str, Place]] = []

    def targets(self, one: Drillable) -> Sequence[Place]:
        return [place for place in self.answers if not (one.customer == "bound" and place == FAR)]

    def request(self, one: Drillable) -> bytes | None:
        return b"{}" if self.kept(one.id) else None

    def send(self, one: Drillable, _request: bytes, target: Place) -> Replayed:
        self.sent.append((one.id, target))
        return self.answers[target](one.id)


def says(text: str, cost: str = "0.01", latency_ms: int = 500, **changes: object) -> Callable[[str], Replayed]:
    return lambda _: Replayed(text=text, cost=Decimal(cost), latency_ms=latency_ms, **changes)


def past(number: int, **changes: object) -> Call:
    fields = {
        "id": f"past-{number}", "opened_at": NOW - timedelta(hours=number), "customer_id": "acme", "call_type": "generation", "model_requested": "m",
        "dialect": "openai", "status": 200, "attempts": (Attempt(provider="here", model="m"),), "environment": "production",
    }  # fmt: skip
    return call(number, **{**fields, **changes})


@pytest.fixture
def company(ledger):
    minute = NOW - timedelta(days=1)
    keep(ledger, [
        *[past(number) for number in range(1, 9)],
        *[past(100 + number, opened_at=minute, usage={"input": Decimal(900), "output": Decimal(100)}) for number in range(12)],
        past(200, customer_id="bound", opened_at=NOW - timedelta(hours=3)),
        past(300, purpose="evaluation"),
        past(301, metadata={"made_for": "past-1"}),
        past(302, opened_at=NOW - timedelta(days=9)),
        past(303, model_requested="other"),
    ])  # fmt: skip
    return ledger


def test_each_fallback_is_held_against_a_fresh_answer_of_the_target_that_serves(company) -> None:
    world = World({HERE: says("Paris."), THERE: says("paris", "0.02", 600), FAR: says("Rome", "0.005", 4_000)})
    report = drill(company, world, ["m"], NOW, calls=6, usd_max=Decimal(10))
    there, far = sorted(report.drilled, key=lambda one: one.fallback.provider, reverse=True)
    assert (there.sent, there.answered, there.same, there.different) == (6, 6, 6, 0), (
        "case and full stops are no difference"
    )
    assert (there.own_same, there.cost_ratio, there.latency_ms, there.serving_latency_ms) == (6, 2, 600, 500)
    assert (there.peak_calls, there.peak_tokens, there.carries) == (12, 12_000, True)
    assert far.different == far.sent
    assert [one.partition(" answers")[0].partition(", and")[0] for one in far.concerns] == [
        f"{far.sent} of {far.sent}",
        "an answer takes 4,000 ms",
    ]
    assert report.cost == 6 * Decimal("0.04") + far.sent * Decimal("0.005")
    assert {one for one, place in world.sent if place == FAR} <= {
        f"past-{number}" for number in (*range(1, 9), *range(100, 112))
    }
    assert not {one for one, _ in world.sent} & {"past-300", "past-301", "past-302", "past-303"}


def test_what_fails_or_may_ask_too_little_a_minute_would_not_carry_the_load(company) -> None:
    refusing = World({HERE: says("yes"), THERE: lambda _: Replayed(trouble="status 401", cost=Decimal(0))})
    (refused,) = drill(company, refusing, ["m"], NOW, calls=5).drilled
    assert refused.concerns == ("5 of 5 calls failed: status 401",)
    narrow = World({HERE: says("yes"), THERE: says("yes", requests_a_minute=10, tokens_a_minute=20_000)})
    (bounded,) = drill(company, narrow, ["m"], NOW, calls=5).drilled
    assert bounded.concerns == ("10 requests a minute are allowed there, and the busiest minute had 12",)


def test_what_the_serving_target_says_differently_itself_is_held_against_no_fallback(company) -> None:
    turns = iter(range(1_000))
    fickle = World({HERE: lambda _: Replayed(text=("yes", "no")[next(turns) % 2], cost=Decimal(0)), THERE: says("no")})
    (one,) = drill(company, fickle, ["m"], NOW, calls=8).drilled
    assert (one.different, one.own_different, one.concerns) == (8, 8, ())


def test_no_call_is_begun_once_the_dollars_are_spent_and_what_is_not_drilled_says_why(company) -> None:
    dear = World({HERE: says("yes", "1"), THERE: says("yes", "1")})
    report = drill(company, dear, ["m", "other"], NOW, usd_max=Decimal("2.5"))
    assert (report.cost, report.stopped, len(dear.sent)) == (3, True, 3)
    assert report.missed == {"other": "the drill's dollars were used up before"}
    unkept = drill(company, World({HERE: says("a"), THERE: says("a")}, kept=lambda _: False), ["m", "nobody"], NOW)
    assert (unkept.drilled, unkept.cost) == ([], 0)
    assert unkept.missed["m"].startswith("no request of its calls is kept")
    assert unkept.missed["nobody"] == "no call was answered in the last 7 days"
    silent = drill(company, World({HERE: lambda _: Replayed(trouble="status 503"), THERE: says("a")}), ["m"], NOW)
    assert silent.missed == {"m": "the target that serves it gave no answer to compare with: status 503"}


def test_answers_whose_cost_nobody_knows_are_counted_and_cost_no_nothing(company) -> None:
    unknown = World({HERE: says("yes", "0.25"), THERE: lambda _: Replayed(text="yes", latency_ms=500)})
    report = drill(company, unknown, ["m"], NOW, calls=5)
    (one,) = report.drilled
    assert (report.cost, report.unpriced, one.priced, one.cost_ratio) == (Decimal(1), 2, 0, None)
    assert (
        report.sentence == "1 fallbacks drilled for $1.0000 and 2 answers of unknown cost, 0 would not carry the load"
    )
    assert (document(one)["cost_usd"], document(one)["serving_cost_usd"]) == (None, None)


def test_who_gave_no_answer_took_no_time_that_is_known(company) -> None:
    refusing = World({HERE: says("yes"), THERE: lambda _: Replayed(trouble="status 401", cost=Decimal(0))})
    (one,) = drill(company, refusing, ["m"], NOW, calls=5).drilled
    assert (one.latency_ms, one.serving_latency_ms) == (None, 500)
    assert document(one)["latency_ms_median"] is None


def test_a_few_different_answers_are_no_proof() -> None:
    one = Drilled(
        at=NOW, model="m", fallback=THERE, serving=HERE, sent=20, answered=20, same=18, different=2, own_same=19, own_different=1, troubles=(),
        cost=Decimal(1), serving_cost=Decimal(1), priced=20, latency_ms=100, serving_latency_ms=100,
    )  # fmt: skip
    assert list(concerns(one)) == []


@pytest.mark.parametrize(
    ("dialect", "request_", "made"),
    [
        ("openai", b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[1]}', b'{"model":"m","messages":[1]}'),
        ("anthropic", b'{"model":"m","messages":[],"stream":true}', b'{"model":"m","messages":[]}'),
        ("gemini", b'{"contents":[]}', b'{"contents":[]}'),
        ("openai", b'{"model":"m","input":"x"}', None),
        ("bedrock", b'{"messages":[]}', None),
        ("openai", b'{"messages":', None),
    ],
)  # fmt: skip
def test_a_request_is_made_again_as_it_was_but_whole(dialect: str, request_: bytes, made: bytes | None) -> None:
    of = Drillable(
        id="a", opened_at=NOW, customer="", feature="", dialect=dialect, model="m", provider="here", served="m"
    )
    assert again(of, request_) == made


def test_the_job_is_there_where_drills_are_configured_and_says_what_it_did(ledger) -> None:
    text = b"drills: {key: '${K}', every: 1d}\n"
    config = parse(text, Path("floorline.yaml"), {"K": "flk_x"}).config
    jobs = {job.name: job for job in control_jobs(config, ledger)}
    assert (jobs["drill"].every, jobs["drill"].run(NOW)) == (
        timedelta(days=1),
        "no model has more than one target: there is no fallback to drill",
    )
    assert "drill" not in {job.name for job in control_jobs(parse(b"", Path("floorline.yaml"), {}).config, ledger)}
