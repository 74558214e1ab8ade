"""Finding calls, and one call's page: filters stand in the address, what is unknown is unknown, and a look at content is kept."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.events import Attempt, CostLine, Touch
from floorline.ledger.content import Content, ContentStore, Subject
from floorline.margin.policy import Policies
from floorline.money import usd
from floorline.web.blocks import Facts, Note, Spans
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages import call as call_page
from floorline.web.pages.call import CallParams, Look, look
from floorline.web.pages.calls import BASES, CallsParams, build, instant_of, names_of
from floorline.web.params import address, read_params
from floorline.web.view import Deed
from floorline.web.who import Who
from tests.margin.company import alias, call, keep
from tests.support.ledger import Opener

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
AT = NOW - timedelta(hours=3)


def id_of(number: int) -> str:
    return f"{int(AT.timestamp() * 1000):012x}{number:020x}"


names = st.text(max_size=12)
days = st.none() | st.dates(date(2024, 1, 1), date(2026, 12, 31))
instants = st.none() | st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone


@settings(max_examples=25)
@given(
    st.fixed_dictionaries({
        "from_": days, "to": days, "since": instants, "until": instants,
        **dict.fromkeys(("id", "customer", "user", "feature", "plan", "workflow", "step", "run", "key", "model", "guardrail", "ending"), names),
        "basis": st.sampled_from(("", *BASES)), "status": st.none() | st.integers(100, 599), "streamed": st.sampled_from((None, True, False)),
        "cost_min": st.none() | st.decimals(0, 100, places=6), "unattributed": st.booleans(), "after": names, "rows": st.integers(1, 10_000),
        "environment": st.sampled_from(("production", "all", "a b&c=d")),
    })
)  # fmt: skip
def test_an_address_holds_every_filter(chosen):
    asked = CallsParams(**chosen)
    assert read_params(CallsParams, urlsplit(address("/calls", asked)).query, {}) == asked


def record(number, customer="other", **changes):
    made = call(AT.isoformat(), customer, "assistant", "0.002", model="gpt-4o-mini")
    return msgspec.structs.replace(
        made, **{"id": id_of(number), "model_requested": "gpt-4o", "provider": "openai", **changes}
    )


@pytest.fixture(scope="module")
def desk(databases, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls")
    opener = Opener(databases, folder)

    def content():
        return ContentStore(folder / "content", b"s" * 32, bytes, writer="g1")

    yield Desk(ledger=opener(), policies=Policies(), now=lambda: NOW, content=content)
    opener.finish()


def found(desk, query=""):
    return build(desk, read_params(CallsParams, query, {}))


def test_a_customer_is_found_under_every_name_and_older_calls_on_the_next_page(desk):
    others = [
        call((AT - timedelta(days=n)).isoformat(), name, "assistant", None)
        for n, name in enumerate(("acme", "cus_1", "another"), 1)
    ]
    keep(desk.ledger, [record(1, "acme"), *others, alias("customer", "cus_1", "acme")])
    first = found(desk, "customer=acme&rows=2")
    assert [row["customer"] for row in first.table("calls").rows] == ["acme", "acme"]
    assert [row["cost"] for row in first.table("calls").rows] == [usd("0.002"), None]
    assert first.lead == "2 calls and more, 1 of unknown cost."
    second = found(desk, urlsplit(first.table("calls").more).query)
    assert [row["customer"] for row in second.table("calls").rows] == ["cus_1"]
    assert second.table("calls").more == ""


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("after=nonsense", "is no cursor"),
        ("since=2026-03-01T00:00:00Z&until=2026-02-01T00:00:00Z", "holds nothing"),
        ("since=0001-01-01T00:00:00", "is not a day of the years"),
        ("after=9999-12-31T23:59:59.999999Z~~", "is no cursor"),
        ("cost_min=-1", "write an amount"),
        ("cost_min=NaN", "write an amount"),
        ("basis=guess", "Invalid enum value"),
        ("status=99", "status"),
    ],
)
def test_what_cannot_be_searched_for_is_refused_with_what_to_write(desk, query, said):
    with pytest.raises(Refused, match=said):
        found(desk, query)


def test_an_instant_without_a_zone_is_of_the_companys_timezone():
    berlin = ZoneInfo("Europe/Berlin")
    assert instant_of(datetime(2026, 3, 2, 10), berlin) == AT  # noqa: DTZ001 - as somebody types it
    assert instant_of(AT, berlin) == AT


def test_every_name_of_a_feature_is_known_through_chains_and_loops():
    aliases = [
        alias("feature", "b", "a"),
        alias("feature", "c", "b"),
        alias("feature", "a", "c"),
        alias("plan", "d", "a"),
    ]
    assert set(names_of(aliases, "feature", "a")) == {"a", "b", "c"}
    assert names_of(aliases, "feature", "") == ()


def page(desk, id_):
    return call_page.build(desk, CallParams(id=id_))


def test_one_call_says_why_when_and_what_each_line_of_its_cost_is(desk):
    lines = tuple(
        CostLine(component="inference", unit=unit, quantity=Decimal(quantity), per=1_000_000, unit_price=usd(price), list=amount, contracted=amount, effective=amount, price_version="70b632b9658c3f7c")
        for unit, quantity, price, amount in (("input", 400, "2.5", usd("0.001")), ("output", 100, "10", usd("0.001")))
    )  # fmt: skip
    attempts = (
        Attempt(provider="openai", model="gpt-4o", status=529, duration_us=300_000, ending="upstream_error"),
        Attempt(provider="openai", model="gpt-4o-mini", started_us=500_000, duration_us=1_000_000),
    )
    touch = Touch(guardrail="margin_rule", mode="enforce", arm="treated", action="downgrade", saved=usd("0.018"))
    keep(desk.ledger, [record(
        2,
        lines=lines, attempts=attempts, touches=(touch,), usage={"input": Decimal(400), "output": Decimal(100)},
        duration_us=1_500_000, first_token_us=900_000, key_id="k-1", counterfactual_cost=usd("0.02"),
    )])  # fmt: skip
    shown = page(desk, id_of(2))
    rows = shown.table("lines").rows
    for row in rows[:-1]:
        assert row["effective"] == row["quantity"] * row["unit_price"] / row["per"]
    assert rows[-1]["effective"] == sum(row["effective"] for row in rows[:-1]) == shown.blocks[0].cards[0].value
    (spans,) = [block for block in shown.blocks if isinstance(block, Spans)]
    assert [(one.start, one.end, one.state, dict(one.marks)) for one in spans.spans] == [
        (0, 300, "wrong", {}),
        (500, 1_500, "ok", {"first byte": 900}),
    ]
    assert shown.table("touches").rows[0]["saved"] == usd("0.018")
    (facts,) = [block for block in shown.blocks if isinstance(block, Facts)]
    assert {card.name: card.value for card in facts.facts}["key"] == "k-1"


def test_an_unpriced_call_costs_what_nobody_knows(desk):
    keep(
        desk.ledger,
        [record(3, effective_cost=None, cost_basis="unpriced", unpriced_reason="no price is known for x/y")],
    )
    shown = page(desk, id_of(3))
    assert shown.blocks[0].cards[0].value is None
    assert shown.about.notes == ["What it cost is unknown: no price is known for x/y."]
    assert "unknown, not 0" in shown.table("lines").empty


def test_a_call_that_is_not_there_is_not_found(desk):
    for nobody in ("r-1", "f" * 32, "\x00'; --"):
        with pytest.raises(Refused, match="does not know the call"):
            page(desk, nobody)
    for days in ("from=1970-01-01&to=1970-01-02", "from=2900-01-01&to=2901-01-01"):
        assert found(desk, days).table("calls").rows == []
    assert found(desk, "customer=%00%27%5C&model=%F0%9F%8C%8A").table("calls").rows == []


def test_what_was_said_is_shown_where_it_was_captured_and_nowhere_else(desk):
    keep(desk.ledger, [record(4), record(5)])
    store = desk.content()
    store.put(
        Content(call_id=id_of(4), at=NOW, feature="assistant", request=b"hello \x1b[31m", answer=b"hi"),
        Subject("acme", ""),
        30,
    )
    store.close()
    assert [block.name for block in page(desk, id_of(4)).blocks[-2:]] == ["content", "look"]
    (note,) = [block for block in page(desk, id_of(5)).blocks if isinstance(block, Note) and block.name == "content"]
    assert note.text == "What was said in it is not captured, or is kept no more."
    deed = Deed(who=Who(name="ann", role="editor"), names={"id": id_of(4)})
    done = look(desk, deed, Look(reason="a complaint"))
    assert (done.subject, done.detail) == (id_of(4), "a complaint")
    assert done.document["request"] == "hello \ufffd[31m"
    with pytest.raises(Refused, match="nothing is kept"):
        look(desk, Deed(who=deed.who, names={"id": id_of(5)}), Look(reason="a complaint"))
