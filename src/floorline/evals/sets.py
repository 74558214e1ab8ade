"""Evaluation sets: what a feature is asked, and what makes an answer right. One JSON object a line.

{"id": "t-1", "input": "Where is my order?", "expected": "order_status"}
{"input": [{"role": "user", "content": "…"}], "rubric": "names the carrier and the day", "step": "answer"}
{"input": "…", "expected": "…", "human": [{"answer": "…", "right": true}]}
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import TypeAlias

import msgspec

CASES_MAX = 100_000
INPUT_CHARS_MAX = 1 << 20
ROLES = ("system", "developer", "user", "assistant")

Input: TypeAlias = str | list[dict[str, object]]
"""What a model is asked: the words of a user, or the messages of a conversation as OpenAI's chats have them."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer, and whether people found it right: what judges are measured by."""

    answer: str
    right: bool


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case. Without an `id` it has a digest of its input, so that it is the same case wherever it stands. `parameters` are further
    members of the request: temperature, tools, response_format.
    """

    input: Input
    id: str = ""
    expected: object = None
    rubric: str = ""
    step: str = ""
    system: str = ""
    parameters: dict[str, object] = {}
    human: tuple[Labelled, ...] = ()

    @property
    def messages(self) -> list[dict[str, object]]:
        """The conversation that a model is sent."""
        said: list[dict[str, object]] = [{"role": "system", "content": self.system}] if self.system else []
        if isinstance(self.input, str):
            said.append({"role": "user", "content": self.input})
        else:
            said.extend(self.input)
        return said


def read_case(values: Mapping[str, object]) -> Case:
    """The case that a line holds. ValueError says what is wrong with it, and how to write it."""
    if "input" not in values:
        raise ValueError('it lacks `input`: write {"input": "what a user asks", "expected": "the right answer"}')
    try:
        case = msgspec.convert(values, Case)
    except msgspec.ValidationError as error:
        raise ValueError(f"{error}: members are {', '.join(Case.__struct_fields__)}") from error
    _check(case)
    return case if case.id else msgspec.structs.replace(case, id=_digest(case))


def read_set(lines: Iterable[tuple[int, Mapping[str, object]]]) -> tuple[list[Case], list[str]]:
    """The cases of numbered lines, and what is wrong with the others. Two cases of one id are wrong: which answer is whose?"""
    cases: dict[str, Case] = {}
    wrong: list[str] = []
    for number, values in lines:
        try:
            case = read_case(values)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        if case.id in cases:
            wrong.append(f"line {number}: the case {case.id} a second time: give it an id of its own, or leave it out")
        elif len(cases) == CASES_MAX:
            wrong.append(f"line {number}: more than {CASES_MAX} cases: split the set")
            break
        else:
            cases[case.id] = case
    return list(cases.values()), wrong


def _check(case: Case) -> None:
    taken = {"model", "messages", "stream"} & case.parameters.keys()
    if taken:
        raise ValueError(f"`parameters` states {', '.join(sorted(taken))}: those are the evaluation's")
    said = case.input if isinstance(case.input, str) else msgspec.json.encode(case.input).decode()
    if not said.strip() or case.input == []:
        raise ValueError("`input` is empty")
    if len(said) > INPUT_CHARS_MAX:
        raise ValueError(f"`input` has {len(said)} characters, more than {INPUT_CHARS_MAX}")
    if isinstance(case.input, str):
        return
    for number, message in enumerate(case.input, 1):
        if message.get("role") not in ROLES or "content" not in message:
            raise ValueError(f"message {number} of `input` lacks a role of {', '.join(ROLES)} or its content")


def _digest(case: Case) -> str:
    said = msgspec.json.encode((case.input, case.system, case.step), order="sorted")
    return blake2b(said, digest_size=8).hexdigest()
