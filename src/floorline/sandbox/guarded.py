"""The demo's guarded part: the code assistant's last hours once more, through a gateway that may act on what it costs.

history ──▶ ledger ──▶ figures of customers ──▶ gateway with guardrails ◀── the same calls again        spool ──▶ ledger ──▶ compared
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from http.client import HTTPConnection
from importlib import resources
from pathlib import Path
from secrets import token_bytes

from floorline.clock import day_of, timezone
from floorline.errors import FloorlineError
from floorline.gateway.issuing import Issued, Issuer, Wish
from floorline.gateway.keyring_file import KEYRING_NAME
from floorline.gateway.secret import SECRET_NAME, file_secret
from floorline.guardrails.figures import NAME as FIGURES
from floorline.guardrails.figures import from_bytes
from floorline.ingest.calls import Pricer
from floorline.jobs.customer_figures import publish
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.importing import Importing, Problem
from floorline.jobs.margins import Margins
from floorline.ledger.ledger import Ledger
from floorline.ledger.state import State
from floorline.margin.dimensions import Scope
from floorline.margin.policy import Policies
from floorline.pricing.book import PriceBook
from floorline.query import Query
from floorline.sandbox import company as own
from floorline.sandbox.exports import write_month
from floorline.sandbox.processes import collect, free_port, gateway, provider
from floorline.sandbox.rows import UsageRow
from floorline.sandbox.scene import MESSAGE_TOKENS, Guarded, Replied, Scene, StoredCall, guarded_of, month_so_far
from floorline.sandbox.settings import guardrails

CALLERS = 8
TIMEOUT_S = 30
_REFUSED = frozenset({402, 429})


def run_guarded(
    folder: Path,
    ledger: Ledger,
    book: PriceBook,
    policies: Policies,
    scene: Scene,
    on_problem: Callable[[Problem], None],
) -> Guarded:
    """Make the scene's calls through a gateway of `folder` with the company's guardrails; what they cost before and after."""
    now = datetime.now(UTC)
    importing = Importing(ledger=ledger, pricer=Pricer(book=book), now=now, on_problem=on_problem)
    for export in write_month(folder, *month_so_far(scene, now)):
        importing.file(export.kind, export.path)
    publish(ledger, policies, now)
    known = from_bytes((folder / FIGURES).read_bytes())
    month_cost = {customer: cost for customer, (_, cost, _) in known.customers.items()}
    issued = _key(folder, now)
    with provider(folder) as upstream:
        port = free_port()
        serving = gateway(folder, _config(folder, upstream, scene), port)
        try:
            with ThreadPoolExecutor(CALLERS) as callers:
                replies = list(callers.map(partial(_call, port, issued.text), scene.calls))
        finally:
            serving.terminate()
            serving.wait()
    collect(folder, ledger, book)
    day = day_of(now, timezone(ledger.timezone))
    effects = effects_of(Margins(ledger, policies), day, day + timedelta(days=2), Scope(), own.CODE)
    return guarded_of(scene, replies, _stored(ledger, issued.key.id), effects, month_cost)


def _key(folder: Path, now: datetime) -> Issued:
    """The code assistant's key; who calls, and on which plan, its backend says with each call."""
    state = State.open(folder)
    try:
        secret = file_secret(folder / SECRET_NAME, token_bytes)
        issuer = Issuer(state, folder / KEYRING_NAME, secret, token_bytes, actor="demo")
        return issuer.create(Wish(name="code-assistant", feature=own.CODE), now)
    finally:
        state.close()


def _config(folder: Path, upstream: str, scene: Scene) -> Path:
    path = folder / "guarded.yaml"
    path.write_text(
        "# The code assistant's guardrails. Both providers are simulated on this machine.\n"
        "providers:\n"
        f"  openai: {{dialect: openai, base_url: {upstream}/v1, auth: none}}\n"
        f"  anthropic: {{dialect: anthropic, base_url: {upstream}, auth: none}}\n"
        "models:\n"
        f"  {own.STRONG.name}: {{targets: [{{provider: anthropic}}]}}\n"
        f"  {own.MIDDLE.name}: {{targets: [{{provider: anthropic}}]}}\n"
        f"  {own.CHEAP.name}: {{targets: [{{provider: openai}}]}}\n" + guardrails(scene.free_limit)
    )
    return path


def _call(port: int, key: str, row: UsageRow) -> Replied:
    """One call as the product's backend makes it."""
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "x-floorline-customer": row.customer_id,
        "x-floorline-user": row.user_id,
        "x-floorline-plan": row.plan,
        "x-floorline-workflow": row.workflow,
        "x-floorline-step": row.step,
        "x-sandbox-output-tokens": str(row.output_tokens),
        "x-sandbox-reasoning-tokens": "0",
    }
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", "/v1/chat/completions", _body(row), headers)
        with connection.getresponse() as response:
            content = response.read()
    finally:
        connection.close()
    call_id = response.headers.get("x-floorline-call-id", "")
    if response.status in _REFUSED:
        return Replied(row=row, call_id=call_id, refused=True)
    if response.status != 200:
        raise FloorlineError(f"the gateway answered a call of {own.CODE} with {response.status}: {content[:300]!r}")
    return Replied(
        row=row,
        call_id=call_id,
        cost=Decimal(response.headers["x-floorline-cost-usd"]),
        served=_named(response.headers["x-floorline-model-served"]),
    )


def _body(row: UsageRow) -> bytes:
    """A prompt of exactly as many tokens as the row has, and a cap that lets its answer through."""
    words = "Why does this loop never end? while n > 0: print(n) "
    size = 4 * (row.input_tokens - MESSAGE_TOKENS)  # a token is four bytes there
    said = (words * (size // len(words) + 1))[:size]
    messages = [{"role": "user", "content": said}]
    return json.dumps(
        {"model": row.model, "max_completion_tokens": max(row.output_tokens, 1), "messages": messages}
    ).encode()


def _named(served: str) -> str:
    """The company's word for a model, whose provider may add the day it was made."""
    return next((name for name in own.MODELS if served.startswith(name)), served)


def _stored(ledger: Ledger, key_id: str) -> Sequence[StoredCall]:
    sql = resources.files("floorline.sandbox").joinpath("sql", "guarded_calls.sql").read_text(encoding="utf-8")
    return ledger.query(Query(sql=sql, row=StoredCall, parameters={"key": key_id}))
