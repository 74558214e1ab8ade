"""Certified routing on recorded answers: the bar is held, and every figure of safety stands beside the saving it allowed."""

from pathlib import Path

import pytest

from floorline.bench.report import Sheet
from floorline.bench.routing import SPLITS, run
from floorline.errors import BadInput
from tests.support.data import shared_data


@pytest.fixture(scope="module")
def sheets() -> list[Sheet]:
    return run(shared_data("routellm_evals"))


def rows(sheet: Sheet) -> dict[str, tuple[str, ...]]:
    return {row[0]: row for row in sheet.rows}


@pytest.mark.prove
def test_a_feature_says_more_of_what_a_question_needs_than_its_length(sheets: list[Sheet]) -> None:
    won = {name: float(row[1]) for name, row in rows(sheets[0]).items()}
    assert won["by feature"] - won["prompt length"] >= 0.03


@pytest.mark.prove
def test_a_bar_set_by_a_lower_bound_is_held_and_saves(sheets: list[Sheet]) -> None:
    found = rows(sheets[1])["by feature, certified"]
    assert int(found[2]) <= 2, f"{found} of {SPLITS} splits"
    assert float(found[6].removesuffix("%")) >= 22


@pytest.mark.prove
@pytest.mark.parametrize(("judge", "saved_min"), [("70%", 40), ("80%", 55), ("90%", 60)])
def test_a_cascade_holds_its_bar_whatever_its_judge_is_worth(sheets: list[Sheet], judge: str, saved_min: int) -> None:
    found = rows(sheets[1])[f"cascade, judge of {judge}"]
    assert int(found[2]) <= 2, f"{found} of {SPLITS} splits"
    assert float(found[6].removesuffix("%")) >= saved_min


@pytest.mark.prove
def test_a_feature_alone_is_hardly_ever_sent_to_the_cheaper_model_wrongly(sheets: list[Sheet]) -> None:
    ((_, _, wrongly, most, _),) = sheets[2].rows
    wrong, of = map(int, wrongly.split(" of "))
    assert 25 * wrong <= of
    assert int(most) <= 1


@pytest.mark.prove
def test_a_score_that_was_fitted_elsewhere_is_refused(sheets: list[Sheet]) -> None:
    ((accepted, _, most),) = sheets[3].rows
    assert accepted == "0"
    assert float(most) < 0.6


def test_without_questions_it_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="mmlu/ and mt_bench/"):
        run(tmp_path)
