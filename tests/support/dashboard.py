"""The whole dashboard over a ledger of a test, asked over ASGI: by somebody with a role, or by nobody."""

from starlette.testclient import TestClient

from floorline.config import Config
from floorline.ingest.calls import Pricer
from floorline.jobs.control import Control
from floorline.jobs.lost import Estimator
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import build_book
from floorline.web.who import Access, Role, Who
from floorline.wiring.dashboard import Dashboard


class Somebody:
    """Access of whoever says a role in a header, as with a cookie: `as_role("editor")`."""

    def knows_host(self, host):
        return bool(host)

    def identify(self, headers):
        role = headers.get("x-role", "")
        return Who(name=f"the {role}", role=role, session="session", csrf="proof") if role else None

    def forged(self, who, headers, presented):
        del headers
        return "" if presented == who.csrf else "the form is another site's"


def as_role(role: Role) -> dict[str, str]:
    """Headers of somebody who has the role, with the proof that the page is ours."""
    return {"x-role": role, "x-csrf-token": "proof"}


def dashboard_of(ledger: Ledger, config: Config | None = None, access: Access | None = None) -> Dashboard:
    """The dashboard. Nothing runs: no collector, no job."""
    book, _ = build_book((), ())
    control = Control(ledger, Estimator(pricer=Pricer(book=book)), on_failure=lambda: None)
    return Dashboard(control, config or Config(), access or Somebody())


def client_of(dashboard: Dashboard, role: Role | None = None) -> TestClient:
    """A client that follows no redirect."""
    return TestClient(dashboard.site, headers=as_role(role) if role else {}, follow_redirects=False)
