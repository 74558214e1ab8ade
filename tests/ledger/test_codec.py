from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.events import Alias, Attempt, CostLine, Customer, FxRate, Opening, Touch
from floorline.ledger import codec
from floorline.ledger.codec import Unfit, decode, encode, identity_of
from tests.support.records import START, adjustment, call, label, outcome, revenue

PRINT = bytes(16)


def columns(record) -> dict:
    frame = decode(encode(record, PRINT))
    return dict(zip(frame.table.columns(frame.version), msgspec.msgpack.decode(frame.row), strict=True))


def test_a_frame_names_its_table_its_identity_and_its_fingerprint():
    frame = decode(encode(call(1), b"fingerprint 16 b"))
    assert (frame.table.name, frame.version) == ("calls", 2)
    assert frame.identity == identity_of("test", "call-1")
    assert frame.fingerprint == b"fingerprint 16 b"
    assert frame.name() == ("test", "call-1")


def test_source_and_id_are_not_run_together_in_an_identity():
    assert identity_of("ab", "c") != identity_of("a", "bc")
    assert identity_of("a", "1:b") != identity_of("a1:", "b")


def test_money_quantities_instants_and_days_are_integers():
    row = columns(
        call(1, usage={"input": Decimal(2), "gpu_seconds": Decimal("0.5")}, effective_cost=Decimal("0.000000000001"))
    )
    assert row["usage"] == {"input": 2_000_000, "gpu_seconds": 500_000}
    assert row["effective_cost"] == 1
    assert row["opened_at"] == int((START + timedelta(hours=1, microseconds=1)).timestamp()) * 1_000_000 + 1
    assert columns(revenue(3))["period_start"] == (date(2026, 2, 1) - date(1970, 1, 1)).days
    assert columns(revenue(3))["units"] == 3_000_000


def test_an_unpriced_call_costs_null_and_not_zero():
    row = columns(call(7))
    assert [row[name] for name in ("list_cost", "contracted_cost", "effective_cost", "retry_cost")] == [
        None,
        None,
        None,
        0,
    ]


def test_tokens_are_summed_by_side_and_reasoning_is_part_of_the_output():
    usage = {
        "input": Decimal(100), "input_audio": Decimal(10), "cache_read": Decimal(30), "cache_read_audio": Decimal(3),
        "cache_write_5m": Decimal(7), "output": Decimal(20), "reasoning": Decimal(5), "web_searches": Decimal(2),
    }  # fmt: skip
    row = columns(call(1, usage=usage))
    assert (row["input_tokens"], row["cache_read_tokens"]) == (150, 33)
    assert (row["output_tokens"], row["reasoning_tokens"]) == (25, 5)


def test_the_cost_of_retries_is_that_of_their_lines():
    row = columns(call(5))
    assert row["lines.component"] == ["inference", "retries"]
    assert row["retry_cost"] == row["lines.effective"][1] > 0


def test_attempts_and_lines_become_a_column_a_field():
    attempts = (Attempt(provider="openai", model="a", status=500, duration_us=7), Attempt(provider="azure", model="b"))
    row = columns(call(1, attempts=attempts))
    assert row["attempts.provider"] == ["openai", "azure"]
    assert row["attempts.status"] == [500, 200]
    assert row["attempts.duration_us"] == [7, 0]


def test_touches_become_a_column_a_field_and_an_unknown_saving_stays_unknown():
    cache = Touch(guardrail="cache", mode="enforce", arm="treated", action="hit", saved=Decimal("0.5"))
    output = Touch(guardrail="output", mode="canary", arm="holdout", action="cap", cost=Decimal(1))
    row = columns(call(1, touches=(cache, output)))
    assert (row["touches.guardrail"], row["touches.arm"]) == (["cache", "output"], ["treated", "holdout"])
    assert (row["touches.saved"], row["touches.cost"]) == ([500_000_000_000, None], [0, 1_000_000_000_000])


def test_an_outcome_without_a_time_of_record_counts_as_recorded_when_it_happened():
    row = columns(outcome(4))
    assert row["recorded_at"] == row["at"]


def test_any_timezone_becomes_utc():
    berlin = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert columns(call(1, opened_at=berlin)) == columns(call(1, opened_at=datetime(2026, 1, 1, tzinfo=UTC)))


LINE = CostLine(component="inference", unit="input", quantity=Decimal(1), per=1, unit_price=Decimal(1),
                list=Decimal(1), contracted=Decimal(1), effective=Decimal(1), price_version="v")  # fmt: skip


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (call(1, status=70_000), r"calls\.status: Expected `int` <= 65535"),
        (call(1, duration_us=-1), r"calls\.duration_us: Expected `int` >= 0"),
        (call(1, overhead_us=2**32), r"calls\.overhead_us"),
        (call(1, plan=None), r"calls\.plan: Expected `str`, got `None`"),
        (call(1, id=""), r"calls\.id: Expected `str` of length >= 1"),
        (call(1, status="200"), r"calls\.status: Expected `int`, got `str`"),
        (call(1, effective_cost=Decimal(9_300_000)), r"calls\.effective_cost"),
        (call(1, effective_cost=Decimal("0.0000000000001")), "more than 12 places"),
        (call(1, effective_cost=Decimal("NaN")), "NaN"),
        (call(1, usage={"input": Decimal("0.5")}), "tokens are whole"),
        (call(1, usage={"gpu_seconds": Decimal("0.0000001")}), "more than 6 places"),
        (call(1, opened_at=datetime(2026, 1, 1)), "offset-naive"),  # noqa: DTZ001 - what is refused
        (call(1, opened_at=datetime(1969, 1, 1, tzinfo=UTC)), r"calls\.opened_at: Expected `int` >= 0"),
        (call(1, lines=(msgspec.structs.replace(LINE, attempt=256),)), r"calls\.lines\.attempt\[0\]"),
        (call(1, metadata={"a": 1}), r"calls\.metadata"),
        (call(1, touches=(Touch(guardrail="", mode="enforce", arm="treated", action=""),)), r"calls\.touches\.guardrail\[0\]"),
        (msgspec.structs.replace(revenue(1), period_end=date(2200, 1, 1)), r"revenue\.period_end"),
        (label(1, score=float("nan")), r"labels\.score"),
        (label(1, features=(1.0, float("inf"))), r"labels\.features\[1\]"),
        (msgspec.structs.replace(adjustment(call(1), 1, None), unpriced_delta=200), r"adjustments\.unpriced_delta"),
    ],
)  # fmt: skip
def test_what_a_column_cannot_hold_is_refused_by_its_name(record, message):
    with pytest.raises(Unfit, match=message):
        encode(record, PRINT)


@given(amount=st.decimals(min_value=-9_000_000, max_value=9_000_000, places=12))
def test_an_amount_is_exact(amount):
    assert Decimal(codec.pico(amount)).scaleb(-12) == amount


@pytest.mark.parametrize("record", [
    Customer(source="s", id="1", customer="c", valid_from=date(2026, 1, 1)),
    Alias(source="s", id="1", kind="customer", alias="a", canonical="c"),
    FxRate(source="s", id="1", currency="EUR", day=date(2026, 1, 1), usd_per_unit=Decimal("1.1")),
])  # fmt: skip
def test_small_records_have_a_row(record):
    assert columns(record)["id"] == "1"


def test_a_frame_of_a_newer_release_is_refused():
    payload = bytearray(encode(call(1), PRINT))
    payload[1] = 9
    with pytest.raises(ValueError, match="table 1 version 9 was written by a newer release"):
        decode(bytes(payload))


OPENING = Opening(id="1", source="gateway", gateway="g1", opened_at=START, deadline=START + timedelta(hours=1),
                  customer_id="c", metadata={"a": "b"}, input_tokens=7)  # fmt: skip


def test_an_opening_comes_back_whole_under_the_identity_of_its_closing():
    payload = codec.encode_opening(OPENING)
    assert codec.decode_opening(payload) == OPENING
    assert codec.number_of(payload) == codec.OPENING
    assert codec.identity_in(payload) == codec.identity_in(encode(call(1, source="gateway", id="1"), PRINT))


def test_an_opening_is_no_record_of_the_ledger_and_a_record_is_no_opening():
    with pytest.raises(ValueError, match="table 100 version 1"):
        decode(codec.encode_opening(OPENING))
    with pytest.raises(ValueError, match="not an opening"):
        codec.decode_opening(encode(call(1), PRINT))
    newer = bytearray(codec.encode_opening(OPENING))
    newer[1] = 2
    with pytest.raises(ValueError, match="not an opening of this release"):
        codec.decode_opening(bytes(newer))
