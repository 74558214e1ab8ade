"""Baselines of a running control process: declared through its API and by command, told by both, and by a trend."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from tests.support.processes import command, control


def asked(url: str, token: str, body: object = None) -> tuple[int, dict[str, object]]:
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_baseline_is_declared_by_api_and_by_command_and_a_trend_names_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with control(home) as process:
        base = next(word for word in process.log.read_text().split() if word.startswith("http://"))
        url, token = f"{base}/api/v1/baselines", (home / "control.token").read_text()
        today = datetime.now(UTC).date().isoformat()
        status, entry = asked(url, token, {"feature": "assistant", "model": "small", "from": "2026-03-05", "by": "ci"})
        assert status == 201
        assert (entry["from"], entry["source"], entry["declared_by"]) == ("2026-03-05", "api", "ci")
        assert asked(url, token, {"feature": "sorter", "name": "second try"})[1]["from"] >= today

        said = command(
            home, "baselines", "declare", "assistant", "--prompt", "v8", "--from", "2026-03-07", "--note", "why"
        )
        assert said.startswith("assistant: 2026-03-07 every step: prompt v8 (declared by ")
        status, told = asked(f"{url}?feature=assistant", token)
        assert status == 200
        assert [(one["from"], one["model"], one["prompt"]) for one in told["changelog"]] == [
            ("2026-03-05", "small", ""), ("2026-03-07", "", "v8"),
        ]  # fmt: skip
        assert json.loads(command(home, "baselines", "--feature", "assistant", "--json")) == told

        assert asked(url, "wrong" * 9, {"feature": "assistant", "model": "m"})[0] == 401
        for body, message in (
            ({"feature": "assistant"}, "nothing is said of the baseline: add a model, prompt, route or name"),
            ({"model": "m"}, "Object missing required field `feature`: mend that and send it again"),
            ({"feature": "a", "model": "m", "colour": 1}, "Object contains unknown field `colour`: mend that and send it again"),
                ({"feature": "a", "model": "m\n"}, "model has characters that cannot be printed: leave them out"),
            (b"{", None),
        ):  # fmt: skip
            status, refused = asked(url, token, body)
            assert status == 400
            assert message in {None, refused["error"]["message"]}
        assert asked(f"{url}?colour=1", token)[1] == {
            "error": {"type": "invalid", "message": "there is no parameter 'colour': feature"}
        }
