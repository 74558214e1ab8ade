"""What simulated models know: answers to certain questions, and how often each model gets one right. Judges know the answers too, and
err as often as they do not know.

Whether a model is right follows from the question's and the model's names: the same for ever, and for another model unrelated.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import msgspec

from floorline.errors import BadInput

FILE_BYTES_MAX = 64 << 20
_DRAWS = 1 << 32


class Knowledge(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """`answers` by question, as a user asks it; `skills`, the share of them that a model answers rightly, by the beginning of its name (the
    longest counts; 1 for one that is not named). A wrong answer is that of another question.
    """

    answers: Mapping[str, str]
    skills: Mapping[str, float] = {}

    def said(self, model: str, texts: Sequence[str]) -> str | None:
        """What the model says to a prompt of these texts; None where it is asked nothing of this."""
        question = texts[-1].strip() if texts else ""
        known = self.answers.get(question)
        if known is not None:
            return known if self._is_right(model, question) else self._wrong(model, question, known)
        judged = _read(question)
        return None if judged is None else self._verdict(model, judged, texts[0])

    def _verdict(self, model: str, judged: "_Judged", instructions: str) -> str | None:
        """What a judge says; None to what is no question of these."""
        asked = judged.asked
        known = self.answers.get(asked)
        if known is None:
            return None
        right = self._is_right(f"{model}\0judge", f"{asked}\0{judged.answer}\0{judged.a}\0{judged.b}", of=model)
        if judged.answer is not None and '"grade"' in instructions:
            believed = (judged.answer.strip() == known) is right
            shade = _draw(f"{model}\0grade", f"{asked}\0{judged.answer}")
            return _json({"reason": "by what is known", "grade": 6 + shade % 5 if believed else shade % 6})
        if judged.answer is not None:
            return _json({"reason": "by what is known", "right": (judged.answer.strip() == known) is right})
        first, second = (judged.a or "").strip(), (judged.b or "").strip()
        if '"same"' in instructions and '"better"' not in instructions:
            return _json({"reason": "by what is known", "same": (first == second) is right})
        better = "same" if (first == known) is (second == known) else "a" if first == known else "b"
        swapped = {"a": "b", "b": "a", "same": "a"}
        return _json({"reason": "by what is known", "better": better if right else swapped[better]})

    def _is_right(self, drawn: str, question: str, of: str = "") -> bool:
        return _draw(drawn, question) < self._skill(of or drawn) * _DRAWS

    def _wrong(self, model: str, question: str, known: str) -> str:
        others = self._every
        place = _draw(f"{model}\0wrong", question) % len(others)
        return others[place] if others[place] != known else others[(place + 1) % len(others)]

    def _skill(self, model: str) -> float:
        named = max((name for name in self.skills if model.startswith(name)), key=len, default=None)
        return 1.0 if named is None else self.skills[named]

    @cached_property
    def _every(self) -> Sequence[str]:
        return sorted({*self.answers.values(), "I do not know."})


class _Judged(msgspec.Struct):
    """What a judge is asked (`evals/judging.py`): one answer, or two."""

    question: str | list[dict[str, object]]
    answer: str | None = None
    a: str | None = None
    b: str | None = None

    @property
    def asked(self) -> str:
        """The user's last words."""
        if isinstance(self.question, str):
            return self.question.strip()
        said = self.question[-1].get("content") if self.question else ""
        return said.strip() if isinstance(said, str) else ""


_judged = msgspec.json.Decoder(_Judged)
_decoder = msgspec.json.Decoder(Knowledge)


def read_knowledge(path: Path) -> Knowledge:
    """The knowledge in a JSON file. BadInput says what is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise BadInput(f"{path} has {len(content)} bytes, at most {FILE_BYTES_MAX}")
    try:
        found = _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise BadInput(
            f'{path} is no knowledge: {error}; write {{"answers": {{"question": "answer"}}, "skills": {{"model": 0.9}}}}'
        ) from error
    return Knowledge(answers={asked.strip(): said for asked, said in found.answers.items()}, skills=found.skills)


def _read(text: str) -> _Judged | None:
    if not text.startswith("{"):
        return None
    try:
        return _judged.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _draw(who: str, what: str) -> int:
    return int.from_bytes(blake2b(f"{who}\0{what}".encode(errors="surrogatepass"), digest_size=4).digest())


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
