"""The records in a state, and passwords that cost little to try."""

from datetime import UTC, datetime, timedelta

import pytest

from floorline.web.access.entrance import Came, Entrance
from floorline.web.access.passwords import Parameters, Passwords
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.access.throttle import Throttle

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CHEAP = Parameters(passes=1, memory_kib=8, lanes=1)
POLICY = WebPolicy(idle=timedelta(hours=1), lifetime=timedelta(hours=8))


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
