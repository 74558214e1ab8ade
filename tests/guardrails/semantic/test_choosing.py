"""Which stored answer a question may have."""

import pytest

from floorline.guardrails.semantic import features
from floorline.guardrails.semantic.choosing import Candidate, choose
from floorline.guardrails.semantic.question import read

ASKED = read("How do I cancel my plan?")


def near(*found: tuple[float, str, bytes]) -> list[Candidate]:
    return [
        Candidate(key=key, similarity=similarity, question=read(text), answer=answer)
        for key, (similarity, text, answer) in enumerate(found)
    ]


def test_the_nearest_that_no_veto_speaks_against_is_chosen() -> None:
    chosen = choose(ASKED, near((0.97, "How do I not cancel my plan?", b"x"), (0.9, "cancelling my plan", b"y")), 0.8)
    assert chosen is not None
    assert (chosen.key, chosen.veto, chosen.features[features.SIMILARITY]) == (1, "", 0.9)


def test_where_a_veto_speaks_against_each_the_nearest_is_told_with_it() -> None:
    chosen = choose(ASKED, near((0.97, "How do I not cancel my plan?", b"x"), (0.9, "renew my plan", b"y")), 0.8)
    assert chosen is not None
    assert (chosen.key, chosen.veto) == (0, "one says not")


def test_what_is_not_near_enough_is_nothing() -> None:
    assert choose(ASKED, near((0.79, "cancelling my plan", b"y")), 0.8) is None
    assert choose(ASKED, [], 0.8) is None


def test_neighbours_that_were_answered_alike_agree_by_their_similarity() -> None:
    found = near((0.9, "cancelling my plan", b"y"), (0.6, "stop", b"y"), (0.5, "halt", b"z"))
    chosen = choose(ASKED, found, 0.8)
    assert chosen is not None
    assert chosen.agreement == pytest.approx(0.75)
    assert chosen.features[features.AGREEMENT] == chosen.agreement


@pytest.mark.parametrize("text", ["", "cancel", "How do I cancel my plan?", "Say “yes” 3 times to Ana, please: now!"])
def test_features_are_as_many_as_their_names_and_the_same_both_ways_round(text: str) -> None:
    one, other = (features.of(*pair, 0.9, 0.5) for pair in ((ASKED, read(text)), (read(text), ASKED)))
    assert len(one) == len(features.NAMES)
    assert one[:11] == other[:11]
    alike = features.of(ASKED, ASKED, 1.0, None)
    assert dict(zip(features.NAMES, alike, strict=True))["stems_common"] == 1.0
