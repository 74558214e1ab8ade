"""Two verbs. Recompute keeps the price version stamped on a call, re-rate looks the price up anew; both show the
difference first, apply it as adjustments, and can be undone.

Other systems have one "recalculate" button: maxx pull request 575 priced history at today's price and had to be taught to use the
price row stamped on the request, while users of Langfuse (issue 12184) ask for a deliberate re-rate when the price was
wrong. Both are right, so the verbs are two.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest

from floorline.errors import BadInput, Mismatch
from floorline.events import Usage
from floorline.ingest.calls import Pricer, to_call
from floorline.ingest.usage import usage_event
from floorline.jobs.rerating import APPLIED, APPLYING, UNDONE, Selection, batch_sums, undo
from floorline.money import usd
from floorline.pricing.book import PriceBook, PriceOverride, Rate
from floorline.pricing.cost import price
from floorline.query import Query
from tests.rerating.company import (
    DAY_ONE,
    DEARER_GPT,
    END,
    FORTNIGHT,
    GPT,
    GPT_DEARER,
    HOUSE,
    HOUSE_PRICED,
    NOW,
    START,
    Died,
    Dying,
    apply,
    event,
    import_usage,
    margins,
    recompute,
    rerate,
    rollups,
)
from tests.support.ledger import entry


@dataclass(frozen=True, kw_only=True)
class Delta:
    change: Decimal
    version: str


@dataclass(frozen=True, kw_only=True)
class First:
    calls: int
    day: date


@dataclass(frozen=True, kw_only=True)
class Why:
    batch: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Basis:
    id: str
    basis: str


def test_a_model_unpriced_on_day_one_is_put_right_and_taken_back_to_the_last_digit(open_ledger, tmp_path):
    """Import without a price → add it → re-rate shows it → apply: everything is as if the price had been known → undo."""
    ledger, knew = open_ledger("day_one"), open_ledger("knew")
    import_usage(ledger, DAY_ONE, tmp_path)
    import_usage(knew, HOUSE_PRICED, tmp_path)
    before, right = (rollups(ledger), margins(ledger)), (rollups(knew), margins(knew))
    assert before != right

    rerating = rerate(ledger, HOUSE_PRICED)
    diff = rerating.preview()
    assert (diff.total.calls, diff.total.put_right, diff.examined) == (20, 20, 58)
    assert {(key[1], key[2]) for key in diff.models} == {("house", "")}
    assert rollups(ledger) == before[0], "a preview changes nothing"

    assert rerating.apply(diff) == 20
    assert (rollups(ledger), margins(ledger)) == right
    assert diff.total.after == batch_sums(ledger, diff.batch).change
    assert ledger.verify() == []

    undone = undo(ledger, diff.batch, NOW)
    assert (undone.calls, undone.change) == (20, -diff.total.change)
    assert (rollups(ledger), margins(ledger)) == before
    assert ledger.verify() == []


def test_a_corrected_price_reaches_retries_estimates_and_orchestration_too(open_ledger, tmp_path):
    ledger, knew = open_ledger("wrong"), open_ledger("knew")
    import_usage(ledger, DAY_ONE, tmp_path)
    import_usage(knew, GPT_DEARER, tmp_path)
    diff = apply(rerate(ledger, GPT_DEARER))
    assert diff.total.calls == 31
    assert diff.total.put_right == 0
    assert rollups(ledger) == rollups(knew)


def test_recompute_of_untouched_calls_changes_nothing(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    diff = recompute(ledger).preview()
    assert (diff.batch, diff.total.calls, diff.examined) == ("", 0, 58)
    assert recompute(ledger).apply(diff) == 0
    assert ledger.state.batches() == []


def test_recompute_of_re_rated_calls_keeps_the_new_version(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    apply(rerate(ledger, GPT_DEARER))
    diff = recompute(ledger).preview()
    assert diff.total.calls == 0
    assert diff.kept["retried"] == 6


def test_recompute_puts_wrong_arithmetic_right_at_the_stamped_price_whatever_the_book_says_now(ledger, tmp_path):
    """maxx pull request 575: a recalculation must use the price row stamped on the request, not today's price."""
    import_usage(ledger, DAY_ONE, tmp_path, [event(1)])
    recorded, _ = usage_event(event(1, request_id="other"))
    good = to_call(recorded, Pricer(book=DAY_ONE))
    booked = msgspec.structs.replace(good, effective_cost=good.effective_cost * 3, contracted_cost=None)
    ledger.write([entry(booked)])
    diff = apply(recompute(ledger))
    assert (diff.total.calls, diff.total.before, diff.total.after) == (1, booked.effective_cost, good.effective_cost)
    assert [key[2:] for key in diff.models] == [(good.price_version, good.price_version)]
    (adjustment,) = ledger.query(Query(sql="SELECT effective_delta, new_price_version FROM adjustments", row=Delta))
    assert adjustment == Delta(change=-2 * good.effective_cost, version=good.price_version)
    assert recompute(ledger).preview().total.calls == 0


def test_re_rate_takes_the_price_of_the_book(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path, [event(1)])
    apply(rerate(ledger, GPT_DEARER))
    (adjustment,) = ledger.query(Query(sql="SELECT effective_delta, new_price_version FROM adjustments", row=Delta))
    used = Usage(buckets={"input": 1027, "cache_read": 10, "output": 11})
    old, new = (price(used, book.resolve("openai", "gpt-4o", NOW)) for book in (DAY_ONE, GPT_DEARER))
    assert adjustment == Delta(change=new.effective_cost - old.effective_cost, version=new.price_version)


def test_applying_twice_is_applying_once(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    rerating = rerate(ledger, HOUSE_PRICED)
    diff = rerating.preview()
    assert rerating.apply(diff) == 20
    after = rollups(ledger)
    assert rerating.apply(diff) == 0
    assert rerate(ledger, HOUSE_PRICED).preview().batch == ""
    assert rollups(ledger) == after


def test_undoing_twice_is_refused(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    diff = apply(rerate(ledger, HOUSE_PRICED))
    undo(ledger, diff.batch, NOW)
    with pytest.raises(Mismatch, match=f"batch {diff.batch} is undone already") as refused:
        undo(ledger, diff.batch, NOW)
    assert refused.value.exit_code == 1


def test_an_unknown_batch_and_an_undo_cannot_be_undone(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    undone = undo(ledger, apply(rerate(ledger, HOUSE_PRICED)).batch, NOW)
    for name in ("nothing", undone.undo):
        with pytest.raises(BadInput, match=f"there is no batch '{name}' to undo"):
            undo(ledger, name, NOW)


def test_after_an_undo_the_same_can_be_applied_again(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    first = apply(rerate(ledger, HOUSE_PRICED))
    after = rollups(ledger)
    undo(ledger, first.batch, NOW)
    second = apply(rerate(ledger, HOUSE_PRICED))
    assert second.batch != first.batch
    assert rollups(ledger) == after


def test_batches_that_overlap_are_undone_newest_first(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    original = rollups(ledger)
    first = apply(rerate(ledger, GPT_DEARER))
    between = rollups(ledger)
    second = apply(rerate(ledger, HOUSE_PRICED))
    with pytest.raises(Mismatch, match=f"changed 31 calls of batch {first.batch} after it: undo {second.batch} first"):
        undo(ledger, first.batch, NOW)
    undo(ledger, second.batch, NOW)
    assert rollups(ledger) == between
    undo(ledger, first.batch, NOW)
    assert rollups(ledger) == original


@pytest.mark.parametrize("writes", [1, 3])
def test_an_apply_cut_off_after_the_spool_write_is_finished_by_applying_again(open_ledger, tmp_path, writes):
    ledger, knew = open_ledger("cut"), open_ledger("knew")
    import_usage(ledger, DAY_ONE, tmp_path)
    import_usage(knew, HOUSE_PRICED, tmp_path)
    before = rollups(ledger)
    cut = rerate(Dying(ledger=ledger, writes=writes), HOUSE_PRICED, page_rows=8)
    diff = cut.preview()
    with pytest.raises(Died):
        cut.apply(diff)
    (batch,) = ledger.state.batches()
    assert (batch.id, batch.status) == (diff.batch, APPLYING)

    rest = rerate(ledger, HOUSE_PRICED, page_rows=8, now=NOW + timedelta(days=1))
    left = rest.preview()
    assert left.total.calls == max(0, 20 - 8 * writes)
    if left.batch:
        assert left.batch == diff.batch, "what is left joins the batch that was cut off"
        rest.apply(left)
        assert [one.status for one in ledger.state.batches()] == [APPLIED]
    assert rollups(ledger) == rollups(knew)
    undo(ledger, diff.batch, NOW)
    assert rollups(ledger) == before


def test_an_undo_cut_off_is_finished_by_undoing_again(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    before = rollups(ledger)
    diff = apply(rerate(ledger, HOUSE_PRICED))
    with pytest.raises(Died):
        undo(Dying(ledger=ledger, writes=1), diff.batch, NOW, page_rows=8)
    assert undo(ledger, diff.batch, NOW + timedelta(days=1), page_rows=8).calls == 20
    assert rollups(ledger) == before
    assert [one.status for one in ledger.state.batches()] == [UNDONE, APPLIED]


def test_pages_of_any_size_make_the_same_batch(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    diffs = [rerate(ledger, HOUSE_PRICED, page_rows=rows).preview() for rows in (7, 1000)]
    assert all(diff == diffs[0] for diff in diffs)


def test_calls_at_one_instant_are_paged_by_their_identity(ledger, tmp_path):
    events = [
        event(n, timestamp="2026-03-05T10:00:00Z", provider="own", model="house", cache_read_tokens=0) for n in range(9)
    ]
    import_usage(ledger, DAY_ONE, tmp_path, events)
    assert rerate(ledger, HOUSE_PRICED, page_rows=2).preview().total.calls == 9


def test_only_the_calls_that_are_meant_change(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    both = PriceBook(overrides=[DEARER_GPT, HOUSE])

    def touched(**chosen: object) -> int:
        return rerate(ledger, both, replace(FORTNIGHT, **chosen)).preview().total.calls

    assert touched() == 51
    assert touched(model="house") == 20
    assert touched(provider="openai") == 31
    assert touched(feature="chat") + touched(feature="search") < 51
    assert touched(end=date(2026, 3, 8)) + touched(start=date(2026, 3, 8)) == 51
    assert touched(model="nobody") == 0


def test_days_are_those_of_the_ledger(open_ledger, tmp_path):
    ledger = open_ledger("tokyo", timezone="Asia/Tokyo")
    late = event(1, timestamp="2026-03-05T15:30:00Z", provider="own", model="house", cache_read_tokens=0)
    import_usage(ledger, DAY_ONE, tmp_path, [late])
    fifth, sixth = (Selection(start=date(2026, 3, day), end=date(2026, 3, day + 1)) for day in (5, 6))
    assert rerate(ledger, HOUSE_PRICED, fifth).preview().examined == 0
    assert rerate(ledger, HOUSE_PRICED, sixth).preview().examined == 1


def test_what_stays_as_it_is_is_counted_by_reason(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    diff = rerate(ledger, HOUSE_PRICED).preview()
    assert dict(diff.kept) == {"not_forwarded": 3, "stated": 1, "no_usage": 2, "unpriced": 1}
    assert "own/never-priced" in diff.details["unpriced", "never-priced"]


def test_a_price_that_is_gone_from_the_book_takes_no_cost_away(ledger, tmp_path):
    import_usage(ledger, HOUSE_PRICED, tmp_path)
    diff = rerate(ledger, DAY_ONE).preview()
    assert diff.total.calls == 0
    assert diff.kept["price_gone"] == 20


def test_a_price_holds_from_its_day_on(ledger, tmp_path):
    """The price is looked up as of the call's time: one that begins in the middle leaves what was before it."""
    import_usage(ledger, HOUSE_PRICED, tmp_path)
    late = PriceOverride(
        provider="own",
        model="house",
        valid_from=date(2026, 3, 8),
        rates={"input": Rate(price=Decimal(9)), "output": Rate(price=Decimal(9))},
    )
    diff = apply(rerate(ledger, PriceBook(overrides=[GPT, HOUSE, late])))
    (first,) = ledger.query(Query(sql="SELECT count(), min(toDate(opened_at)) FROM adjustments", row=First))
    assert first.day == date(2026, 3, 8)
    assert 0 < first.calls == diff.total.calls < 20


def test_a_cost_beyond_what_a_row_holds_is_left_alone(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    per_token = {"input": Rate(price=Decimal(8_000_000), per=1), "output": Rate(price=Decimal(8_000_000), per=1)}
    absurd = PriceOverride(provider="own", model="house", rates=per_token)
    diff = rerate(ledger, PriceBook(overrides=[GPT, absurd])).preview()
    assert diff.kept["too_dear"] == 20


def test_a_provider_that_is_trusted_now_states_the_cost(open_ledger, tmp_path):
    ledger = open_ledger("trust")
    stated = event(1, provider="own", model="house", cache_read_tokens=0, cost_usd="0.0005")
    import_usage(ledger, HOUSE_PRICED, tmp_path, [stated])
    rerating = rerate(ledger, HOUSE_PRICED)
    trusting = replace(rerating, prices=replace(rerating.prices, trusted_cost_providers=frozenset({"own"})))
    diff = apply(trusting)
    assert diff.total.after == usd("0.0005")
    assert rerate(ledger, HOUSE_PRICED).preview().kept == {"stated": 1}


def test_calls_put_right_with_attempts_of_unknown_usage_are_said(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path, [event(1, provider="own", model="house", cache_read_tokens=0, retries=2)])
    assert rerate(ledger, HOUSE_PRICED).preview().unknown_attempts == 1


def test_a_lost_price_version_is_said_and_re_rating_still_works(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path, [event(1)])
    forgetful = recompute(ledger)
    forgetful = replace(forgetful, prices=replace(forgetful.prices, versions={}))
    diff = forgetful.preview()
    assert diff.kept == {"version_lost": 1}
    assert diff.details["version_lost", "gpt-4o"] == DAY_ONE.resolve("openai", "gpt-4o", NOW).id


def test_a_window_that_ends_before_it_begins_is_refused():
    with pytest.raises(BadInput, match="--to 2026-03-01 is not after --from 2026-03-15"):
        Selection(start=END, end=START)


def test_the_reason_and_the_batch_are_on_every_adjustment(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    diff = apply(rerate(ledger, HOUSE_PRICED, reason="price list of March was late"))
    rows = ledger.query(Query(sql="SELECT DISTINCT batch, reason FROM adjustments", row=Why))
    assert rows == [Why(batch=diff.batch, reason="price list of March was late")]


def test_a_clock_that_went_back_does_not_reorder_batches(ledger, tmp_path):
    import_usage(ledger, DAY_ONE, tmp_path)
    first = apply(rerate(ledger, GPT_DEARER))
    second = apply(rerate(ledger, DAY_ONE, now=NOW - timedelta(days=400)))
    at = {batch.id: batch.created_at for batch in ledger.state.batches()}
    assert at[first.batch] < at[second.batch]
    assert rerate(ledger, DAY_ONE).preview().total.calls == 0


@pytest.mark.parametrize("tier", ["batch", "flex"])
def test_an_estimate_for_want_of_a_tier_s_price_ends_when_the_price_is_stated(ledger, tmp_path, tier):
    """Batch and flex calls of March are estimated at the standard price; their own price, added later, is theirs alone."""
    when = {"processing": "batch"} if tier == "batch" else {"service_tier": tier}
    half = PriceOverride(
        provider="openai",
        model="gpt-5",
        rates={"input": Rate(price=Decimal("0.625")), "output": Rate(price=Decimal(5))},
        when=when,
    )
    some = {"model": "gpt-5", "cache_read_tokens": 0}
    events = [event(1, **some, service_tier=tier), event(2, **some)]
    import_usage(ledger, PriceBook(), tmp_path, events)
    calls = Query(sql="SELECT id, toString(cost_basis) FROM calls ORDER BY id", row=Basis)
    assert ledger.query(calls) == [Basis(id="r1", basis="estimated"), Basis(id="r2", basis="computed")]

    diff = apply(rerate(ledger, PriceBook(overrides=[half])))
    assert diff.total.calls == 1
    assert diff.total.after * 2 == diff.total.before
    changed = Query(sql="SELECT call_id, toString(new_basis) FROM adjustments", row=Basis)
    assert ledger.query(changed) == [Basis(id="r1", basis="computed")]
