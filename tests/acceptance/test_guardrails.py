"""Guardrails between real processes: the ledger's figures reach a gateway, which decides by them, and says why."""

import json
import time
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
  margin_rules:
    - {name: heavy customers, when: customer.cost_to_revenue > 0.8 and feature.criticality != high, do: downgrade}
features: {contracts: {criticality: high}}
"""


def ask(port: int, key: str, customer: str, feature: str) -> tuple[str, str]:
    """The id of a call, and the model that answered it."""
    headers = {
        "authorization": f"Bearer {key}", "content-type": "application/json",
        "x-floorline-customer": customer, "x-floorline-feature": feature,
    }  # fmt: skip
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
        return answer.headers["x-floorline-call-id"], answer.headers["x-floorline-model-served"]


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
def test_a_heavy_customer_gets_the_cheaper_model_and_its_call_explains_why(tmp_path: Path) -> None:
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
        heavy, model = ask(port, key, "heavy", "chat")
        assert model.startswith("gpt-4o-mini")
        assert not ask(port, key, "heavy", "contracts")[1].startswith("gpt-4o-mini")
        assert not ask(port, key, "light", "chat")[1].startswith("gpt-4o-mini")
        until(lambda: calls_of(home) == 13, what="every call in the ledger")
        said = command(home, "explain", heavy)
        assert "asking for gpt-4o\n" in said
        assert "margin_rule: heavy customers (customer.cost_to_revenue > 0.8 and feature.criticality != high)" in said
        assert "margin_rule (enforce): downgrade; saved $" in said
        told = json.loads(command(home, "explain", heavy, "--json"))
        (touch,) = told["touches"]
        assert float(told["counterfactual_cost"]) - float(told["effective_cost"]) == pytest.approx(
            float(touch["saved"])
        )
    finally:
        process.end()
        provider.end()
