"""What simulated models know."""

import json
from pathlib import Path

import pytest

from floorline.errors import BadInput
from floorline.evals.judging import (
    ask_better,
    ask_grade,
    ask_right,
    ask_same,
    heard_better,
    heard_grade,
    heard_right,
    heard_same,
)
from floorline.sandbox.provider.controls import Chaos
from floorline.sandbox.provider.knowledge import Knowledge, read_knowledge
from floorline.sandbox.provider.message import Asked
from floorline.sandbox.provider.routing import respond

ANSWERS = {f"question {n}?": f"answer {n}" for n in range(400)}
KNOWLEDGE = Knowledge(answers=ANSWERS, skills={"gpt-5": 0.95, "gpt-5-mini": 0.7})


def asked(model: str, messages: list[dict[str, str]]) -> str:
    body = json.dumps({"model": model, "messages": messages}).encode()
    said = respond(Asked(method="POST", path="/v1/chat/completions", body=body), Chaos(0.0, 0), KNOWLEDGE)
    return json.loads(said.parts[0])["choices"][0]["message"]["content"]


def rights(model: str) -> set[str]:
    return {one for one in ANSWERS if asked(model, [{"role": "user", "content": one}]) == ANSWERS[one]}


def test_a_model_is_right_as_often_as_it_is_skilled_and_always_in_the_same_places() -> None:
    strong, cheap = rights("gpt-5-2025-08-07"), rights("gpt-5-mini")
    assert len(strong) == pytest.approx(380, abs=15)
    assert len(cheap) == pytest.approx(280, abs=30)
    assert rights("gpt-5-mini") == cheap
    assert len(rights("claude-opus-4-5")) == 400
    wrong = next(iter(set(ANSWERS) - cheap))
    assert asked("gpt-5-mini", [{"role": "user", "content": wrong}]) in {*ANSWERS.values(), "I do not know."}


def test_what_is_not_known_is_answered_with_words() -> None:
    assert asked("gpt-5-mini", [{"role": "user", "content": "anything else?"}]) not in ANSWERS.values()


def test_judges_know_and_err() -> None:
    def judged(model: str, truth: bool) -> int:
        answers = {one: said if truth else "nonsense" for one, said in ANSWERS.items()}
        return sum(heard_right(asked(model, ask_right(one, said))).right is truth for one, said in answers.items())

    assert judged("claude", truth=True) == judged("claude", truth=False) == 400
    assert judged("gpt-5-mini", truth=True) == pytest.approx(280, abs=30)
    grades = [heard_grade(asked("claude", ask_grade("question 1?", said))).value for said in ("answer 1", "answer 2")]
    assert grades[0] is not None
    assert grades[1] is not None
    assert grades[0] > 0.5 >= grades[1]
    assert heard_same(asked("claude", ask_same("question 1?", "answer 1", "answer 1"))).right is True
    assert heard_same(asked("claude", ask_same("question 1?", "answer 1", "answer 2"))).right is False
    assert heard_better(asked("claude", ask_better("question 1?", "answer 2", "answer 1"))) == "second"
    assert heard_better(asked("claude", ask_better("question 1?", "x", "y"))) == "tie"
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "question 1?"}]
    assert heard_right(asked("claude", ask_right(messages, "answer 1"))).right is True


@pytest.mark.parametrize("content", ['{"answers": []}', "no", '{"answers": {}, "skill": {}}'])
def test_a_file_that_holds_no_knowledge_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "knows.json"
    path.write_text(content)
    with pytest.raises(BadInput, match="is no knowledge"):
        read_knowledge(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_knowledge(tmp_path / "nothing.json")
