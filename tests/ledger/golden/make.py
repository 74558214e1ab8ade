"""Makes the golden files of the current format: `python -m tests.ledger.golden.make`, once a format, never again for an old one.

format-1.seg   a spool segment of three payloads
store-1.tar.gz a whole FLOORLINE_HOME of calls, adjustments, revenue and outcomes: tests/ledger/test_golden.py says what is in it
"""

import sys
import tarfile
import tempfile
from pathlib import Path

from floorline.ledger.ledger import Ledger
from floorline.ledger.segment import FORMAT, Segment
from tests.support.ledger import entry
from tests.support.records import mixed

HERE = Path(__file__).parent
NUMBERS = range(1, 301)


def make_segment(path: Path) -> None:
    segment = Segment.create(path, 4096, b"golden epoch 16b")
    for payload in (b"first", b"second of the golden segment", bytes(range(256))):
        segment.append(payload)
    segment.seal()
    segment.sync()


def make_store(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with Ledger.open(home, timezone="Europe/Berlin") as ledger:
            ledger.write([entry(record) for number in NUMBERS for record in mixed(number)])
            ledger.state.set_setting("golden", "1")
        with tarfile.open(path, "w:gz") as archive:
            archive.add(home, arcname="home", filter=lambda member: None if "/log" in member.name else member)


if __name__ == "__main__":
    targets = [HERE / f"format-{FORMAT}.seg", HERE / f"store-{FORMAT}.tar.gz"]
    for target, make in zip(targets, (make_segment, make_store), strict=True):
        if target.exists():
            sys.exit(f"{target} exists: a golden file is made once")
        make(target)
