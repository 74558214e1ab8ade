"""Routes hosted as the control process hosts them, asked over ASGI without a socket."""

from collections.abc import Sequence

from starlette.testclient import TestClient

from floorline.web.answering import Answering
from floorline.web.app import Site
from floorline.web.http import Route, Stream, error_page
from floorline.web.who import Access, Who

TOKEN = "a token of twenty characters"
KNOWN = {"authorization": f"Bearer {TOKEN}"}


class ByToken:
    """Access of whoever sends KNOWN, as an admin."""

    def knows_host(self, host):
        return bool(host)

    def identify(self, headers):
        return Who(name="token", role="admin") if headers.get("authorization") == KNOWN["authorization"] else None

    def forged(self, who, headers, presented):
        del who, headers, presented
        return ""


def hosted(routes: Sequence[Route], streams: Sequence[Stream] = (), access: Access | None = None) -> TestClient:
    """A client of `routes`; by default whoever sends KNOWN is an admin."""
    site = Site(Answering(access or ByToken(), lambda refused, _: error_page(refused)))
    site.serve(routes, streams)
    return TestClient(site, raise_server_exceptions=True)
