"""The odd ledger is shared by all that read it; a state is each test's own."""

import shutil

import pytest

from floorline.ledger.state import State
from tests.support.odd import odd, odd_ledger

__all__ = ["odd", "odd_ledger"]


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
