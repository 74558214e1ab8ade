"""Questions that are never compared at all, because a vector says nothing of them that can be relied on."""

from floorline.guardrails.semantic.question import Question

UNKNOWN_SHARE_MAX = 0.1
"""Of a question's tokens at most so many may be unknown to the embedder."""


def passed_by(question: Question, *, tokens: int, unknown: int, window: int, multilingual: bool) -> str:
    """Why the semantic cache passes a question by; '' when it may be compared.

    `tokens` are what the embedder makes of it, of which it knows all but `unknown` and takes in `window`: what is beyond is as if
    it had not been said. `multilingual`: the embedder was made for more than English.
    """
    if not question.words and not question.scripts:
        return "nothing_asked"
    if tokens > window:
        return "too_long"
    if unknown > UNKNOWN_SHARE_MAX * tokens:
        return "unknown_words"
    if not multilingual and question.scripts - {"LATIN"}:
        return "script"
    if not multilingual and question.language not in ("", "en"):
        return "language"
    return ""
