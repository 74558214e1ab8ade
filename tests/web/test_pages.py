"""Every page of the list: with nothing in the ledger it says so, and all its faces answer."""

from pathlib import Path

import pytest

from floorline.web.glossary import GLOSSARY
from floorline.web.pages import ACTIONS, VIEWS
from tests.support.dashboard import client_of, dashboard_of


@pytest.fixture
def client(ledger):
    return client_of(dashboard_of(ledger), "admin")


def test_every_page_answers_with_an_empty_ledger(client):
    for view in VIEWS:
        if "{" in view.path:
            continue
        page = client.get(view.path, headers={"accept": "text/html"})
        assert page.status_code == 200, (view.path, page.text[:500])
        assert "<h1>" in page.text
        base = "/index" if view.path == "/" else view.path
        document = client.get(f"{base}.json")
        assert document.json() == client.get(f"/api/v1{base}").json() | {"about": document.json()["about"]}
        tables = [block for block in document.json()["blocks"] if block["block"] == "table"]
        for table in tables:
            for kind in ("csv", "parquet"):
                assert client.get(f"{base}.{kind}?table={table['name']}").status_code == 200


def test_a_parameter_that_no_page_has_is_refused_by_all(client):
    for view in VIEWS:
        if "{" not in view.path:
            assert client.get(f"{view.path}?nonsense=1").status_code == 400, view.path


def test_paths_names_and_keys_are_unique_and_words_are_defined():
    assert len({view.path for view in VIEWS}) == len(VIEWS)
    keys = [view.key for view in VIEWS if view.key]
    assert len(set(keys)) == len(keys)
    assert len({action.path for action in ACTIONS}) == len(ACTIONS)
    assert all(said.endswith(".") for said in GLOSSARY.values())


def test_the_openapi_tells_of_every_page_and_action(client):
    told = client.get("/api/v1/openapi.json").json()
    for view in VIEWS:
        assert "get" in told["paths"][f"/api/v1{'/index' if view.path == '/' else view.path}"]
    for action in ACTIONS:
        assert "post" in told["paths"][f"/api/v1{action.path}"]


def test_every_page_is_documented():
    docs = Path(__file__).resolve().parents[2] / "docs"
    told = (docs / "dashboard.md").read_text() + (docs / "access.md").read_text() + (docs / "api.md").read_text()
    missing = [view.path for view in VIEWS if f"`/{view.path.split('/')[1]}" not in told]
    assert missing == []
