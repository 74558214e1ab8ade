"""What is measured: the upstream alone, nginx, and Floorline's gateway by profile. Other gateways are in `rivals`."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline import __version__
from floorline.bench.gateway.processes import Cores, Server, completed, free_port, last_line
from floorline.guardrails.figures import NAME as FIGURES
from floorline.guardrails.figures import Known, to_bytes

UPSTREAM_KEY = "sk-upstream-0001"
ATTRIBUTION = ("x-floorline-customer: acme", "x-floorline-feature: search")
"""Sent to every target, so that each reads the same request."""

_NGINX = """\
daemon off;
worker_processes 1;
error_log {folder}/nginx-errors.log warn;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off;
  tcp_nodelay on;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_max_body_size 64m;
  client_body_buffer_size 128k;
  client_body_temp_path {folder}/nginx-bodies;
  proxy_temp_path {folder}/nginx-proxied;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; keepalive_timeout 300s; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer {key}";
      proxy_buffering off;
    }}
  }}
}}
"""
_FLOORLINE = """\
providers:
  openai: {{dialect: openai, base_url: "http://127.0.0.1:{upstream}/v1", api_key: "${{BENCH_UPSTREAM_KEY}}"}}
{profile}"""
_GUARDED = """\
guardrails:
  downgrade: {gpt-4o-mini: gpt-5-nano}
  margin_rules: [{name: heavy, when: customer.cost_to_revenue > 0.8 and feature.criticality != high, do: downgrade}]
  cache: {temperature_max: 1}
  output: {max_tokens: 1024}
budgets: [{name: month, scope: {customer: each}, limit: {usd: 1000000}}]
"""
_REDIS = """\
counters: {redis: "${BENCH_REDIS}", timeout: 5s}
"""
_SEMANTIC = "  semantic_cache: {mode: shadow, temperature_max: 1}\n"
_GUARDED_SETUP = "accounting, and a margin rule with the customer's figures, a budget of the customer, the exact cache with misses, an output cap"
_FLOORLINE_PROFILES = {
    "floorline-bare": ("gateway: {accounting: false}\n", "key, forward; no attribution, no price, no record"),
    "floorline-accounting": ("", "key, attribution, price, every call recorded in the spool; prompts not kept"),
    "floorline-guarded": (_GUARDED, f"{_GUARDED_SETUP}; counted in the process"),
    "floorline-semantic": (
        _GUARDED.replace("  output:", f"{_SEMANTIC}  output:"),
        f"{_GUARDED_SETUP}; every question looked up by its letters, and a veto against what is near",
    ),
    "floorline-redis": (_GUARDED + _REDIS, f"{_GUARDED_SETUP}; counted in a Redis on the core of the load"),
}
_SHARED = frozenset({"floorline-redis"})
"""Profiles that count in a Redis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a measurement happens: its scratch folder, what is kept from run to run, its cores, the upstream's port."""

    folder: Path
    cache: Path
    cores: Cores
    upstream_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that answers calls on `port`. `setup` says what is on and what is off; `server` None is the upstream itself.
    `beside` are servers that it needs, which are not measured and stay awake.
    """

    name: str
    version: str
    setup: str
    port: int
    server: Server | None
    headers: tuple[str, ...]
    beside: tuple[Server, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A target that cannot be measured here, and why."""

    name: str
    reason: str


def direct(place: Place) -> Target:
    """The upstream without anything between."""
    return Target(
        name="direct",
        version="",
        setup="the upstream alone, on the core of the load generator",
        port=place.upstream_port,
        server=None,
        headers=with_key(UPSTREAM_KEY),
    )


def nginx(place: Place) -> Target | Missing:
    """Debian's nginx as a reverse proxy that keeps connections and passes streams on at once."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return Missing(name="nginx", reason="nginx is not installed: apt-get install nginx")
    port = free_port()
    config = place.folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=place.folder, upstream=place.upstream_port, port=port, key=UPSTREAM_KEY))
    server = Server([program, "-c", str(config)], core=place.cores.gateway, log=place.folder / "nginx.log")
    server.wait_until_listening(port)
    said = completed([program, "-v"]).stderr
    return Target(
        name="nginx",
        version=said.strip().rpartition("/")[2],
        setup="reverse proxy, 1 worker, keep-alive on both sides, proxy_buffering off, access log off",
        port=port,
        server=server,
        headers=with_key("sk-client-0001"),
    )


def floorline(name: str, place: Place, said: tuple[str, str] | None = None) -> Target | Missing:
    """Floorline's gateway as a user starts it, with a home and a key of its own. `said` is its profile, what floorline.yaml says and what that
    means, where `name` is none of ours.
    """
    profile, setup = said or _FLOORLINE_PROFILES[name]
    home = place.folder / f"{name}-home"
    home.mkdir()
    environment = {"FLOORLINE_HOME": str(home), "BENCH_UPSTREAM_KEY": UPSTREAM_KEY}
    beside: tuple[Server, ...] = ()
    if name in _SHARED:
        found = _redis(name, place)
        if isinstance(found, Missing):
            return found
        server, environment["BENCH_REDIS"] = found
        beside = (server,)
    config = place.folder / f"{name}.yaml"
    config.write_text(_FLOORLINE.format(upstream=place.upstream_port, profile=profile))
    (home / FIGURES).write_bytes(to_bytes(_figures()))
    command = [sys.executable, "-m", "floorline"]
    made = completed(
        [*command, "keys", "create", "--name", "bench", "--json"], folder=place.folder, environment=environment
    )
    if made.returncode:
        return Missing(name=name, reason=f"`floorline keys create` fails: {last_line(made.stderr)}")
    port = free_port()
    server = Server(
        [*command, "gateway", "--config", str(config), "--port", str(port)],
        core=place.cores.gateway,
        log=place.folder / f"{name}.log",
        environment=environment,
    )
    server.wait_until_listening(port)
    key: str = json.loads(made.stdout)["key"]
    return Target(
        name=name, version=__version__, setup=setup, port=port, server=server, headers=with_key(key), beside=beside
    )


def _redis(name: str, place: Place) -> tuple[Server, str] | Missing:
    """A Redis for the counters, on the core of the load: what is measured is the gateway that asks it."""
    program = shutil.which("redis-server")
    if program is None:
        return Missing(name=name, reason="redis-server is not installed: apt-get install redis-server")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(place.folder)]
    server = Server(command, core=place.cores.load, log=place.folder / "redis.log")
    server.wait_until_listening(port)
    return server, f"redis://127.0.0.1:{port}/0"


def _figures() -> Known:
    """What a customer that pays well costs, for the margin rule to look at."""
    now = datetime.now(UTC)
    row = (Decimal(1_000), Decimal(10), 5_000)
    return Known(as_of=now + timedelta(days=1), since=now - timedelta(days=20), customers={"acme": row})


def with_key(key: str, *more: str) -> tuple[str, ...]:
    """The headers of every call: the key, the attribution, and what one target needs besides."""
    return (f"Authorization: Bearer {key}", *ATTRIBUTION, *more)
