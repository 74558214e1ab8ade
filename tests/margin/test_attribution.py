"""Names are resolved as of a day."""

from datetime import date

from floorline.margin.attribution import Cover, Names, Timeline
from tests.margin.company import alias, record


def on(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def test_an_alias_holds_from_its_first_day_until_the_day_before_its_end():
    names = Names([alias("customer", "cus_1", "acme", "2026-01-10", "2026-01-20")])
    resolved = [names.resolve("customer", "cus_1", on(f"2026-01-{d}")) for d in ("09", "10", "19", "20")]
    assert resolved == ["cus_1", "acme", "acme", "cus_1"]


def test_of_two_aliases_the_one_that_began_last_counts():
    names = Names([alias("feature", "chat", "support"), alias("feature", "chat", "assistant", "2026-01-10")])
    assert names.resolve("feature", "chat", on("2026-01-09")) == "support"
    assert names.resolve("feature", "chat", on("2026-01-10")) == "assistant"


def test_chains_are_followed_and_loops_stop():
    names = Names(
        [alias("customer", "a", "b"), alias("customer", "b", "c"), alias("plan", "x", "y"), alias("plan", "y", "x")]
    )
    assert names.resolve("customer", "a", 1) == "c"
    assert names.resolve("plan", "x", 1) in {"x", "y"}


def test_a_plan_is_the_call_s_own_then_the_record_s_then_the_covering_line_s():
    lines = [Cover(customer="acme", plan="billed", start=on("2026-01-01"), amount=5)]
    with_record = Names([alias("plan", "p-1", "pro")], [record("acme", plan="p-1")], lines)
    assert with_record.plan("own", "acme", on("2026-01-05")) == "own"
    assert with_record.plan("", "acme", on("2026-01-05")) == "pro"
    assert Names([], [], lines).plan("", "acme", on("2026-01-05")) == "billed"
    assert Names([], [], lines).plan("", "nobody", on("2026-01-05")) == ""


def test_the_greatest_line_of_a_day_names_the_plan_and_credits_name_none():
    lines = [
        Cover(customer="acme", plan="seat", start=1, amount=9),
        Cover(customer="acme", plan="add-on", start=1, amount=2),
        Cover(customer="acme", plan="refunded", start=2, amount=-9),
    ]
    assert Names([], [], lines).plan("", "acme", 5) == "seat"


def test_attributes_change_on_their_day_and_before_the_first_record_the_first_holds():
    names = Names([], [record("acme", "2026-02-01", segment="small"), record("acme", "2026-03-01", segment="large")])
    days = [names.attribute("segment", "acme", on(d)) for d in ("2026-01-01", "2026-02-28", "2026-03-01")]
    assert days == ["small", "small", "large"]


def test_a_record_that_says_nothing_new_is_no_change():
    timeline = Timeline()
    for start, value in ((1, "a"), (5, ""), (7, "a"), (9, "b")):
        timeline.append(start, value)
    assert timeline.changes() == [9]


def test_spans_are_cut_only_for_the_customers_that_change():
    names = Names(
        [alias("customer", "ws-1", "acme"), alias("feature", "old", "new", "2026-01-15")],
        [
            record("acme", plan="free"),
            record("acme", "2026-01-10", plan="pro"),
            record("beta", "2026-01-02", plan="pro"),
        ],
    )
    found = names.boundaries(on("2026-01-01"), on("2026-02-01"), ["plan"])
    assert (found.shared, found.own) == ([on("2026-01-15")], [on("2026-01-10"), on("2026-01-15")])
    assert found.changing == {"acme", "ws-1"}
    assert names.boundaries(on("2026-01-01"), on("2026-02-01"), []).changing == frozenset()


def test_many_names_at_once_mean_what_each_means_alone():
    known = Names(
        [alias("customer", "cus_x", "x", "2026-01-20"), alias("feature", "b", "a"), alias("plan", "pro", "team", "2026-02-01")],
        [record("x", plan="pro", segment="s"), record("x", "2026-02-05", plan="team", segment="l"), record("y", segment="s")],
        [
            Cover("y", "pro", on("2026-01-01"), 5), Cover("y", "team", on("2026-01-15"), 5), Cover("y", "pro", on("2026-01-15"), 9),
            Cover("z", "team", on("2026-01-10"), 1), Cover("z", "team", on("2026-03-10"), 1), Cover("w", "pro", on("2026-01-10"), 0),
        ],
    )  # fmt: skip
    days = [on(text) for text in ("2025-12-31", "2026-01-14", "2026-01-16", "2026-01-25", "2026-02-03", "2026-02-10")]
    asked = [
        (name, plan, at) for name in ("cus_x", "x", "y", "z", "w", "") for plan in ("", "pro", "own") for at in days
    ]
    names, plans, dates = zip(*asked, strict=True)
    customers = known.resolve_all("customer", names, dates)
    assert list(customers) == [known.resolve("customer", name, at) for name, _, at in asked]
    assert list(known.plans(plans, customers, dates)) == [
        known.plan(plan, customer, at) for customer, (_, plan, at) in zip(customers, asked, strict=True)
    ]
    for attribute in ("plan", "segment", "cohort"):
        assert list(known.attributes(attribute, customers, dates)) == [
            known.attribute(attribute, customer, at) for customer, (_, _, at) in zip(customers, asked, strict=True)
        ]
    assert known.resolve_all("feature", ["b", "c"], days[:2]) == ["a", "c"]
