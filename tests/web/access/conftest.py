"""One state, the records in it, and passwords that cost little to try."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from floorline.ledger.state import State
from floorline.web.access.entrance import Came, Entrance
from floorline.web.access.passwords import Parameters, Passwords
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.access.throttle import Throttle

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CHEAP = Parameters(passes=1, memory_kib=8, lanes=1)
POLICY = WebPolicy(idle=timedelta(hours=1), lifetime=timedelta(hours=8))


@pytest.fixture(scope="session")
def new_state(tmp_path_factory):
    """A state in which nothing is yet, on disk: to make one takes longer than to copy it."""
    folder = tmp_path_factory.mktemp("state")
    State.open(folder).close()
    return folder / "state.sqlite"


@pytest.fixture
def state(tmp_path, new_state):
    shutil.copy(new_state, tmp_path)
    opened = State.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def records(state) -> Records:
    return Records.of(state, POLICY)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


@pytest.fixture
def entrance(records, passwords) -> Entrance:
    return Entrance(records, passwords, Throttle())


def came(at: datetime = NOW, address: str = "203.0.113.7", agent: str = "Firefox") -> Came:
    return Came(address=address, agent=agent, now=at)
