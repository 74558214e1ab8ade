"""The demo's proven part: three features whose calls are to become cheaper, none of them before labels of their own traffic have shown that
their users would not notice.

questions ──▶ gateway ──▶ labels ──▶ spool ──▶ ledger ──▶ certificates ──▶ the same gateway, round after round        hold-out ──▶ measured
"""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_bytes

import msgspec

from floorline.clock import day_of, timezone
from floorline.errors import FloorlineError
from floorline.gateway.issuing import Issuer, Wish
from floorline.gateway.keyring_file import KEYRING_NAME
from floorline.gateway.secret import SECRET_NAME, file_secret
from floorline.guardrails.cascade.rule import NAME as CASCADE
from floorline.guardrails.rules import Guardrails
from floorline.guardrails.semantic.rule import NAME as SEMANTIC
from floorline.jobs.certifying import CertifyingJob, shelf
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.margins import Margins
from floorline.ledger.ledger import Ledger
from floorline.ledger.state import State
from floorline.margin.dimensions import Scope
from floorline.margin.effectiveness import Effect
from floorline.margin.policy import Policies
from floorline.money import ZERO, text, usd_of
from floorline.pricing.book import PriceBook
from floorline.proof.certificate import NAME as CERTIFICATES
from floorline.proof.certificate import Certificate
from floorline.sandbox import company as own
from floorline.sandbox.checks import Check
from floorline.sandbox.live import stored_calls
from floorline.sandbox.processes import collect, free_port, gateway, provider
from floorline.sandbox.questions import CLAUSES, HELP, SUMMARIES, Question, asked, knowledge
from floorline.sandbox.settings import proven, serving

CALLERS = 12
ROUNDS = 6
LEARNING_ROUNDS = 2
LEARNING, WATCHING = "100%", "5%"
"""The share of calls that both models answer in the first rounds, which decide, and in the others."""

TIMEOUT_S = 30
SETTLING_S = 10
"""How long comparisons that the last calls began may take."""

_PAUSE_S = 0.2
_TAKEN_S = 1.5
"""In which a gateway has taken over what was certified."""

GUARDRAILS = {HELP: SEMANTIC, CLAUSES: SEMANTIC, SUMMARIES: CASCADE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a caller got for one question, and whether it was the right answer; `cheap`: neither the dear model nor the provider was needed."""

    question: Question
    call_id: str
    cost: Decimal
    right: bool
    cheap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One feature: what its guardrail was certified to do or not, after which round, and what that was worth. `rights` of the `cheap`
    answers were the right ones, `right_before` and `right_after` are the shares of all before and since; `effect` is what was saved by claim and by hold-out.
    """

    feature: str
    guardrail: str
    certificate: Certificate | None
    since_round: int | None
    calls: int
    cheap: int
    cheap_right: int
    right_before: Decimal | None
    right_after: Decimal | None
    effect: Effect | None

    @property
    def state(self) -> str:
        """What the certificate says; shadow before there is one."""
        return "shadow" if self.certificate is None else self.certificate.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The three features, and totals that hold them against the raw rows."""

    proofs: tuple[Proof, ...]
    rounds: int
    checks: tuple[Check, ...]


def run_proven(
    folder: Path,
    ledger: Ledger,
    book: PriceBook,
    policies: Policies,
    rails: Guardrails,
    *,
    calls: int,
    seed: int,
) -> Proven:
    """Ask `calls` questions of each feature through a gateway of `folder`, in rounds; after each round its labels are certified."""
    known = folder / "knowledge.json"
    known.write_bytes(knowledge())
    truth = msgspec.json.decode(known.read_bytes())["answers"]
    rounds = _rounds(calls, seed)
    key = _key(folder)
    certifying = CertifyingJob(ledger, rails)
    heard: list[list[Heard]] = []
    turned: dict[str, int] = {}
    with provider(folder, "--knows", str(known)) as upstream:
        port = free_port()
        path = folder / "proven.yaml"
        path.write_text(serving(upstream) + proven(LEARNING))
        process = gateway(folder, path, port)
        try:
            for number, questions in enumerate(rounds, 1):
                with ThreadPoolExecutor(CALLERS) as callers:
                    heard.append(list(callers.map(partial(_call, port, key, truth), questions)))
                if number == LEARNING_ROUNDS:
                    path.write_text(serving(upstream) + proven(WATCHING))
                _certify(folder, ledger, book, certifying)
                for one in _certificates(ledger):
                    if one.acts:
                        turned.setdefault(one.feature, number)
        finally:
            process.terminate()
            process.wait()
    collect(folder, ledger, book)
    day = day_of(datetime.now(UTC), timezone(ledger.timezone))
    effects = effects_of(Margins(ledger, policies), day - timedelta(days=1), day + timedelta(days=1), Scope())
    proofs = tuple(_proof(feature, heard, turned, _certificates(ledger), effects) for feature in GUARDRAILS)
    return Proven(proofs=proofs, rounds=len(rounds), checks=tuple(_checks(ledger, heard)))


def _rounds(calls: int, seed: int) -> Sequence[Sequence[Question]]:
    """Every feature's questions, dealt into the rounds in turn."""
    dealt: list[list[Question]] = [[] for _ in range(ROUNDS)]
    for feature in GUARDRAILS:
        questions = asked(feature, calls, seed)
        for number, question in enumerate(questions):
            dealt[number * ROUNDS // len(questions)].append(question)
    return dealt


def _key(folder: Path) -> str:
    state = State.open(folder)
    try:
        secret = file_secret(folder / SECRET_NAME, token_bytes)
        issuer = Issuer(state, folder / KEYRING_NAME, secret, token_bytes, actor="demo")
        return issuer.create(Wish(name="proven"), datetime.now(UTC)).text
    finally:
        state.close()


def _call(port: int, key: str, truth: dict[str, str], question: Question) -> Heard:
    """One question as the product's backend asks it."""
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "x-floorline-customer": question.customer,
        "x-floorline-feature": question.feature,
    }
    body = {"model": own.STRONG.name, "temperature": 0, "messages": [{"role": "user", "content": question.text}]}
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        with connection.getresponse() as response:
            content = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise FloorlineError(
            f"the gateway answered a call of {question.feature} with {response.status}: {content[:300]!r}"
        )
    said = json.loads(content)["choices"][0]["message"]["content"]
    hit = response.headers["x-floorline-verdict"] == "hit"
    return Heard(
        question=question,
        call_id=response.headers["x-floorline-call-id"],
        cost=Decimal(response.headers.get("x-floorline-cost-usd", "0")),
        right=said.strip() == truth[question.text],
        cheap=hit or not response.headers["x-floorline-model-served"].startswith(own.STRONG.name),
    )


def _certify(folder: Path, ledger: Ledger, book: PriceBook, certifying: CertifyingJob) -> None:
    """Bring the round's labels into the ledger, its last comparisons too, and let the gateway have what follows from them."""
    deadline, seen = time.monotonic() + SETTLING_S, -1
    while time.monotonic() < deadline:
        collect(folder, ledger, book)
        found = ledger.generation
        if found == seen:
            break
        seen = found
        time.sleep(_PAUSE_S)
    before = _stamp(folder)
    certifying.run(datetime.now(UTC))
    if _stamp(folder) != before:
        time.sleep(_TAKEN_S)


def _stamp(folder: Path) -> int:
    path = folder / CERTIFICATES
    return path.stat().st_mtime_ns if path.exists() else 0


def _certificates(ledger: Ledger) -> Sequence[Certificate]:
    return [kept.published for kept in shelf(ledger.state).all().values()]


def _proof(
    feature: str,
    heard: Sequence[Sequence[Heard]],
    turned: dict[str, int],
    certificates: Sequence[Certificate],
    effects: Sequence[Effect],
) -> Proof:
    mine = [[one for one in one_round if one.question.feature == feature] for one_round in heard]
    since = turned.get(feature)
    before = [one for one_round in mine[:since] for one in one_round]
    after = [one for one_round in mine[since:] for one in one_round] if since is not None else []
    cheap = [one for one in after if one.cheap]
    guardrail = GUARDRAILS[feature]
    return Proof(
        feature=feature,
        guardrail=guardrail,
        certificate=next((one for one in certificates if one.feature == feature), None),
        since_round=since,
        calls=sum(map(len, mine)),
        cheap=len(cheap),
        cheap_right=sum(one.right for one in cheap),
        right_before=_share(before),
        right_after=_share(after),
        effect=next((one for one in effects if (one.feature, one.guardrail) == (feature, guardrail)), None),
    )


def _share(heard: Sequence[Heard]) -> Decimal | None:
    return Decimal(sum(one.right for one in heard)) / len(heard) if heard else None


def _checks(ledger: Ledger, heard: Sequence[Sequence[Heard]]) -> Iterator[Check]:
    """Every answer is in the ledger, at the cost that its caller was told."""
    every = {one.call_id: one for one_round in heard for one in one_round}
    stored = {row.id: usd_of(row.pico) for row in stored_calls(ledger) if row.id in every}
    told = sum((one.cost for one in every.values()), ZERO)
    yield Check(what="proven calls", shown=f"{len(every):,}", raw=f"{len(stored):,}", raw_rows="stored")
    yield Check(what="proven, told", shown=text(told), raw=text(sum(stored.values(), ZERO)), raw_rows="stored")
