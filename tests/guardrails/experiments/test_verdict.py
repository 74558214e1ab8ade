"""What labels show of an experiment."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.experiments.rule import Experiment
from floorline.guardrails.experiments.verdict import certify, show

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=30)
SMALL = Experiment(name="small", feature="chat", model="gpt-4o-mini", margin=0.05, harm=0.05)


def labels(one: Experiment, control: float, treatment: float, units: int, each: int = 1, seed: int = 1) -> list[Label]:
    """`units` customers of either arm with `each` labels, right at these rates."""
    draw = random.Random(seed)

    def made() -> Iterator[Label]:
        for unit in range(units):
            for arm, rate in (("control", control), ("treatment", treatment)):
                for number in range(each):
                    yield Label(
                        source="outcomes", id=f"{arm}-{unit}-{number}", at=NOON + timedelta(minutes=unit), kind="experiment",
                        feature=one.feature, subject=one.name, arm=arm, customer=f"{arm}-{unit}", right=draw.random() < rate,
                        origin="outcome", epoch=one.epoch,
                    )  # fmt: skip

    return list(made())


def test_a_treatment_as_good_is_certified_at_last_and_says_how_sure_that_is():
    found = labels(SMALL, 0.9, 0.9, 1_500)
    early = certify(SMALL, found[:200], None, NOON)
    assert early.state == "shadow"
    assert early.reason.startswith("100 pairs so far (")
    done = certify(SMALL, found, early, LATER)
    assert (done.state, done.since, done.labels, done.model) == ("certified", LATER, 3_000, "gpt-4o-mini")
    assert done.reason.startswith("after 1,500 pairs the treatment is not worse by 5.0 points (")
    assert certify(SMALL, found, done, LATER + timedelta(days=1)).since == LATER


def test_a_treatment_that_does_harm_is_rolled_back_and_stays_so():
    found = labels(SMALL, 0.9, 0.7, 400)
    done = certify(SMALL, found, None, LATER)
    assert (done.state, done.acts) == ("suspended", False)
    assert "rolled back" in done.reason
    better = labels(SMALL, 0.9, 1.0, 4_000, seed=2)
    assert certify(SMALL, better, done, LATER).state == "suspended"
    assert certify(replace(SMALL, share_ppm=100_000), better, done, LATER).reason.startswith("0 pairs so far")


def test_a_number_of_pairs_that_was_settled_is_looked_at_once():
    fixed = replace(SMALL, pairs=600)
    assert certify(fixed, labels(fixed, 0.9, 0.9, 500), None, LATER).state == "shadow"
    passed = certify(fixed, labels(fixed, 0.9, 0.91, 600), None, LATER)
    assert (passed.state, passed.reason.split(" the ")[0]) == ("certified", "after 600 pairs")
    found = labels(fixed, 0.9, 0.87, 2_000)
    missed = certify(fixed, found, None, LATER)
    assert missed.state == "refused"
    assert missed.reason.startswith("600 pairs do not show")
    assert show(fixed, found).pairs == 600


def test_a_customer_counts_once_however_much_it_says():
    many = labels(SMALL, 0.9, 0.9, 3, each=1_000)
    shown = show(SMALL, many)
    assert (shown.pairs, shown.control.units, shown.control.labels) == (3, 3, 3_000)
    assert certify(SMALL, many, None, LATER).state == "shadow"


def test_where_a_unit_counts_with_several_labels_only_whole_units_do_and_their_means_vary_less():
    several = replace(SMALL, each=20)
    found = labels(several, 0.9, 0.9, 300, each=20)
    assert show(several, found[:-1]).treatment.counted == 299
    shown, single = show(several, found), show(SMALL, labels(SMALL, 0.9, 0.9, 300))
    assert shown.pairs == single.pairs == 300
    assert shown.high - shown.low < single.high - single.low
    assert shown.not_worse.log_wealth > single.not_worse.log_wealth
    assert show(replace(several, pairs=250), found).passes


def test_without_labels_nothing_is_known():
    shown = show(SMALL, [])
    assert (shown.pairs, shown.difference, shown.low, shown.high, shown.needed, shown.control.rate) == (
        0,
        None,
        -1,
        1,
        None,
        None,
    )
    only_control = [one for one in labels(SMALL, 0.9, 0.9, 20) if one.arm == "control"]
    assert certify(SMALL, only_control, None, NOON).bound is None


@pytest.mark.prove
@pytest.mark.parametrize(("pairs", "units"), [(0, 1_000), (300, 300)])
def test_one_that_is_worse_by_the_margin_is_certified_in_at_most_one_run_of_twenty(pairs: int, units: int):
    one = replace(SMALL, pairs=pairs, harm=1.0)
    runs = 300
    passed = sum(certify(one, labels(one, 0.90, 0.85, units, seed=seed), None, LATER).acts for seed in range(runs))
    assert passed <= runs * 0.05 + 2 * (runs * 0.05 * 0.95) ** 0.5
