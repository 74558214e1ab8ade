"""OpenAI's own client for Node, unmodified. It is installed into a folder of its own, outside of the project."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.clients.conftest import Gateway
from tests.support.data import require

VERSION = "7.57.0"
SCRIPT = Path(__file__).with_name("openai.mjs")


@pytest.mark.prove
def test_the_node_client_is_served_whole_and_streamed(gateway: Gateway, tmp_path: Path):
    npm = shutil.which("npm")
    require(condition=npm is not None, reason="npm is not installed")
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--silent", f"openai@{VERSION}"],
        cwd=tmp_path,
        check=True,
        timeout=300,
    )
    shutil.copy(SCRIPT, tmp_path)
    done = subprocess.run(
        ["node", SCRIPT.name], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, "BASE_URL": f"{gateway.url}/v1", "KEY": gateway.key},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["whole"] == seen["streamed"]
    assert seen["tool"] == "weather"
    assert seen["response"]
    assert seen["errors"] == ["RateLimitError", "AuthenticationError"]
    assert any(call["input_tokens"] == seen["usage"]["prompt_tokens"] for call in gateway.calls())
