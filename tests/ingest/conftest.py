"""The ledger of the import's tests: one for all of them, each under a source of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from floorline.ledger.driver import embedded
from floorline.ledger.ledger import Ledger


@pytest.fixture(scope="module")
def ledger(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Shared by the module: opening one takes seconds. Tests tell their rows apart by source."""
    home = tmp_path_factory.mktemp("home")
    connect = embedded(engine, "import_tests")
    with Ledger.open(home, connect=connect, wait_s=0, durability="process", segment_bytes=1 << 20) as opened:
        yield opened
