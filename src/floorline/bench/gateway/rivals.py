"""Other gateways, installed at a pinned version into the cache, never into the project's own environment.

LiteLLM writes its spend log to PostgreSQL through a client that fetches an engine from the network at its first use. Its own
callback for spend is used instead, which does less: each call's cost, as LiteLLM computes it, is a line in a file, not a row.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from floorline.bench.gateway.processes import Server, completed, free_port, last_line
from floorline.bench.gateway.targets import UPSTREAM_KEY, Missing, Place, Target, with_key

LITELLM_VERSION = "1.106.12"
PORTKEY_VERSION = "1.15.2"
_LITELLM_KEY = "sk-bench-0001"
_LITELLM = """\
model_list:
  - model_name: gpt-4o-mini
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "http://127.0.0.1:{upstream}/v1", api_key: {upstream_key}}}
general_settings: {{master_key: {key}}}
litellm_settings: {{telemetry: false{callback}}}
"""
_LITELLM_CALLBACK = ", callbacks: spend.log"
_LITELLM_SPEND = """\
import json

from litellm.integrations.custom_logger import CustomLogger

FIELDS = ("id", "model", "response_cost", "prompt_tokens", "completion_tokens", "startTime", "endTime", "end_user")


class Spend(CustomLogger):
    def __init__(self):
        super().__init__()
        self.file = open("spend.jsonl", "a", buffering=1)

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        call = kwargs["standard_logging_object"]
        self.file.write(json.dumps({field: call.get(field) for field in FIELDS}, default=str) + "\\n")


log = Spend()
"""
_LITELLM_ENVIRONMENT = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_COLOR": "1",
}
_PORTKEY_BROKEN = "):new Response(p,e)}"
_PORTKEY_MENDED = "):new Response(p,{status:e.status,statusText:e.statusText,headers:new Headers(e.headers)})}"


def litellm(name: str, place: Place) -> Target | Missing:
    """LiteLLM's proxy with one worker, `litellm` without and `litellm-spend` with spend logging."""
    logs_spend = name == "litellm-spend"
    environment = place.cache / f"litellm-{LITELLM_VERSION}"
    failure = _installed(environment, _install_litellm)
    if failure:
        return Missing(name=name, reason=f"LiteLLM {LITELLM_VERSION} cannot be installed: {failure}")
    folder = place.folder / name
    folder.mkdir()
    (folder / "spend.py").write_text(_LITELLM_SPEND)
    config = folder / "litellm.yaml"
    config.write_text(
        _LITELLM.format(
            upstream=place.upstream_port,
            upstream_key=UPSTREAM_KEY,
            key=_LITELLM_KEY,
            callback=_LITELLM_CALLBACK if logs_spend else "",
        )
    )
    port = free_port()
    program = str(environment / "bin" / "litellm")
    server = Server(
        [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"],
        core=place.cores.gateway,
        log=folder / f"{name}.log",
        environment=_LITELLM_ENVIRONMENT,
    )
    server.wait_until_listening(port)
    spend = "on: its callback writes each call's cost to a file" if logs_spend else "off"
    return Target(
        name=name,
        version=LITELLM_VERSION,
        setup=f"1 worker (uvicorn), LITELLM_MODE=PRODUCTION, master key; no database, telemetry, cache; spend log {spend}",
        port=port,
        server=server,
        headers=with_key(_LITELLM_KEY),
    )


def portkey(place: Place) -> Target | Missing:
    """Portkey's gateway on Node. The open source gateway keeps no spend."""
    folder = place.cache / f"portkey-{PORTKEY_VERSION}"
    node = shutil.which("node")
    if node is None:
        return Missing(name="portkey", reason="node is not installed: apt-get install nodejs npm")
    failure = _installed(folder, _install_portkey)
    if failure:
        return Missing(name="portkey", reason=f"Portkey's gateway {PORTKEY_VERSION} cannot be installed: {failure}")
    port = free_port()
    server = Server(
        [node, str(_portkey_build(folder) / "start-mended.js"), f"--port={port}", "--headless"],
        core=place.cores.gateway,
        log=place.folder / "portkey.log",
        environment={"NODE_ENV": "production"},
    )
    server.wait_until_listening(port)
    upstream = f"x-portkey-custom-host: http://127.0.0.1:{place.upstream_port}/v1"
    return Target(
        name="portkey",
        version=PORTKEY_VERSION,
        setup="Node, NODE_ENV=production, no cache, hooks or spend log; one line mended, without it every stream gets a 500",
        port=port,
        server=server,
        headers=with_key(UPSTREAM_KEY, "x-portkey-provider: openai", upstream),
    )


def _installed(folder: Path, install: Callable[[Path], str]) -> str:
    """Install into `folder` unless it was done before; what failed, '' when nothing."""
    done = folder / "installed"
    if done.exists():
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    failure = install(folder)
    if not failure:
        done.touch()
    return failure


def _install_litellm(folder: Path) -> str:
    pip = str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"
    return _failure([sys.executable, "-m", "venv", str(folder)]) or _failure(
        [*pip, f"litellm[proxy]=={LITELLM_VERSION}"]
    )


def _install_portkey(folder: Path) -> str:
    (folder / "package.json").write_text(json.dumps({"private": True}))
    package = f"@portkey-ai/gateway@{PORTKEY_VERSION}"
    failure = _failure(["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), package])
    if failure:
        return failure
    build = _portkey_build(folder)
    bundle = (build / "start-server.js").read_text()
    if bundle.count(_PORTKEY_BROKEN) != 1:
        return "its bundle is not the one that is mended here"
    (build / "start-mended.js").write_text(bundle.replace(_PORTKEY_BROKEN, _PORTKEY_MENDED))
    return ""


def _failure(command: Sequence[str]) -> str:
    done = completed(command)
    return last_line(done.stderr or done.stdout) if done.returncode else ""


def _portkey_build(folder: Path) -> Path:
    return folder / "node_modules" / "@portkey-ai" / "gateway" / "build"
