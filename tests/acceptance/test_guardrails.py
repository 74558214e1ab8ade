"""Guardrails between real processes: the ledger's figures reach a gateway, which decides by them, and says why."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from floorline.clock import next_month
from tests.control.test_serve import calls_of, free_port
from tests.support.processes import Process, command, until

CONFIG = """\
providers: {openai: {dialect: openai, base_url: "http://127.0.0.1:%d/v1", auth: none}}
guardrails:
  holdout: 0%%
  downgrade: {gpt-4o: gpt-4o-mini}
  evidence: {calls: 3, days: 1}
  cache: {temperature_max: 1}
  output: {max_tokens: 40}
  margin_rules:
    - {name: heavy customers, when: customer.cost_to_revenue > 0.8 and feature.criticality != high, do: downgrade}
features: {contracts: {criticality: high, guardrails: {output: {mode: off}}}}
budgets: [{name: trial, scope: {customer: poor}, limit: {usd: 0.0001}, upgrade_url: "https://example.com/plans"}]
"""


class Asked:
    """One call of a customer, and what came of it."""

    def __init__(self, port: int, key: str, customer: str, feature: str) -> None:
        headers = {
            "authorization": f"Bearer {key}", "content-type": "application/json",
            "x-floorline-customer": customer, "x-floorline-feature": feature,
        }  # fmt: skip
        asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"hello {customer}"}], "max_tokens": 4_000}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions", data=json.dumps(asked).encode(), headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                self.status, self.headers, self.body = answer.status, answer.headers, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                self.status, self.headers, self.body = error.code, error.headers, json.loads(error.read())

    def said(self, name: str) -> str:
        return self.headers[f"x-floorline-{name}"]


def book_month(home: Path) -> None:
    """Two customers that cost the same this month, and pay $1 and $1,000."""
    today = datetime.now(UTC).date()
    first, end = today.replace(day=1), next_month(today)
    lines = [
        f"{name},{name},pro,{amount},USD,{first},{end}" for name, amount in (("heavy", "1.00"), ("light", "1000.00"))
    ]
    (home.parent / "revenue.csv").write_text(
        "\n".join(["id,customer,plan,amount,currency,period_start,period_end", *lines])
    )
    usage = [
        {
            "request_id": f"{name}-{number}", "workspace_id": name, "feature": "chat", "model": "gpt-4o", "provider": "openai",
            "input_tokens": 200_000, "output_tokens": 50_000, "timestamp": datetime.now(UTC).isoformat(),
        }
        for name in ("heavy", "light") for number in range(5)
    ]  # fmt: skip
    (home.parent / "usage.jsonl").write_text("\n".join(map(json.dumps, usage)))
    command(home, "import", "revenue", "revenue.csv")
    command(home, "import", "usage", "usage.jsonl")


@pytest.mark.prove
def test_every_guardrail_acts_on_its_calls_and_each_call_explains_why(tmp_path: Path) -> None:
    home, port, upstream = tmp_path / "home", free_port(), free_port()
    (tmp_path / "floorline.yaml").write_text(CONFIG % upstream)
    home.mkdir()
    book_month(home)
    provider = Process(tmp_path / "provider" / "home", "sandbox", "--port", str(upstream))
    process = Process(home, "serve", "--config", "floorline.yaml", "--port", str(port), "--control-port", "0")
    try:
        process.wait_for("serving on")
        key = json.loads(command(home, "keys", "create", "--name", "n", "--json"))["key"]
        until((home / "figures").exists, what="the figures of customers")
        time.sleep(2)
        heavy, critical, light = (
            Asked(port, key, *whose) for whose in (("heavy", "chat"), ("heavy", "contracts"), ("light", "chat"))
        )
        again, poor = Asked(port, key, "heavy", "contracts"), Asked(port, key, "poor", "chat")
        assert heavy.said("model-served").startswith("gpt-4o-mini")
        assert [one.said("model-served").startswith("gpt-4o-mini") for one in (critical, light)] == [False, False]
        assert heavy.body["usage"]["completion_tokens"] <= 40
        assert [(one.said("cache"), one.said("verdict")) for one in (critical, again)] == [
            ("miss", "forward"),
            ("hit", "hit"),
        ]
        assert again.body == critical.body
        assert (poor.status, poor.said("verdict")) == (402, "refuse")
        assert poor.body["error"]["budget"] == "trial"
        assert poor.body["error"]["upgrade_url"] == "https://example.com/plans"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as metrics:
            told = metrics.read().decode()
        (figures,) = [line for line in told.splitlines() if line.startswith("floorline_figures_timestamp_seconds")]
        assert 0 <= time.time() - int(figures.split()[-1]) < 120
        until(lambda: calls_of(home) == 15, what="every call in the ledger")
        _explained(home, heavy, critical, again, poor)
    finally:
        process.end()
        provider.end()


def _explained(home: Path, heavy: Asked, critical: Asked, again: Asked, poor: Asked) -> None:
    said = command(home, "explain", heavy.said("call-id"))
    assert "asking for gpt-4o\n" in said
    assert "margin_rule: heavy customers (customer.cost_to_revenue > 0.8 and feature.criticality != high)" in said
    assert "margin_rule (enforce): downgrade; saved $" in said
    assert "output (enforce): " in said
    hit = json.loads(command(home, "explain", again.said("call-id"), "--json"))
    (touch,) = hit["touches"]
    assert (hit["cached_call"], touch["guardrail"], touch["saved"]) == (
        critical.said("call-id"),
        "cache",
        hit["counterfactual_cost"],
    )
    refused = command(home, "explain", poor.said("call-id"))
    assert "Refused with status 402." in refused
    assert "budget: trial of poor has no room for the call" in refused
