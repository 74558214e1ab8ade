"""Reading a request: what is there, of the right type, or Refused with what to change."""

from floorline.errors import BadInput
from floorline.pricing.usage.tally import Fields, fields, text, texts
from floorline.sandbox.provider.controls import Controls, by_headers, by_model
from floorline.sandbox.provider.message import Asked, Refused
from floorline.sandbox.provider.wish import Tool

CHOICES_MAX = 128


def named(asked: Asked, model: object, *, what: str = "model") -> tuple[str, Controls]:
    """The model that a request names, and its controls. Refused without a name or with a control that is unknown."""
    if not isinstance(model, str) or not model:
        raise Refused(f"you must provide a {what} parameter, as text")
    try:
        return by_model(model, by_headers(asked.lookup))
    except BadInput as error:
        raise Refused(f"sandbox: {error}") from error


def role_of(message: Fields) -> str:
    """Who says a message; Refused when it does not say."""
    role = text(message.get("role"))
    if not role:
        raise Refused("a message has no role")
    return role


def listed(body: Fields, name: str) -> list[Fields]:
    """The objects of the array `name`, which must be there and hold something."""
    value = body.get(name)
    if not isinstance(value, list) or not value:
        raise Refused(f"{name} must be an array with at least one entry")
    entries: list[object] = value  # pyright: ignore[reportUnknownVariableType] - JSON that nobody checked
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise Refused(f"{name}[{place}] must be an object")
    return [fields(entry) for entry in entries]


def inputs(body: Fields, name: str) -> list[str]:
    """The texts of the member `name`: text, an array of texts, one of tokens, or one of arrays of tokens.

    A token that is given as a number becomes four bytes of text, so it is one token here too.
    """
    given = body.get(name)
    if isinstance(given, str) and given:
        return [given]
    if not isinstance(given, list) or not given:
        raise Refused(f"{name} must be text, or an array of texts or tokens")
    entries: list[object] = given  # pyright: ignore[reportUnknownVariableType] - JSON that nobody checked
    if all(isinstance(entry, str) for entry in entries):
        return texts(entries)
    if all(isinstance(entry, int) for entry in entries):
        return [_spelled(entries)]
    if all(isinstance(entry, list) for entry in entries):
        return [_spelled(entry) for entry in entries if isinstance(entry, list)]  # pyright: ignore[reportUnknownArgumentType] - as above
    raise Refused(f"{name} mixes texts and tokens: use one of them")


def _spelled(numbered: list[object]) -> str:
    return "".join(f"{str(number)[-4:]:>4}" for number in numbered)


def flag(body: Fields, name: str) -> bool:
    """A truth value that may be absent."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Refused(f"{name} is {str(value)[:60]!r}: it must be true or false")


def whole_number(body: Fields, *names: str) -> int | None:
    """The first of `names` that is there, which must be a whole number above 0."""
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise Refused(f"{name} is {str(value)[:60]!r}: it must be a whole number above 0")
    return None


def how_many(body: Fields) -> int:
    """How many choices are wanted."""
    wanted = whole_number(body, "n") or 1
    if wanted > CHOICES_MAX:
        raise Refused(f"n is {wanted}: at most {CHOICES_MAX}")
    return wanted


def wants_usage(body: Fields) -> bool:
    """Whether a stream of OpenAI is to end with its usage."""
    return fields(body.get("stream_options")).get("include_usage") is True


def chosen(tools: list[Tool], choice: str) -> Tool:
    """The tool that is called: the one that `choice` names, else the first. Refused when there is none."""
    found = next((tool for tool in tools if choice in ("", tool.name)), None)
    if found is None:
        raise Refused(
            f"the tool choice names {choice!r}, which is not among the tools" if choice else "there is no tool to call"
        )
    return found
