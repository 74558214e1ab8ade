"""The table of quantiles that stands in for the profiles."""

import random
import sys
from pathlib import Path

import pytest

from floorline.sandbox.servegen import sample
from floorline.sandbox.table import mean_requests, quantile, read_table, table_clients
from tests.support.data import shared_data

TOOLS = str(Path(__file__).resolve().parents[2] / "tools")


def test_the_table_names_its_source_and_licence() -> None:
    table = read_table()
    assert "ServeGen" in table.source
    assert table.licence == "Apache-2.0"
    assert {pool.pool: pool.clients for pool in table.pools} == {
        "language/m-large": 147,
        "language/m-small": 38,
        "reason/deepseek-r1": 73,
    }
    assert all(sum(pool.hours) == pytest.approx(1, abs=1e-4) for pool in table.pools)


def test_a_quantile_is_exact_at_a_point_and_between_its_neighbours_elsewhere() -> None:
    points, values = (0.0, 0.5, 1.0), (10.0, 100.0, 1_000.0)
    assert [quantile(points, values, chance) for chance in points] == pytest.approx(list(values))
    assert 10 < quantile(points, values, 0.25) < 100 < quantile(points, values, 0.75) < 1_000


def test_clients_of_the_table_have_its_volumes_and_lengths() -> None:
    table = read_table()
    clients = table_clients(table, "language/m-large", 400, random.Random(1))
    volumes = [client.profile.requests for client in clients]
    assert volumes == sorted(volumes)
    assert sum(volumes) / len(volumes) == pytest.approx(mean_requests(table, "language/m-large"), rel=0.05)
    assert volumes[200] == pytest.approx(127_600, rel=0.1)
    calls = list(sample(clients[390], random.Random(2), scale=0.0001, days=14))
    assert len(calls) == pytest.approx(clients[390].profile.requests * 0.0001, rel=0.15)
    assert all(1 <= call.input_tokens <= 30_710 and call.reasoning_tokens == 0 for call in calls)
    (reasoner,) = table_clients(table, "reason/deepseek-r1", 1, random.Random(1))
    assert any(call.reasoning_tokens for call in sample(reasoner, random.Random(2), scale=0.01, days=14))


@pytest.mark.prove
def test_the_table_is_what_the_tool_derives_from_the_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared_data("servegen_dev.tgz")
    monkeypatch.syspath_prepend(TOOLS)
    import quantiles

    try:
        assert quantiles.derive(path) == read_table()
    finally:
        del sys.modules["quantiles"]
