"""Baselines over a ledger: found in traffic, taken back when late usage says otherwise, measured, declared, named by a trend."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from floorline.events import Alias, Attempt, Call
from floorline.jobs.baselining import Baselines
from floorline.margin.baseline import MIXED, Entry, Place, Values, declaration_of
from floorline.margin.changelog import crossings
from floorline.margin.policy import FeaturePolicy, Policies
from floorline.margin.queries import baseline_uses
from tests.margin.company import call, line
from tests.support.ledger import entry

FIRST = date(2026, 3, 1)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ANSWER = Place(feature="assistant", step="answer", call_type="generation")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def calls(number: int, model: str, stamp: str, count: int, cost: str = "0.01", **more: object) -> list[Call]:
    said: dict[str, object] = {"feature": "assistant", "step": "answer", **more}
    feature = str(said.pop("feature"))
    return [
        call(f"{day(number)}T10:00:00Z", "acme", feature, cost, model=model, baseline=stamp, **said)
        for _ in range(count)
    ]


def write(ledger, records: Iterable[object]) -> None:
    ledger.write([entry(record) for record in records])


def told(log: Iterable[Entry]) -> list[tuple[int, str, str]]:
    return [((entry.start - FIRST).days, entry.values.model, entry.values.prompt) for entry in log]


def test_a_change_of_model_is_found_measured_and_kept(ledger) -> None:
    records: list[object] = [line("acme", "31", "2026-03-01", "2026-04-01", feature="assistant")]
    for number in range(14):
        large = number < 7
        records += calls(number, "large" if large else "small", "v1@r1", 25, "0.01" if large else "0.004")
    records += calls(3, "sorter", "s@r2", 30, "0.001", step="sort", call_type="classification")
    records += calls(4, "small", "v1@r1", 99, environment="staging")
    records += calls(14, "third", "v1@r1", 99, "0", status=500, ending="upstream_error")
    write(ledger, records)
    baselines = Baselines(ledger, Policies())
    assert str(baselines.detect(NOW)) == "3 new, 0 withdrawn, 1 measured"
    first, sort, changed = baselines.log(NOW)
    assert (first.place, first.start, first.before) == (ANSWER, FIRST, None)
    assert sort.place.call_type == "classification"
    assert (changed.start, changed.changed, changed.before) == (
        day(7), ("model",), Values(model="large", prompt="v1", route="r1"),
    )  # fmt: skip
    done = changed.effect
    assert done is not None
    assert (done.cost_per_call_before, done.cost_per_call_after) == (Decimal("0.01"), Decimal("0.004"))
    assert (done.days_before, done.days_after, done.settled) == (7, 7, True)
    assert done.usd_a_month == Decimal("-4.5")
    assert done.margin_before is not None
    assert done.margin_after is not None
    assert done.margin_after - done.margin_before == Decimal("0.154285714286")
    assert str(baselines.detect(NOW)) == "0 new, 0 withdrawn, 0 measured"
    later = NOW + timedelta(days=100)
    assert str(baselines.detect(later)) == "0 new, 0 withdrawn, 0 measured"
    assert baselines.log(later) == [first, sort, changed]


def test_late_usage_takes_a_change_back_and_old_entries_stay(ledger) -> None:
    write(ledger, [one for n in range(4) for one in calls(n, "large" if n < 2 else "small", "v1@r1", 20)])
    baselines = Baselines(ledger, Policies())
    baselines.detect(NOW)
    assert told(baselines.log(NOW)) == [(0, "large", "v1"), (2, "small", "v1")]
    write(ledger, calls(2, "large", "v1@r1", 80))
    assert str(baselines.detect(NOW)) == "1 new, 1 withdrawn, 1 measured"
    assert told(baselines.log(NOW)) == [(0, "large", "v1"), (3, "small", "v1")]
    write(ledger, calls(3, "large", "v1@r1", 80))
    baselines.detect(NOW + timedelta(days=60))
    assert told(baselines.log(NOW)) == [(0, "large", "v1"), (3, "small", "v1")]


def test_the_day_that_still_runs_decides_nothing_and_days_are_the_reporting_timezones(ledger) -> None:
    write(ledger, [*calls(0, "large", "v1@r1", 30), *calls(1, "small", "v2@r1", 30)])
    baselines = Baselines(ledger, Policies())
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    baselines.detect(late)
    assert told(baselines.log(NOW)) == [(0, "large", "v1")]
    baselines.detect(late + timedelta(hours=1))
    assert told(baselines.log(NOW)) == [(0, "large", "v1"), (1, "small", "v2")]
    there = baseline_uses(FIRST, day(3), "Pacific/Kiritimati")  # 14 hours ahead: 10:00 UTC is the day after
    assert sorted((row.day, row.model, row.calls) for row in ledger.query(there)) == [
        (day(1), "large", 30), (day(2), "small", 30),
    ]  # fmt: skip


def test_an_outage_that_falls_back_to_another_model_is_no_new_baseline(ledger) -> None:
    tried = (Attempt(provider="a", model="large", status=503), Attempt(provider="b", model="small"))
    write(ledger, [*calls(0, "large", "v1@r1", 30), *calls(1, "small", "v1@r1", 90, attempts=tried)])
    write(ledger, calls(2, "large", "v1@r1", 30, attempts=(Attempt(provider="a", model="large"),) * 2))
    baselines = Baselines(ledger, Policies())
    assert baselines.detect(NOW).added == 1
    assert told(baselines.log(NOW)) == [(0, "large", "v1")]


def test_a_renamed_feature_has_one_baseline_and_prompts_of_every_call_are_mixed(ledger) -> None:
    write(ledger, [Alias(source="test", id="alias", kind="feature", alias="helper", canonical="assistant")])
    write(ledger, [*calls(0, "m", "*@r1", 20, feature="helper"), *calls(0, "m", "*@r1", 15)])
    baselines = Baselines(ledger, Policies())
    baselines.detect(NOW)
    (one,) = baselines.log(NOW)
    assert (one.place, one.values) == (ANSWER, Values(model="m", prompt=MIXED, route="r1"))


def test_what_the_configuration_declares_is_logged_measured_and_goes_with_it(ledger) -> None:
    write(ledger, [one for n in range(10) for one in calls(n, "large" if n < 5 else "small-2026", "v1@r1", 25)])
    declared = declaration_of("assistant", day(4), {"model": "small", "name": "cheap"})
    policies = Policies(features={"assistant": FeaturePolicy(name="assistant", baselines=(declared,))})
    baselines = Baselines(ledger, policies)
    assert [entry.source for entry in baselines.log(NOW)] == ["config"]
    assert str(baselines.detect(NOW)) == "3 new, 0 withdrawn, 1 measured"
    assert told(baselines.log(NOW)) == [(0, "large", "v1"), (4, "small-2026", "v1")]
    one = baselines.log(NOW)[1]
    assert (one.name, one.source, one.place) == ("cheap", "config", ANSWER)
    assert one.effect is not None
    assert (one.effect.calls_before, one.effect.calls_after) == (100, 150)
    assert baselines.log(NOW + timedelta(days=1))[1].at == one.at
    without = Baselines(ledger, Policies())
    assert [entry.source for entry in without.log(NOW)] == ["traffic", "traffic"]
    assert str(without.detect(NOW)) == "0 new, 1 withdrawn, 1 measured"
    assert [(entry.source, (entry.start - FIRST).days) for entry in without.log(NOW)] == [
        ("traffic", 0),
        ("traffic", 5),
    ]


def test_a_declaration_replaces_the_one_of_the_same_place_and_day(ledger) -> None:
    baselines = Baselines(ledger, Policies())
    baselines.declare(declaration_of("assistant", FIRST, {"model": "a"}), "api", NOW)
    baselines.declare(declaration_of("assistant", FIRST, {"model": "b"}), "command", NOW)
    baselines.declare(declaration_of("assistant", FIRST, {"model": "c", "step": "sort"}), "api", NOW)
    log = baselines.log(NOW)
    assert [entry.values.model for entry in log] == ["b", "c"]
    assert crossings(log, "assistant", day(-1), day(2)) == log
