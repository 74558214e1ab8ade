"""Ledgers over every kind of store: chDB in the process, and the same through ClickHouse's HTTP interface."""

import os
from functools import partial

import pytest

from floorline.ledger.driver import server
from tests.support.clickhouse_http import serve
from tests.support.ledger import Databases, Opener

SERVER = os.environ.get("FLOORLINE_TEST_CLICKHOUSE_URL", "")


@pytest.fixture(scope="module", params=["chdb", "http", *(["server"] if SERVER else [])])
def each_store(request, engine, databases):
    """Databases of each kind of store."""
    if request.param == "chdb":
        yield databases
    elif request.param == "server":
        yield Databases(partial(server, SERVER), f"floorline_test_{os.getpid()}")
    else:
        with serve(engine) as running:
            yield Databases(partial(server, running.url), "over_http")


@pytest.fixture
def each_open(each_store, tmp_path):
    """`open_ledger` over each kind of store."""
    opener = Opener(each_store, tmp_path)
    yield opener
    opener.finish()
