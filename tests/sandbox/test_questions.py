"""What the demo company's users ask in words."""

import json
from collections import Counter

from floorline.sandbox.provider.knowledge import Knowledge
from floorline.sandbox.questions import CLAUSES, CUSTOMERS, HELP, SUMMARIES, asked, knowledge


def test_every_question_has_an_answer_that_models_know() -> None:
    known = Knowledge(**json.loads(knowledge()))
    for feature in (HELP, CLAUSES, SUMMARIES):
        for one in asked(feature, 300, 1):
            assert known.said("claude-opus-4-5", [one.text]) is not None, one


def test_help_is_asked_for_again_and_again_and_the_others_once() -> None:
    answers = json.loads(knowledge())["answers"]
    assert len({answers[one.text] for one in asked(HELP, 600, 1)}) == 12
    for feature in (CLAUSES, SUMMARIES):
        texts = Counter(one.text for one in asked(feature, 900, 1))
        assert max(texts.values()) == 1
        assert len({answers[text] for text in texts}) > 850


def test_a_seed_asks_the_same_and_spreads_over_customers() -> None:
    assert asked(HELP, 50, 1) == asked(HELP, 50, 1) != asked(HELP, 50, 2)
    assert len({one.customer for one in asked(HELP, 2_000, 1)}) == CUSTOMERS
