"""What people do with the dashboard, in a real browser: every page without an error, and each thing that pages are for."""

import json
import os
import re
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from floorline.web.pages import VIEWS
from tests.browser.conftest import PASSWORD, opened

pytestmark = pytest.mark.prove

PAGES = [view.path for view in VIEWS if "{" not in view.path]
LED_TO = {
    "/features/": "/features",
    "/customers/": "/customers",
    "/workflows/": "/workflows",
    "/alerts/": "/alerts?state=all",
    "/reviews/": "/reviews",
    "/backlog/": "/backlog",
    "/calls/": "/calls",
    "/prices/": "/prices",
}
"""A page of one thing, by the page whose table leads to the first such."""

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


def drawn(page, path):
    """Go there, and wait until its charts are drawn."""
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, f"{path}: {answer.status} {page.inner_text('main')[:500]}"
    charts = page.locator("figure[data-chart]").count()
    if charts:
        page.wait_for_selector(f'body[data-drawn="{charts}"]')


def until(page, holds, *, seconds=20):
    """Wait, and let the browser say meanwhile what it did; a page's policy lets no predicate be evaluated in it."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        page.wait_for_timeout(100)


def violations(page):
    """What axe finds that is serious."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], node["target"], node.get("failureSummary", ""))
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def first_of(page, start, listed):
    """The address of the first thing that the page `listed` leads to below `start`."""
    drawn(page, listed)
    for link in page.locator("main table a").all():
        to = link.get_attribute("href") or ""
        if to.startswith(start) and to != start:
            return to
    raise AssertionError(f"{listed} leads to nothing below {start}")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_reads_and_is_for_everyone(page, path):
    drawn(page, path)
    assert page.locator("h1").count() == 1
    assert page.title().endswith("· Floorline")
    assert violations(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_reads_in_the_dark_on_a_phone(site, browser, owner, path):
    with opened(browser, site, owner, viewport={"width": 360, "height": 780}, color_scheme="dark") as page:
        drawn(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert violations(page) == []


@pytest.mark.parametrize(("start", "listed"), LED_TO.items())
def test_a_page_of_one_thing_loads_and_is_for_everyone(page, start, listed):
    drawn(page, first_of(page, start, listed))
    assert violations(page) == []
    for tab in [link.get_attribute("href") for link in page.locator("nav.tabs a").all()]:
        drawn(page, tab)


def test_figures_are_those_of_the_command_for_the_same_days(site, page):
    today = date.fromisoformat(page.request.get("/features.json").json()["about"]["to"]) - timedelta(days=1)
    end = today.replace(day=1)  # a month that is over: the live traffic of this one moves how shared costs are divided
    start = (end - timedelta(days=1)).replace(day=1)
    days = ("--from", start.isoformat(), "--to", end.isoformat())
    for by, path, name in (("feature", "/features", "features"), ("customer", "/customers", "customers")):
        told = json.loads(site.run("margin", "--by", by, *days, "--json"))
        rows = {row["key"][by]: row for row in told["rows"]}
        shown: dict[str, dict[str, object]] = {}
        number, pages = 1, 1
        while number <= pages:
            answer = page.request.get(f"{path}.json?from={start}&to={end}&page={name}.{number}").json()
            (table,) = [block for block in answer["blocks"] if block["name"] == name]
            pages = table["pages"]
            body = table["rows"][: len(table["rows"]) - table["totals"]]
            shown |= {row[by]: row for row in body}
            number += 1
        assert shown.keys() == rows.keys()
        for key, row in rows.items():
            for field, column in (
                ("revenue", "revenue"),
                ("cogs", "cogs"),
                ("margin_usd", "margin_usd"),
                ("calls", "calls"),
            ):
                assert str(shown[key][column]) == str(row[field]), (key, field)
            ratio = shown[key]["margin_ratio"]
            assert (ratio and Decimal(ratio)) == (row["margin_ratio"] and Decimal(row["margin_ratio"]))
        total = table["rows"][-1]
        assert (total["revenue"], total["cogs"]) == (told["total"]["revenue"], told["total"]["cogs"])


def test_what_is_shown_is_what_the_document_says(page):
    drawn(page, "/features?days=28")
    document = page.request.get("/features.json?days=28").json()
    (table,) = [block for block in document["blocks"] if block["name"] == "features"]
    titles = page.locator("#features tbody tr td.number span[title$='USD']")
    exact = {title.removesuffix(" USD") for title in (one.get_attribute("title") for one in titles.all())}
    money = {column["name"] for column in table["columns"] if column["unit"] == "usd" and not column["hidden"]}
    assert exact == {row[name] for row in table["rows"] for name in money if row.get(name) is not None}


def test_filters_are_in_the_address_and_survive_a_reload(page):
    drawn(page, "/features")
    page.get_by_role("link", name="7 days").click()
    page.select_option("select[name=against]", "previous")
    page.get_by_role("button", name="Show").click()
    before, about = page.url, page.inner_text(".about")
    assert "against=previous" in before
    page.reload()
    assert page.url == before
    assert page.locator("select[name=against]").input_value() == "previous"
    assert page.inner_text(".about").split("as of")[0] == about.split("as of")[0]
    page.get_by_role("columnheader", name="Revenue").get_by_role("link").click()
    assert "sort=" in page.url
    assert "against=previous" in page.url
    assert page.locator("#features th[aria-sort=descending]").inner_text().startswith("Revenue")


def test_an_area_drawn_on_the_scatter_lists_those_in_it_and_a_click_opens_one(page):
    drawn(page, "/customers?days=28")
    page.wait_for_load_state("networkidle")
    canvas = page.locator("figure[data-chart] canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    rows = page.locator("#customers tbody tr").count()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.7)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.12, steps=8)
    page.mouse.up()
    until(page, lambda: "pays_from" in page.url)
    until(page, lambda: page.locator("#customers tbody tr").count() < rows)
    page.reload()
    assert "pays_from" in page.url
    href = page.locator("#customers tbody th a, #customers tbody td a").first.get_attribute("href")
    assert href is not None
    page.goto(href)
    assert "/customers/" in page.url


def test_an_alert_is_acknowledged_and_says_by_whom(page):
    to = first_of(page, "/alerts/", "/alerts?state=firing")
    page.goto(to)
    page.locator("form[action$='/acknowledge'] button").click()
    page.wait_for_load_state()
    assert page.locator(".said").is_visible()
    text = page.inner_text("main")
    assert "acknowledged" in text.lower()
    assert "local owner" in text
    page.reload()
    assert page.locator("form[action$='/acknowledge'] button").count() == 0


def test_an_item_of_the_backlog_is_accepted_and_given_a_date(page):
    to = first_of(page, "/backlog/", "/backlog?state=proposed")
    page.goto(to)
    page.locator("main button", has_text=re.compile("accept", re.IGNORECASE)).first.click()
    page.wait_for_load_state()
    assert page.locator(".said").is_visible()
    assert "accepted" in page.inner_text("main").lower()


def test_the_live_view_moves_without_a_reload(page):
    page.goto("/now")
    told = "() => document.querySelector('main').innerText"
    before = page.evaluate(told)
    page.evaluate("window.sameDocument = true")
    until(page, lambda: page.evaluate(told) != before, seconds=60)
    assert page.evaluate("window.sameDocument") is True


def test_a_viewer_sees_figures_and_can_change_nothing(site, browser):
    email = f"vera-{time.time_ns()}@example.com"
    site.run("users", "add", email, "--role", "viewer", given=f"{PASSWORD}\n")
    with opened(browser, site, None) as page:
        page.goto("/features")
        assert "/login" in page.url
        page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill(email)
        page.get_by_label(re.compile("password", re.IGNORECASE)).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button").first.click()
        page.wait_for_url("**/features")
        drawn(page, first_of(page, "/alerts/", "/alerts?state=all"))
        assert page.locator("main form[method=post]").count() == 0
        answer = page.request.post(f"{page.url}/acknowledge", form={"note": "no"})
        assert (answer.status, answer.json()["error"]["type"]) == (403, "role")
        assert page.request.post(f"{site.url}/users", form={}).status == 403
        page.context.clear_cookies()
        assert page.request.get("/features.json").status == 401


def test_an_admin_sees_who_may_what(site, page):
    email = f"ada-{time.time_ns()}@example.com"
    site.run("users", "add", email, "--role", "admin", given=f"{PASSWORD}\n")
    page.goto("/users")
    assert email in page.inner_text("main")


def test_pages_are_used_by_keyboard_alone(page):
    drawn(page, "/features")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.locator("main").press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/customers")
    page.keyboard.press("?")
    assert page.locator("dialog#help[open]").is_visible()
    page.keyboard.press("Escape")
    page.goto("/backlog")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr') !== null")
    page.keyboard.press("o")
    page.wait_for_url(re.compile(r"/backlog/."))


def test_a_page_prints_without_its_surroundings(page):
    drawn(page, "/features")
    page.emulate_media(media="print")
    assert not page.locator(".side").is_visible()
    assert not page.locator(".picker").is_visible()
    assert page.locator("#features table").is_visible()


def test_pages_work_without_scripts(site, browser, owner):
    with opened(browser, site, owner, java_script_enabled=False) as page:
        page.goto("/features")
        assert page.locator("#features tbody tr").count() >= 4
        assert page.locator("figcaption").first.is_visible()


def test_a_page_is_light(page):
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda one: sizes.update({one.url: one.sizes()["responseBodySize"]}))
    drawn(page, "/features?days=90")
    page.wait_for_load_state("networkidle")
    first = sum(sizes.values())
    sizes.clear()
    drawn(page, "/customers?days=90")
    page.wait_for_load_state("networkidle")
    assert first < 1_200_000
    assert sum(sizes.values()) < 100_000, sizes


@pytest.mark.parametrize(("name", "path", "theme"), [
    ("features", "/features?days=90&against=previous", "light"),
    ("customers", "/customers?days=90", "light"),
    ("now", "/now", "dark"),
    ("guardrails", "/guardrails?days=90", "light"),
    ("alerts", "/alerts?state=all", "light"),
])  # fmt: skip
def test_pictures_of_the_docs_are_made_here(site, browser, owner, tmp_path, name, path, theme):
    folder = PICTURES if os.environ.get("FLOORLINE_PICTURES") else tmp_path
    folder.mkdir(exist_ok=True)
    with opened(browser, site, owner, viewport={"width": 1280, "height": 1120}, color_scheme=theme) as page:
        drawn(page, path)
        picture = folder / f"{name}.png"
        page.screenshot(path=picture)
    assert 20_000 < picture.stat().st_size < 400_000
    assert (PICTURES / f"{name}.png").is_file(), "the docs show it: `make pictures`"
