"""The trap suite by letters alone: what needs no model and no data is tried in every run."""

from floorline.bench.semantic import traps
from floorline.embedding.lexical import Lexical


def test_no_trap_is_answered_by_letters_alone_and_the_same_in_other_words_is() -> None:
    tried = list(traps.tried(Lexical()))
    assert len(tried) > 100
    assert [one for one in tried if not one.stopped] == []
    assert any(not one.stopped for one in traps.allowed(Lexical()))
