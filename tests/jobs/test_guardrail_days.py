"""What guardrails did day by day, and the latest calls that they acted on, from a real ledger."""

from datetime import UTC, date, datetime, timedelta

from floorline.events import Touch
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.guardrail_days import EACH_MAX, by_day, decided_lately, net_by_day, refused_lately
from floorline.jobs.margins import Margins
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness import total
from floorline.money import usd, usd_of
from tests.margin.company import alias, call, keep

SCOPE = Scope()
START, END = date(2026, 3, 1), date(2026, 3, 4)


def touch(guardrail, arm, saved="0", cost="0"):
    return Touch(guardrail=guardrail, mode="enforce", arm=arm, action="hit", saved=usd(saved), cost=usd(cost))


def records():
    found = [alias("feature", "chat-old", "chat", None, "2026-03-02")]
    for day in (1, 2, 3):
        feature = "chat-old" if day == 1 else "chat"
        at = f"2026-03-0{day}T10:00:00Z"
        found += [
            call(at, "acme", feature, "0.5", touches=(touch("cache", "treated", "0.25", "0.01"),), counterfactual_cost=usd("0.75")),
            call(at, "beta", "search", "0.5", touches=(touch("output", "holdout", "0.1"), touch("cache", "treated", "0.125"))),
        ]  # fmt: skip
    return found


def test_the_days_add_up_to_what_the_effects_say_and_names_are_resolved(ledger):
    keep(ledger, records())
    margins = Margins(ledger)
    rows = by_day(margins, START, END, SCOPE)
    assert sum(row.net for row in rows) == usd_of(total(effects_of(margins, START, END, SCOPE)).net) == usd("1.095")
    assert [(row.day.day, row.touched, row.net) for row in by_day(margins, START, END, SCOPE, "chat")] == [
        (day, 1, usd("0.24")) for day in (1, 2, 3)
    ]
    assert list(net_by_day(rows))[:2] == [(START, "cache", usd("0.365")), (START, "output", 0)]
    (held_out,) = {row.held_out for row in rows if row.guardrail == "output"}
    assert held_out == 1


def test_the_latest_calls_are_a_few_of_each_kind_newest_first_and_say_whose_decision_it_was(ledger):
    at = datetime(2026, 3, 3, 12, tzinfo=UTC)
    refused = {"verdict": "refuse", "ending": "refused", "status": 402, "reasons": ("budget: monthly has no room",)}
    many = [
        call(
            (at + timedelta(minutes=n)).isoformat(), "acme", "chat", "0.1", touches=(touch("cache", "treated", "0.1"),)
        )
        for n in range(EACH_MAX + 3)
    ]
    keep(ledger, [*records(), *many, call(at.isoformat(), "acme", "chat", "0", **refused)])
    found = decided_lately(Margins(ledger), at + timedelta(hours=1), SCOPE)
    assert [one.by for one in found].count(["budget"]) == 1
    assert [one.by for one in found][:EACH_MAX] == [["cache"]] * EACH_MAX
    assert len({one.id for one in found}) == len(found)
    assert [one.by for one in refused_lately(ledger, at + timedelta(days=1))] == [["budget"]]
    assert refused_lately(ledger, at) == []
    assert [one.opened_at for one in found] == sorted((one.opened_at for one in found), reverse=True)
    assert decided_lately(Margins(ledger), at + timedelta(days=3), SCOPE), (
        "it looks further back where the last hours have none"
    )
    (priced,) = [
        one
        for one in decided_lately(Margins(ledger), datetime(2026, 3, 1, 11, tzinfo=UTC), SCOPE)
        if one.customer == "acme"
    ]
    assert (priced.saved, priced.model_served) == (usd("0.25"), "small")
    assert decided_lately(Margins(ledger), datetime(2026, 3, 1, tzinfo=UTC), SCOPE) == []
