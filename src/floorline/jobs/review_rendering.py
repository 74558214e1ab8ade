"""Reviews as what is printed and sent: pages with their pictures, and messages to the routes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from floorline.charts.base import Chart
from floorline.delivery.message import Message
from floorline.delivery.outbox import enqueue
from floorline.delivery.picture import svg
from floorline.delivery.route import Route
from floorline.ledger.state import State
from floorline.reviews import quarterly_page, weekly_page
from floorline.reviews.html import html
from floorline.reviews.markdown import markdown
from floorline.reviews.model import WeeklyReview
from floorline.reviews.page import Page
from floorline.reviews.pictures import quarterly_pictures, weekly_pictures
from floorline.reviews.quarter_model import QuarterlyReview

Review = WeeklyReview | QuarterlyReview
Format = Literal["md", "html"]


def rendered(review: Review, format_: Format) -> str:
    """The review as Markdown, or as one HTML file with its pictures."""
    page = _page(review)
    return markdown(page) if format_ == "md" else html(page, _drawn(_pictures(review)))


def deliver(state: State, review: Review, routes: Iterable[Route], names: tuple[str, ...] | None, now: datetime) -> str:
    """Hand a review to the outbox, for the routes of `names` (None: every one) that take reports; once, however often it is
    called. What was done, in a line.
    """
    chosen = [route for route in routes if names is None or route.name in names]
    taking = enqueue(state, message(review, now), chosen, now=now)
    return f"{review.id} made" + (f", sent to {', '.join(taking)}" if taking else ", no route takes it")


def message(review: Review, now: datetime) -> Message:
    """The review as a message: Markdown, the whole page as a file, and the first picture."""
    page, pictures = _page(review), _pictures(review)
    return Message(
        id=f"review/{review.id}",
        dedupe_key=f"review/{review.id}",
        action="report",
        severity="info",
        title=page.title,
        text=markdown(page),
        fields=tuple((name, figure) for name, figure, _ in page.tiles),
        html=html(page, _drawn(pictures)),
        chart=next(iter(pictures.values()), None),
        at=now,
    )


def _page(review: Review) -> Page:
    return weekly_page.page(review) if isinstance(review, WeeklyReview) else quarterly_page.page(review)


def _pictures(review: Review) -> dict[str, Chart]:
    return weekly_pictures(review) if isinstance(review, WeeklyReview) else quarterly_pictures(review)


def _drawn(pictures: Mapping[str, Chart]) -> dict[str, str]:
    found = {name: svg(chart) for name, chart in pictures.items()}
    return {name: drawing for name, drawing in found.items() if drawing is not None}
