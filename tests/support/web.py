"""Routes hosted as the control process hosts them, asked over ASGI without a socket."""

from collections.abc import Sequence

from starlette.testclient import TestClient

from floorline.web.answering import Answering
from floorline.web.app import Site
from floorline.web.http import Route, Stream, error_page
from floorline.web.who import Access
from floorline.wiring.dashboard import ControlToken

TOKEN = "a token of twenty characters"
KNOWN = {"authorization": f"Bearer {TOKEN}"}


def hosted(routes: Sequence[Route], streams: Sequence[Stream] = (), access: Access | None = None) -> TestClient:
    """A client of `routes`; by default whoever sends KNOWN is an admin."""
    site = Site(Answering(access or ControlToken(TOKEN), lambda refused, _: error_page(refused)))
    site.serve(routes, streams)
    return TestClient(site, raise_server_exceptions=True)
