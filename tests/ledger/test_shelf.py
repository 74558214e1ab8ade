from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
import pytest

from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited, State

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    count: int = 0
    by: dict[str, int] = {}


@pytest.fixture
def state(tmp_path):
    opened = State.open(tmp_path)
    yield opened
    opened.close()


def test_a_document_is_kept_changed_and_removed(state):
    notes = Shelf(state, "note", Note)
    assert notes.get("a") is None
    notes.put("a", Note(text="one"), now=NOW)
    notes.put("b", Note(text="two"), now=NOW)
    Shelf(state, "other", Note).put("a", Note(text="of another kind"), now=NOW)
    assert notes.change("a", lambda note: msgspec.structs.replace(note, count=1), now=NOW) == Note(text="one", count=1)
    assert notes.all() == {"a": Note(text="one", count=1), "b": Note(text="two")}
    assert notes.change("b", lambda _: None, now=NOW) is None
    assert list(notes.all()) == ["a"]


def test_of_two_who_change_a_document_at_once_neither_is_lost(tmp_path):
    def count(_):
        own = State.open(tmp_path)
        notes = Shelf(own, "note", Note)
        for _ in range(10):
            notes.change("a", lambda note: Note(text="", count=(note.count if note else 0) + 1), now=NOW)
        own.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    state = State.open(tmp_path)
    assert Shelf(state, "note", Note).get("a") == Note(text="", count=40)
    state.close()


def test_an_erased_name_leaves_the_documents_too(state):
    notes = Shelf(state, "note", Note)
    notes.put("customer/acme", Note(text="acme costs more than it pays", by={"acme": 1, "acmeology": 2}), now=NOW)
    entry = Audited(at=NOW, actor="me", action="erase", subject="x1")
    state.erased({"acme": "x1"}, entry, setting="erasing", value="")
    assert notes.all() == {"customer/x1": Note(text="x1 costs more than it pays", by={"x1": 1, "acmeology": 2})}
