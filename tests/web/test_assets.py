"""What browsers fetch once: kept for ever under an address that its content names; the charts' runtime is made once."""

import pytest

from floorline.web.assets import VEGA, Assets
from tests.support.web import hosted


@pytest.fixture(scope="module")
def assets(tmp_path_factory):
    return Assets(tmp_path_factory.mktemp("home") / "web")


def test_a_file_is_kept_for_ever_and_its_address_changes_with_it(assets):
    client = hosted([assets.route()])
    answer = client.get(assets.address("app.css"))
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == client.get(assets.address("app.css"), headers={"accept-encoding": "identity"}).content
    for other in ("/static/app.css", "/static/..%2Fapp.css", "/static/app.0000000000000000.css"):
        assert client.get(other).status_code == 404


def test_the_charts_runtime_is_made_once_and_is_small_on_its_way(assets):
    client = hosted([assets.route()])
    address = assets.address(VEGA)
    assets.prepare()
    answer = client.get(address, headers={"accept-encoding": "br"})
    assert "vegaEmbed" in answer.text
    assert int(answer.headers["content-length"]) < 400_000
    (kept,) = assets._folder.iterdir()
    made = kept.stat().st_mtime_ns
    assert hosted([Assets(assets._folder).route()]).get(address).text == answer.text
    assert kept.stat().st_mtime_ns == made
