"""`evaluation:` of a feature in floorline.yaml, and `scorer:` wherever one is written."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from urllib.parse import urlsplit

from floorline.config.reader import Value
from floorline.config.settings import names_below
from floorline.evals.policy import MARGIN, Evaluation
from floorline.evals.scorers import (
    SIMILAR,
    Exact,
    Http,
    JsonSchema,
    Judge,
    Normalised,
    Numeric,
    Python,
    Regex,
    Scorer,
    Similarity,
    compiled,
    validator,
)

TIMEOUT_MS_MAX = 600_000


def read_evaluations(features: Mapping[str, Mapping[str, Value]]) -> dict[str, Evaluation]:
    """What each feature that is evaluated says of it."""
    return {name: _evaluation(table["evaluation"]) for name, table in features.items() if "evaluation" in table}


def _evaluation(value: Value) -> Evaluation:
    setting = "features.<feature>.evaluation"
    table = value.table(names_below(setting))
    path = table["set"].text() if "set" in table else None
    scorer = read_scorer(table["scorer"], f"{setting}.scorer") if "scorer" in table else None
    margin = _margin(table["margin"]) if "margin" in table else None
    return Evaluation(path=path or "", scorer=scorer or Normalised(), margin=margin or MARGIN)


def read_scorer(value: Value, setting: str) -> Scorer | None:
    """The scorer that a mapping states, or that its name alone does; None after noting what is wrong with it."""
    if not value.is_mapping:
        name = value.one_of(tuple(_KINDS))
        return None if name is None else _made(value, name, {})
    table = value.table(names_below(setting))
    if "kind" not in table:
        value.complain(f"`{value.path}` lacks `kind`: one of {', '.join(_KINDS)}")
        return None
    name = table["kind"].one_of(tuple(_KINDS))
    return None if name is None else _made(value, name, {key: item for key, item in table.items() if key != "kind"})


def _made(value: Value, name: str, table: Mapping[str, Value]) -> Scorer | None:
    required, optional, make = _KINDS[name]
    for key in table:
        if key not in (*required, *optional):
            table[key].complain(f"`{table[key].path}` is nothing that the scorer {name} goes by")
            return None
    missing = [key for key in required if key not in table]
    if missing:
        value.complain(f"`{value.path}` lacks `{missing[0]}`: the scorer {name} needs it")
        return None
    return make(table)


def _schema(table: Mapping[str, Value]) -> Scorer | None:
    text = table["schema"].json()
    return None if text is None else _checked(table["schema"], lambda: validator(text), JsonSchema(schema=text))


def _regex(table: Mapping[str, Value]) -> Scorer | None:
    pattern = table["pattern"].text()
    if pattern is None:
        return None
    return _checked(table["pattern"], lambda: compiled(pattern), Regex(pattern=pattern))


def _checked(value: Value, check: Callable[[], object], scorer: Scorer) -> Scorer | None:
    try:
        check()
    except ValueError as error:
        value.complain(f"`{value.path}`: {error}")
        return None
    return scorer


def _numeric(table: Mapping[str, Value]) -> Scorer:
    tolerance = table["tolerance"].share() if "tolerance" in table else None
    absolute = table["absolute"].number(minimum=Decimal(0)) if "absolute" in table else None
    return Numeric(tolerance=tolerance or Decimal(0), absolute=absolute or Decimal(0))


def _similarity(table: Mapping[str, Value]) -> Scorer | None:
    threshold = table["threshold"].number(minimum=Decimal(0), maximum=Decimal(1)) if "threshold" in table else None
    model = table["model"].text()
    if model is None:
        return None
    least = SIMILAR if threshold is None else float(threshold)  # float: a cosine
    return Similarity(model=model, threshold=least)


def _judge(table: Mapping[str, Value]) -> Scorer | None:
    model, compare = table["model"].text(), table["compare"].flag() if "compare" in table else None
    return None if model is None else Judge(model=model, compare=compare is True)


def _python(table: Mapping[str, Value]) -> Scorer | None:
    call = table["call"].text()
    if call is None:
        return None
    module, colon, function = call.partition(":")
    if not (colon and all(part.isidentifier() for part in (*module.split("."), function))):
        table["call"].complain(f"`{table['call'].path}` is {call!r}: write it as package.module:function")
        return None
    return Python(call=call)


def _http(table: Mapping[str, Value]) -> Scorer | None:
    url = table["url"].text()
    timeout = table["timeout"].duration_ms(maximum=TIMEOUT_MS_MAX) if "timeout" in table else None
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        table["url"].complain(f"`{table['url'].path}` is {url!r}: write it as https://host/path, without a user")
        return None
    return Http(url=url) if timeout is None else Http(url=url, timeout_ms=timeout)


_KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[Mapping[str, Value]], Scorer | None]]] = {
    "exact": ((), (), lambda _: Exact()),
    "normalised": ((), (), lambda _: Normalised()),
    "json_schema": (("schema",), (), _schema),
    "regex": (("pattern",), (), _regex),
    "numeric": ((), ("tolerance", "absolute"), _numeric),
    "similarity": (("model",), ("threshold",), _similarity),
    "judge": (("model",), ("compare",), _judge),
    "python": (("call",), (), _python),
    "http": (("url",), ("timeout",), _http),
}
"""What each kind needs, what it may say, and what makes it."""


def _margin(value: Value) -> float | None:  # float: a share of cases
    share = value.share()
    if share is not None and not 0 < share < 1:
        value.complain(f"`{value.path}` is {share}: write a share above 0 and below 1, as 5% or 0.05")
        return None
    return None if share is None else float(share)  # float: a share of cases
