"""A review as one self-contained HTML file: styles and pictures inside, no script, nothing fetched."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from floorline.reviews.page import Page


def html(page: Page, charts: Mapping[str, str]) -> str:
    """The page. `charts`: name of a section's chart → its SVG, made by us and put in as it is."""
    return _template().render(page=page, charts={name: Markup(svg) for name, svg in charts.items()})  # noqa: S704 - our own SVG


def prose(text: str) -> Markup:
    """Escaped text whose `code` is code and whose figures stay with their percent sign."""
    parts = text.replace(" %", "\u00a0%").split("`")
    if len(parts) % 2 == 0:  # a backtick of somebody's name closes nothing
        return escape("`".join(parts))
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if at % 2 else escape(part) for at, part in enumerate(parts))


@cache
def _template() -> Template:
    text = resources.files("floorline.reviews").joinpath("templates/review.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        loader=DictLoader({"review.html": text}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    return environment.get_template("review.html")
