"""The lists of models. Every other name is answered too: these are only what is shown."""

from floorline.sandbox.provider import anthropic, chat, gemini
from floorline.sandbox.provider.answer import CREATED
from floorline.sandbox.provider.events import encode
from floorline.sandbox.provider.message import Asked, Refused, Said

_OPENAI = (
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5",
    "gpt-5-mini",
    "o4-mini",
    "text-embedding-3-small",
)
_ANTHROPIC = ("claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5")
_GEMINI = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview", "gemini-embedding-001")
_METHODS = ["generateContent", "streamGenerateContent", "countTokens", "embedContent"]


def openai_models(asked: Asked, name: str) -> Said:
    """OpenAI's list, or one model of it. Clients of Anthropic and Google ask at the same path and get their own."""
    if "anthropic-version" in asked.lookup:
        return anthropic_models(asked, name)
    if "x-goog-api-key" in asked.lookup:
        return gemini_models(asked, name)
    entries = [_openai(model) for model in _OPENAI]
    body: object = _openai(_known(name, _OPENAI)) if name else {"object": "list", "data": entries}
    headers = (("content-type", "application/json"), *chat.headers_of(asked))
    return Said(headers=headers, parts=[encode(body)])


def _openai(model: str) -> dict[str, object]:
    return {"id": model, "object": "model", "created": CREATED, "owned_by": "system"}


def anthropic_models(asked: Asked, name: str) -> Said:
    """Anthropic's list, or one model of it."""
    entries = [_anthropic(model) for model in _ANTHROPIC]
    page = {"data": entries, "has_more": False, "first_id": _ANTHROPIC[0], "last_id": _ANTHROPIC[-1]}
    body: object = _anthropic(_known(name, _ANTHROPIC)) if name else page
    headers = (("content-type", "application/json"), *anthropic.headers_of(asked))
    return Said(headers=headers, parts=[encode(body)])


def _anthropic(model: str) -> dict[str, object]:
    return {"type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z"}


def gemini_models(asked: Asked, name: str) -> Said:
    """Gemini's list, or one model of it."""
    body: object = _gemini(_known(name, _GEMINI)) if name else {"models": [_gemini(model) for model in _GEMINI]}
    headers = (("content-type", "application/json; charset=UTF-8"), *gemini.headers_of(asked))
    return Said(headers=headers, parts=[encode(body)])


def _gemini(model: str) -> dict[str, object]:
    return {
        "name": f"models/{model}",
        "version": "001",
        "displayName": model,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": _METHODS,
    }


def _known(name: str, models: tuple[str, ...]) -> str:
    if name not in models:
        raise Refused(f"the model {name!r} is not in the sandbox's list", status=404)
    return name
