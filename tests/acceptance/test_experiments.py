"""An experiment between real processes: a gateway's own labels, certified by the control process, take the treatment back."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.test_guardrails import Asked
from tests.control.test_serve import free_port
from tests.support.processes import Process, command, until

CONFIG = """\
providers:
  openai: {dialect: openai, base_url: "http://127.0.0.1:%d/v1", auth: none}
  gone: {dialect: openai, base_url: "http://127.0.0.1:%d/v1", auth: none, price_as: openai}
models: {gpt-4o: {targets: [{provider: openai}]}, tried: {attempts_max: 1, targets: [{provider: gone, model: gpt-4o-mini}]}}
guardrails: {holdout: 0%%}
experiments: {smaller: {feature: chat, model: tried, metric: completed, margin: 5%%}}
"""
CUSTOMERS = 60


def say(url: str, token: str, said: dict[str, object]) -> int:
    """The status of a word of feedback."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/api/v1/feedback", data=json.dumps(said).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.prove
def test_a_treatment_that_fails_is_rolled_back_by_itself_and_everyone_is_served_as_before(tmp_path: Path) -> None:
    home, port, upstream, nobody, control = tmp_path / "home", *(free_port() for _ in range(4))
    (tmp_path / "floorline.yaml").write_text(CONFIG % (upstream, nobody))
    home.mkdir(mode=0o700)
    provider = Process(tmp_path / "provider" / "home", "sandbox", "--port", str(upstream))
    process = Process(home, "serve", "--config", "floorline.yaml", "--port", str(port), "--control-port", str(control))
    try:
        process.wait_for("serving on")
        key = json.loads(command(home, "keys", "create", "--name", "n", "--json"))["key"]
        asked = {name: Asked(port, key, name, "chat") for name in (f"customer-{number}" for number in range(CUSTOMERS))}
        treated = [name for name, one in asked.items() if one.said("experiment") == "smaller=treatment"]
        assert CUSTOMERS // 4 < len(treated) < CUSTOMERS * 3 // 4
        assert {one.status for name, one in asked.items() if name not in treated} == {200}
        assert all(asked[name].status >= 500 for name in treated)

        def served() -> bool:
            again = Asked(port, key, treated[0], "chat")
            return again.status == 200 and again.headers["x-floorline-experiment"] is None

        until(served, seconds=90, what="the treatment being taken back")
        (held,) = json.loads(command(home, "certificates", "--json"))
        assert (held["name"], held["state"]) == ("experiment/chat//smaller", "suspended")
        (tried,) = json.loads(command(home, "experiments", "--json"))
        assert (tried["standing"], tried["control"]["right"], tried["treated"]["right"]) == ("rolled back", 1.0, 0.0)
        token = json.loads(command(home, "tokens", "create", "--name", "thumbs", "--scope", "feedback", "--json"))[
            "token"
        ]
        said = {"call_id": asked[treated[0]].said("call-id"), "right": False}
        assert [say(f"http://127.0.0.1:{control}", token, said) for _ in range(2)] == [201, 200]
    finally:
        process.end()
        provider.end()
