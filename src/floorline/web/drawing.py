"""HTML of a page's content: templates, the navigation around them, and what every page needs to know of whoever reads it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib import resources
from typing import Any, NamedTuple, cast
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from floorline.charts.base import DARK
from floorline.web import figures
from floorline.web.assets import VEGA, Assets
from floorline.web.blocks import FIGURES, Column, Shown, Unit, Value
from floorline.web.faces import SAID, download_address
from floorline.web.glossary import GLOSSARY
from floorline.web.http import Asked, Page, Refused, moved
from floorline.web.params import PREVIOUS, Params, Window, address, segment
from floorline.web.view import Group, View
from floorline.web.who import CSRF_FIELD

HTML = "text/html; charset=utf-8"
GROUPS: tuple[Group, ...] = ("Margin", "Decide", "Operate", "Data", "Access")
_CLEARED = ("set-cookie", f"{SAID}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
_PRESETS = (7, 30, 90)


class Choice(NamedTuple):
    """A choice of the picker: its words, where it leads, whether it is the one in force."""

    text: str
    to: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chrome:
    """What is around every page. `login` is where nobody that is known is sent; `log_out` whether there is an account to leave."""

    views: Sequence[View[Any]]
    assets: Assets
    timezone: Callable[[], str]
    today: Callable[[], date]
    login: str = ""


class Drawing:
    """Draws pages. One for the process; everything that differs between readers comes with the request."""

    def __init__(self, chrome: Chrome) -> None:
        self._chrome = chrome
        self._environment = _environment()
        cast("dict[str, object]", self._environment.globals).update({
            "asset": chrome.assets.address, "vega": VEGA, "glossary": GLOSSARY, "figures_units": FIGURES, "csrf_field": CSRF_FIELD,
            "dark": msgspec.json.encode(DARK).decode(), "zones": figures.ZONES,
        })  # fmt: skip

    def page(self, view: View[Any], shown: Shown, params: Params, asked: Asked) -> Page:
        """A page."""
        picker = self._picker(view, params) if view.windowed and isinstance(params, Window) else None
        context = {
            "view": view,
            "shown": shown,
            "params": params,
            "picker": picker,
            "sorted_by": partial(_sorted_by, view, params),
            "paged": partial(_paged, view, params),
            "download": partial(download_address, view, params),
            "twin": _twin(view, params),
            "scripts": view.scripts,
        }
        return self._draw("page.html", asked, context, current=view.path)

    def once(self, shown: Shown, asked: Asked) -> Page:
        """A page that has no address: what an action shows once."""
        context = {"view": None, "shown": shown, "params": None, "picker": None, "scripts": (), "twin": ""}
        return self._draw("page.html", asked, context)

    def template(self, name: str, asked: Asked, context: Mapping[str, object], *, status: int = 200) -> Page:
        """A page of a template of its own, within the same surroundings."""
        return self._draw(name, asked, {"scripts": (), **context}, status=status)

    def error(self, refused: Refused, asked: Asked) -> Page:
        """A refusal. Who is not known is sent to sign in, and comes back afterwards."""
        if refused.status == 401 and self._chrome.login and asked.method in {"GET", "HEAD"}:
            back = f"{asked.path}?{asked.query}" if asked.query else asked.path
            return moved(f"{self._chrome.login}?next={quote(back, safe='')}")
        return self._draw("error.html", asked, {"refused": refused, "scripts": ()}, status=refused.status)

    def _draw(
        self, template: str, asked: Asked, context: Mapping[str, object], *, status: int = 200, current: str = ""
    ) -> Page:
        cookies = _cookies(asked)
        said = unquote(cookies.get(SAID, ""))
        name = self._chrome.timezone()
        zone = ZoneInfo(name)
        body = self._environment.get_template(template).render(
            **context,
            who=asked.who,
            csrf=asked.who.csrf if asked.who else "",
            here=f"{asked.path}?{asked.query}" if asked.query else asked.path,
            nav=self._nav(asked, current),
            said=said,
            theme=cookies.get("theme", "") if cookies.get("theme") in {"light", "dark"} else "",
            timezone=name,
            fig=partial(_figure, zone=zone),
            share_text=partial(_share, zone=zone),
            exact=partial(figures.exact, zone_name=name, zone=zone),
        )
        return Page(status, HTML, body, [_CLEARED] if said else [])

    def _nav(self, asked: Asked, current: str) -> list[tuple[str, list[tuple[View[Any], bool]]]]:
        def listed(group: Group) -> list[tuple[View[Any], bool]]:
            return [
                (view, view.path == _family(current))
                for view in self._chrome.views
                if view.group == group and asked.who is not None and asked.who.may(view.rule)
            ]

        return [(group, views) for group in GROUPS if (views := listed(group))]

    def _picker(self, view: View[Any], params: Window) -> Mapping[str, object]:
        today = self._chrome.today()
        start, end = params.window(today)
        clean = {"sort": None, "page": None}
        month = today.replace(day=1)
        last = (month - timedelta(days=1)).replace(day=1)
        choices = [
            Choice(f"{days} days", address(view.path, params, from_=None, to=None, days=days, **clean), (end - start).days == days and params.to is None)
            for days in _PRESETS
        ]  # fmt: skip
        for text, first, after in (("this month", month, today + timedelta(days=1)), ("last month", last, month)):
            to = address(view.path, params, from_=first, to=after, days=None, **clean)
            choices.append(Choice(text, to, (start, end) == (first, after) and params.from_ is not None))
        kept = [
            (name, value)
            for name, value in _pairs(params)
            if name not in {"from", "to", "days", "against", "sort", "page"}
        ]
        return {
            "choices": choices,
            "action": address(view.path, None, **{name: getattr(params, name) for name in _in_path(view)}),
            "from": start,
            "to": end,
            "last": end - timedelta(days=1),
            "against": params.against,
            "compares": view.compares,
            "previous": PREVIOUS,
            "before": params.before(today),
            "kept": [(name, value) for name, value in kept if name not in _in_path(view)],
        }


def _figure(value: Value, unit: Unit, *, zone: ZoneInfo) -> str | Markup:
    if value is None:
        return Markup('<span class="unknown">unknown</span>')
    return figures.shown(value, unit, zone)


def _share(value: str | int, *, zone: ZoneInfo) -> str:
    """A share of the quality line: a ratio is text there, a count a number."""
    return (
        figures.shown(Decimal(value), "percent", zone)
        if isinstance(value, str)
        else figures.shown(value, "count", zone)
    )


def _sorted_by(view: View[Any], params: Params, table: str, column: Column, now: str) -> str:
    """Where the table is sorted by the column: figures largest first, a second time the other way round."""
    first = f"-{column.name}" if column.unit in FIGURES else column.name
    order = (
        (column.name if now.startswith("-") else f"-{column.name}") if now.removeprefix("-") == column.name else first
    )
    return f"{address(view.path, params, sort=_with(params.sort, table, order), page=_with(params.page, table, ''))}#{table}"


def _paged(view: View[Any], params: Params, table: str, number: int) -> str:
    return f"{address(view.path, params, page=_with(params.page, table, str(number)))}#{table}"


def _with(said: str, table: str, value: str) -> str | None:
    others = [part for part in said.split(",") if part and part.partition(".")[0] != table]
    return ",".join([*others, *([f"{table}.{value}"] if value else [])]) or None


def _twin(view: View[Any], params: Params) -> str:
    return address("/index.json" if view.path == "/" else f"{view.path}.json", params)


def _in_path(view: View[Any]) -> set[str]:
    return {part.partition("}")[0] for part in view.path.split("{")[1:]}


def _pairs(params: Params) -> list[tuple[str, object]]:
    return [
        (field.encode_name, value)
        for field in msgspec.structs.fields(params)
        for value in _values(getattr(params, field.name))
        if value != field.default
    ]


def _values(value: object) -> Sequence[object]:
    return cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)


def _family(path: str) -> str:
    """The page of the navigation that a page belongs to: the first part of its path."""
    return f"/{path.split('/')[1]}" if path.count("/") else path


def _cookies(asked: Asked) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in asked.header("cookie").split(";"))
    return {name: value for name, _, value in pairs}


def _datetime(value: datetime | date) -> str:
    return value.isoformat()


def _fill(pattern: str, row: Mapping[str, Value]) -> str:
    """The address of a row: `pattern` with its names in braces; '' where one of them is unknown."""
    for name in [part.partition("}")[0] for part in pattern.split("{")[1:]]:
        value = row.get(name)
        if value in {None, ""}:
            return ""
        pattern = pattern.replace(f"{{{name}}}", segment(str(value)))
    return pattern


def _environment() -> Environment:
    folder = resources.files("floorline.web").joinpath("templates")
    templates = {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".html")}
    environment = Environment(
        loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"iso": _datetime, "json": _json, "kind": _kind, "ticked": _ticked}
    cast("dict[str, object]", environment.globals)["fill"] = _fill
    return environment


def _kind(block: msgspec.Struct) -> str:
    return str(block.__struct_config__.tag)


def _ticked(text: str) -> Markup:
    """Words, those between backticks as code."""
    parts = text.split("`")
    whole = len(parts) % 2 == 1
    return Markup("").join(
        Markup("<code>{}</code>").format(part)
        if whole and place % 2
        else escape(part if whole or not place else f"`{part}")
        for place, part in enumerate(parts)
    )


def _json(value: object) -> Markup:
    """JSON that may stand inside a script element."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704 - no < is left
