"""What docs/delivery.md shows, works."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

from floorline.config import parse
from floorline.delivery.outbox import drain, enqueue
from floorline.delivery.route import Route
from floorline.delivery.signature import signed
from floorline.jobs.delivering import delivery_figures
from floorline.ledger.state import State
from tests.delivery.messages import NOW, alert
from tests.delivery.test_outbox import Receiver, middle
from tests.delivery.test_signature import NEW, OLD

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "delivery.md").read_text()


def test_every_route_of_the_page_is_in_order():
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        names = re.findall(r"\$\{(\w+)\}", block)
        environment = {name: NEW if name == "WEBHOOK_SECRET" else "https://hooks.example.com/x" for name in names}
        parsed = parse(block.encode(), Path("floorline.yaml"), environment)
        assert (parsed.problems, parsed.warnings) == ((), ()), block


def test_the_receivers_code_of_the_page_knows_what_is_genuine():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict = {}
    exec(code, names)
    headers = signed("msg_1", datetime.now(UTC), b"{}", [NEW, OLD])
    assert names["is_genuine"](headers, b"{}", OLD)
    assert names["is_genuine"](headers, b"{}", NEW)
    assert not names["is_genuine"](headers, b"[]", NEW)
    old = signed("msg_1", datetime.fromtimestamp(time.time() - 301, UTC), b"{}", [NEW])
    assert not names["is_genuine"](old, b"{}", NEW)


def test_the_figures_of_the_routes_are_those_of_the_outbox(tmp_path):
    state = State.open(tmp_path)
    route = Route(name='a "b"', channel=Receiver())
    enqueue(state, alert(), [route], now=NOW)
    drain(state, [route], NOW, randbelow=middle)
    enqueue(state, alert(id="2"), [route], now=NOW)
    text = "".join(delivery_figures(state, NOW.replace(minute=1)))
    state.close()
    assert 'floorline_deliveries_total{route="a \\"b\\"",outcome="taken"} 1\n' in text
    assert 'floorline_deliveries_waiting{route="a \\"b\\""} 1\n' in text
    assert 'floorline_delivery_oldest_seconds{route="a \\"b\\""} 60\n' in text


def test_the_page_is_linked_from_the_readme():
    assert "(docs/delivery.md)" in (DOCS.parent / "README.md").read_text()
