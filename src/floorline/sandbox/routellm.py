"""RouteLLM's recorded answers: which of two models was right on each question of MMLU, and how MT-bench's judge graded both.

Source: github.com/lm-sys/RouteLLM (routellm/evals), Apache-2.0. The cheap model is Mixtral-8x7B-Instruct, the other GPT-4 (1106).
"""

import csv
import gzip
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

import msgspec

from floorline.errors import BadInput

CHEAP = "mistralai/Mixtral-8x7B-Instruct-v0.1"
REFERENCE = "gpt-4-1106-preview"
MISGRADED = "high_school_mathematics"
"""GPT-4 is at 3 % there, far below chance: its answers were graded wrongly."""


class Answered(NamedTuple):
    """A question of one topic with how good each model's answer was: right or wrong, or graded from 0 to 10."""

    topic: str
    text: str
    cheap: float
    reference: float


class _Judgement(msgspec.Struct):
    question_id: int
    model: str
    turn: int
    score: float


class _Question(msgspec.Struct):
    question_id: int
    category: str
    turns: tuple[str, ...]


def read_mmlu(folder: Path) -> Iterator[Answered]:
    """Every question of the subjects in the folder, in file order, without the one that is misgraded."""
    for path in sorted((folder / "mmlu").glob("mmlu_*.csv*")):
        topic = path.name.removeprefix("mmlu_").partition(".")[0]
        if topic == MISGRADED:
            continue
        with _opened(path) as file:
            rows = csv.DictReader(file)
            if not {"prompt", CHEAP, REFERENCE} <= set(rows.fieldnames or ()):
                raise BadInput(f"{path} lacks a column: it has {', '.join(rows.fieldnames or ())}")
            for row in rows:
                yield Answered(topic, row["prompt"], float(row[CHEAP] == "True"), float(row[REFERENCE] == "True"))


def read_mt_bench(folder: Path) -> Iterator[Answered]:
    """Every question of MT-bench with the mean grade of both turns."""
    grades: dict[tuple[int, str], list[float]] = {}
    for line in _lines(folder / "mt_bench" / "judgements.jsonl.gz"):
        told = msgspec.json.decode(line, type=_Judgement)
        if told.score >= 0:
            grades.setdefault((told.question_id, told.model), []).append(told.score)
    for line in _lines(folder / "mt_bench" / "question.jsonl"):
        question = msgspec.json.decode(line, type=_Question)
        both = [grades.get((question.question_id, model)) for model in (CHEAP, REFERENCE)]
        cheap, reference = both
        if cheap and reference:
            yield Answered(
                question.category, "\n".join(question.turns), sum(cheap) / len(cheap), sum(reference) / len(reference)
            )


def _lines(path: Path) -> list[str]:
    with _opened(path) as file:
        return file.read().splitlines()


@contextmanager
def _opened(path: Path) -> Generator[TextIO]:
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        yield file
