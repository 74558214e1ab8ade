"""A review as one self-contained HTML file: styles and pictures inside, no script, nothing fetched."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from floorline.reviews.page import Page


def html(page: Page, charts: Mapping[str, str]) -> str:
    """The page. `charts`: name of a section's chart → its SVG, made by us and put in as it is."""
    return _template().render(page=page, charts={name: Markup(svg) for name, svg in charts.items()})  # noqa: S704 - our own SVG


@cache
def _template() -> Template:
    text = resources.files("floorline.reviews").joinpath("templates/review.html.j2").read_text(encoding="utf-8")
    loader = DictLoader({"review.html": text})
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template("review.html")
