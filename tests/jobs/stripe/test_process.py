"""The whole path with real processes: the stand-in, the control process's webhook and jobs, the command line."""

import json
import time
import urllib.request

import pytest

from floorline.sandbox.stripe_api import KEY, StripeSandbox, signed
from tests.ingest.stripe_objects import customer, invoice, line
from tests.support.processes import command, control, get, until


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIPE_KEY", KEY)
    monkeypatch.setenv("STRIPE_HOOK", "whsec_new")
    monkeypatch.setenv("STRIPE_HOOK_OLD", "whsec_old")
    return tmp_path / "home"


def configure(home, url: str) -> None:
    (home.parent / "floorline.yaml").write_text(
        f"stripe:\n  api_key: ${{STRIPE_KEY}}\n  webhook_secret:\n    - ${{STRIPE_HOOK}}\n    - ${{STRIPE_HOOK_OLD}}\n  api_base: {url}\n"
    )


def earned(home) -> str:
    report = json.loads(command(home, "margin", "--from", "2026-01-01", "--to", "2026-02-01", "--json"))
    return report["total"]["revenue"]


@pytest.mark.prove
def test_pulled_by_hand_then_followed_by_the_control_process(home):
    sandbox, at = StripeSandbox(), int(time.time())
    sandbox.put(customer(), "customer.created", at=at - 100)
    sandbox.put(invoice(line()), "invoice.finalized", at=at - 100)
    with sandbox.serve() as url:
        configure(home, url)
        assert "was never read whole" in command(home, "stripe", "status", code=1)
        assert "2 documents fetched" in command(home, "stripe", "pull")
        assert earned(home) == "31.000000000000"
        assert json.loads(command(home, "stripe", "status", "--json"))["stale"] is False
        with control(home) as process:
            port = process.log.read_text().partition("http://127.0.0.1:")[2].split()[0]
            event = sandbox.put(invoice(line("il_2", 900), name="in_2"), "invoice.paid", at=at)
            body, headers = signed(event, ["whsec_old"], at=int(time.time()))
            request = urllib.request.Request(f"http://127.0.0.1:{port}/stripe/webhook", body, headers, method="POST")
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert answer.status == 200
            process.wait_for("job stripe-take: ")
            until(lambda: earned(home) == "40.000000000000", what="the invoice")
            token = (home / "control.token").read_text()
            figures = get(f"http://127.0.0.1:{port}/metrics", token)[1]
            assert 'floorline_revenue_stale{source="stripe"} 0\n' in figures
            assert 'floorline_job_failures_total{job="stripe-pull"} 0\n' in figures
