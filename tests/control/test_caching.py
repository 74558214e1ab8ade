"""What people ask about the exact cache, of the ledger; and the commands."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner

from floorline.cli import floorline
from floorline.errors import BadInput
from floorline.events import Touch
from floorline.jobs.caching import BadAnswer, bad_answers, source_of, use
from floorline.money import ZERO
from tests.support.ledger import entry
from tests.support.records import call

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAVED = Decimal("0.25")


def call_id(number: int) -> str:
    return f"{int(NOW.timestamp() * 1_000):012x}{number:020x}"


def cached(number: int, cache: str, **changes: object):
    """A call of March 1st that looked into the cache."""
    fields = {"id": call_id(number), "opened_at": NOW, "feature": "assistant", "cache": cache}
    return entry(call(number, **{**fields, **changes}))


def hit(number: int, avoided: Decimal | None, **changes: object):
    free = {"lines": (), "cost_basis": "computed", "list_cost": ZERO, "contracted_cost": ZERO, "effective_cost": ZERO}
    said = {"verdict": "hit", "counterfactual_cost": avoided, "metadata": {"cached_call": call_id(1)}}
    return cached(number, "exact", **free, **said, **changes)


@pytest.fixture
def filled(ledger):
    would = Touch(guardrail="cache", mode="shadow", arm="shadow", action="hit", saved=SAVED)
    ledger.write([
        cached(1, "miss"), cached(2, "miss"), hit(3, SAVED), hit(4, SAVED), hit(5, None), cached(6, "bypass"),
        cached(7, "shadow", feature="search"), cached(8, "shadow", feature="search", touches=(would,)),
        cached(9, "off"), cached(10, ""), hit(11, SAVED, opened_at=datetime(2026, 2, 1, tzinfo=UTC)),
    ])  # fmt: skip
    ledger.flush()
    return ledger


def test_the_use_of_a_cache_is_counted_by_feature_and_what_nobody_can_value_apart(filled):
    bad = BadAnswer(call_id=call_id(3), source=call_id(1), feature="assistant", reason="old", actor="ada", at=NOW)
    bad_answers(filled.state).put(bad.call_id, bad, now=NOW)
    assistant, search = use(filled, date(2026, 3, 1), date(2026, 3, 2))
    assert (assistant.feature, assistant.hits, assistant.misses, assistant.bypassed) == ("assistant", 3, 2, 1)
    assert (assistant.avoided, assistant.unvalued, assistant.hit_ratio) == (2 * SAVED, 1, Decimal("0.6"))
    assert (assistant.reported, search.reported) == (1, 0)
    assert (search.hits, search.shadow, search.shadow_hits, search.hit_ratio) == (0, 2, 1, None)

    assert source_of(filled, call_id(3)).cached_call == call_id(1)
    assert source_of(filled, call_id(1)).cached_call == ""
    assert source_of(filled, call_id(77)) is None
    for what in ("", "call-1", call_id(1).upper().replace("0", "G")):
        with pytest.raises(BadInput, match="is no call of a gateway"):
            source_of(filled, what)


@pytest.mark.parametrize("words", [(), ("--all", "--feature", "f"), ("--call", "x", "--customer", "c")])
def test_a_purge_is_of_one_thing(words):
    got = CliRunner().invoke(floorline, ["cache", "purge", *words])
    assert got.exit_code == 2
    assert "say which answers" in got.output
