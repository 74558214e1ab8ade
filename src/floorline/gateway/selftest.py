"""A budget of a thousandth of a cent against every kind of route: whether what is configured is really enforced.

Nothing is sent: calls are admitted, decided and reserved as they always are, against counters of their own.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline.gateway.accounting import Prices
from floorline.gateway.admission import Turned, admit
from floorline.gateway.counters.local import LocalCounters
from floorline.gateway.guarding import Guard
from floorline.gateway.keys import Keyring, digest, new_key
from floorline.gateway.message import Headers, Request
from floorline.gateway.policy import Dialect, GatewayPolicy
from floorline.gateway.snapshot import Snapshot
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget
from floorline.guardrails.frame import Amounts
from floorline.guardrails.rules import Guardrails
from floorline.ledger.checkpoint import Place, SavedCall
from floorline.ledger.key import Key
from floorline.pricing.book import PriceBook

TINY = Budget(name="self-test", scope=(), unit="usd", limit=Decimal("0.00001"))
_TEXT = "A few hundred words that a provider would charge for. " * 40
_MODELS: dict[Dialect, str] = {
    "openai": "gpt-4o",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-pro",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
}
_OWNED = {b"x-floorline-customer": b"self-test", b"x-floorline-feature": b"self-test"}
_CHAT = '{{"model": "{model}", "max_tokens": 100000, "messages": [{{"role": "user", "content": "{text}"}}]}}'
_CONTENTS = '{{"contents": [{{"parts": [{{"text": "{text}"}}]}}], "generationConfig": {{"maxOutputTokens": 100000}}}}'
_CONVERSE = '{{"messages": [{{"role": "user", "content": [{{"text": "{text}"}}]}}], "inferenceConfig": {{"maxTokens": 100000}}}}'
_OTHER = '{{"model": "{model}", "prompt": "{text}"}}'
_ROUTES: tuple[tuple[Dialect, str, str], ...] = (
    ("openai", "/v1/chat/completions", _CHAT),
    ("openai", "/v1/responses", '{{"model": "{model}", "max_output_tokens": 100000, "input": "{text}"}}'),
    ("openai", "/v1/completions", '{{"model": "{model}", "max_tokens": 100000, "prompt": "{text}"}}'),
    ("openai", "/v1/embeddings", '{{"model": "{model}", "input": "{text}"}}'),
    ("openai", "/v1/images/generations", _OTHER),
    ("openai", "/v1/audio/speech", _OTHER),
    ("openai", "/v1/batches", _OTHER),
    ("anthropic", "/v1/messages", _CHAT),
    ("anthropic", "/v1/messages/batches", _OTHER),
    ("gemini", "/v1beta/models/{model}:generateContent", _CONTENTS),
    ("gemini", "/v1beta/models/{model}:streamGenerateContent", _CONTENTS),
    ("gemini", "/v1beta/models/{model}:batchGenerateContent", _CONTENTS),
    ("bedrock", "/model/{model}/converse", _CONVERSE),
    ("bedrock", "/model/{model}/converse-stream", _CONVERSE),
)


async def unblocked(policy: GatewayPolicy, book: PriceBook, folder: Path, now: datetime) -> tuple[int, list[str]]:
    """How many routes were tried, and those on which the budget did not refuse the call. `folder` is an empty one."""
    allowance = Allowance(budgets=(TINY,))
    tested = replace(policy, allowance=allowance, guardrails=Guardrails(), sharing=None)
    secret, text = secrets.token_bytes(32), new_key(secrets.token_bytes(32))
    key = Key(id="k_selftest", name="self-test", digest=digest(text.encode(), secret), created_at=now)
    snapshot = Snapshot(
        policy=tested, ring=Keyring((key,), secret), prices=Prices(book=book), upstreams={}, breakers={}
    )
    counters = LocalCounters(folder, Place, lost_after=timedelta(hours=1))
    await counters.begin(allowance, now, _unknown)
    guard, tried, through = Guard(counters), 0, list[str]()
    for path, body in _requests(tested):
        request = Request(
            method="POST",
            path=path,
            headers={b"authorization": f"Bearer {text}".encode(), **_OWNED},
            body=body,
            received_ns=time.perf_counter_ns(),
        )
        admitted = admit(request, snapshot.places, snapshot.ring, f"{tried:032x}", now)
        assert not isinstance(admitted, Turned), "the key is good"
        if admitted.call.refusal is not None:
            continue  # no model or provider serves it here
        tried += 1
        await guard.decided(admitted.call, admitted, snapshot, Nobody())
        if admitted.call.refusal is None or admitted.call.refusal.status != 402:
            through.append(path)
    return tried, through


def _requests(policy: GatewayPolicy) -> Iterator[tuple[str, bytes]]:
    """One request for each kind of route to a configured provider, its path and body."""
    spoken = {provider.dialect for provider in policy.providers.values()}
    for dialect, path, body in _ROUTES:
        if dialect in spoken:
            model = _MODELS[dialect]
            yield path.format(model=model), body.format(model=model, text=_TEXT).encode()
    for name, provider in policy.providers.items():
        model = _MODELS[provider.dialect]
        yield f"/{name}/anything/else", _OTHER.format(model=model, text=_TEXT).encode()


def _unknown(_call: SavedCall) -> Amounts:
    return Amounts(pico=None, tokens=None)


class Nobody:
    """Who waits for no answer: nothing is ever sent to it."""

    def __init__(self) -> None:
        self.gone = self.started = False
        self.on_gone: Callable[[], None] | None = None
        self.on_full: Callable[[], None] | None = None
        self.on_room: Callable[[], None] | None = None

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """An answer: there is none."""
        raise AssertionError(f"{status} with {len(headers)} headers and {len(body)} bytes was answered")

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """A head: there is none."""
        raise AssertionError(f"{status} with {len(headers)} headers and {length} bytes was begun")

    def write(self, data: bytes) -> None:
        """A piece: there is none."""
        raise AssertionError(f"{len(data)} bytes were written")

    def end(self) -> None:
        """There was nothing to end."""

    def abort(self) -> None:
        """There was nothing to break off."""
