"""Labels by place, certificates found by place, and the file that gateways read."""

from datetime import UTC, datetime, timedelta

import pytest

from floorline.events import Label
from floorline.proof import labels
from floorline.proof.certificate import Certificate, Certificates, from_bytes, to_bytes
from floorline.proof.paired import Pairs
from floorline.proof.weights import Linear, Tree, Trees, probability

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


def label(name: str, minute: int = 0, **said: object) -> Label:
    return Label(
        **{"source": "gateway", "id": name, "at": NOON + timedelta(minutes=minute), "kind": "route", "feature": "support",
           "right": True, "origin": "judge", **said}
    )  # fmt: skip


def test_labels_are_taken_apart_by_what_they_are_about_in_the_order_of_their_time():
    late, early, other = label("a", 5), label("b", 1), label("c", 0, step="draft")
    found = labels.by_place([late, other, early])
    assert found[labels.Place("route", "support")] == [early, late]
    assert found[labels.Place("route", "support", "draft")] == [other]


def test_labels_of_another_epoch_do_not_count():
    old, new = label("a", epoch="prompt-1"), label("b", 1, epoch="prompt-2")
    assert labels.latest_epoch([old, new]) == "prompt-2"
    assert labels.of_epoch([old, new], "prompt-2") == (new,)


def test_pairs_are_of_labels_that_judge_both_answers():
    found = labels.pairs([label("a", other_right=True), label("b"), label("c", right=False, other_right=True)])
    assert found == Pairs(both=1, only_first=1)


def test_a_certificate_is_found_for_its_own_place_and_for_no_other():
    drafts = Certificate(kind="route", feature="support", step="draft", subject="small", state="certified", since=NOON)
    held = Certificates(as_of=NOON, every=(drafts,))
    assert held.find("route", "support", "draft", "small") is drafts
    assert held.find("route", "support", "", "small") is None
    assert held.find("route", "support", "draft", "smaller") is None
    assert held.of("route", "support", "draft") == (drafts,)
    assert drafts.acts


def test_the_file_comes_back_as_it_was_written_with_what_was_learned():
    learned = Trees(base=-0.5, trees=(Tree(((0, 0.9, -1, -2),), (-1.0, 1.0)),))
    held = Certificates(
        as_of=NOON,
        every=(
            Certificate(kind="semantic", feature="faq", threshold=0.93, since=NOON, weights=learned),
            Certificate(
                kind="score", feature="faq", since=NOON, weights=Linear(intercept=0.1, coefficients=(1.0, 2.0))
            ),
        ),
    )
    assert from_bytes(to_bytes(held)) == held
    with pytest.raises(ValueError, match="no file of certificates"):
        from_bytes(b"{")


def test_what_was_learned_is_evaluated_without_overflow():
    assert probability(Linear(intercept=0.0, coefficients=(1.0,)), (0.0,)) == 0.5
    assert probability(Linear(intercept=0.0, coefficients=(1.0,)), (-1e6,)) == 0.0
    learned = Trees(base=0.0, trees=(Tree(((0, 0.9, -1, 1), (1, 0.5, -2, -3)), (-2.0, 0.0, 2.0)), Tree((), (0.0,))))
    assert [round(probability(learned, at), 2) for at in ((0.9, 0.0), (0.95, 0.5), (0.95, 0.6))] == [0.12, 0.5, 0.88]
