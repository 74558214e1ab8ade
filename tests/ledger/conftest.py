"""Ledgers over every kind of store: chDB in the process, and the same through ClickHouse's HTTP interface."""

import os

import pytest

from floorline.ledger.driver import server
from tests.support.clickhouse_http import serve
from tests.support.ledger import engine, ledger, open_ledger

__all__ = ["clickhouse", "each_open", "engine", "ledger", "open_ledger"]

SERVER = os.environ.get("FLOORLINE_TEST_CLICKHOUSE_URL", "")
STORES = ["chdb", "http", *(["server"] if SERVER else [])]


@pytest.fixture(scope="session")
def clickhouse(engine):
    """ClickHouse's HTTP interface over the folder that chDB has open."""
    with serve(engine) as running:
        yield running


@pytest.fixture(params=STORES)
def each_open(request, open_ledger, tmp_path):
    """`open_ledger` over each kind of store."""
    if request.param == "chdb":
        return open_ledger
    url = SERVER if request.param == "server" else request.getfixturevalue("clickhouse").url
    database = f"floorline_test_{os.getpid()}_{abs(hash(tmp_path))}"

    def open_(name: str = "home", **options):
        return open_ledger(name, **{"connect": server(url, f"{database}_{name}"), **options})

    return open_
