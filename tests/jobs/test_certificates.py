"""Certificates with the dollars of their guardrails, as the command shows them."""

import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from rich.console import Console

from floorline.cli.certificates import print_list, print_one
from floorline.events import Label, Touch
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.jobs.certificates import Held, document, held_of
from floorline.jobs.certifying import CertifyingJob, by, id_of, stop
from floorline.jobs.margins import Margins
from floorline.ledger.ledger import Ledger
from floorline.margin.policy import Policies
from floorline.proof.certificate import Certificate
from floorline.proof.labels import place_of
from tests.support.ledger import Opener, entry
from tests.support.records import START, call, label

NOW = START + timedelta(days=2)


def certify(_rule: CacheRule, labels: Sequence[Label], _before: Certificate | None, now: datetime) -> Certificate:
    """Certified without a wrong one."""
    place, right = place_of(labels[-1]), all(one.right for one in labels)
    return Certificate(
        kind="route", feature=place.feature, step=place.step, subject=place.subject, state="certified" if right else "refused",
        bound=0.951, budget=0.95, labels=len(labels), rights=sum(one.right for one in labels), since=now,
        reason="every answer was right" if right else "some answers were wrong",
    )  # fmt: skip


CERTIFIER = by("route", "certified_route", lambda rules: rules.cache, certify)


@pytest.fixture(scope="module")
def ledger(databases, tmp_path_factory) -> Iterator[Ledger]:
    opener = Opener(databases, tmp_path_factory.mktemp("certificates"))
    yield opener()
    opener.finish()


@pytest.fixture(scope="module")
def held(ledger) -> list[Held]:
    touch = Touch(
        guardrail="certified_route",
        mode="enforce",
        arm="treated",
        action="route",
        saved=Decimal("0.75"),
        cost=Decimal("0.25"),
    )
    ledger.write(
        [
            entry(
                call(
                    number,
                    opened_at=NOW,
                    feature="faq",
                    environment="production",
                    purpose="production",
                    touches=(touch,),
                )
            )
            for number in range(4)
        ]
    )
    ledger.write([entry(label(number, feature="faq", right=True)) for number in range(8)])
    ledger.write([entry(label(number, feature="chat")) for number in range(8, 12)])
    CertifyingJob(ledger, Guardrails(default=Rules(cache=CacheRule())), [CERTIFIER]).run(NOW)
    return held_of(Margins(ledger, Policies()), NOW, 30, certifiers=[CERTIFIER])


def said(show, what) -> str:
    out = io.StringIO()
    show(Console(file=out, width=200, color_system=None), what)
    return out.getvalue()


def test_those_in_force_come_first_with_what_their_guardrail_saved_for_the_feature(held):
    assert [(one.kept.certificate.feature, one.net) for one in held] == [("faq", 2 * 10**12), ("chat", None)]
    shown = document(held[0])
    assert (shown["name"], shown["state"], shown["saved_net_usd"]) == (
        "route/faq/draft/small",
        "certified",
        "2.000000000000",
    )
    assert msgspec.json.decode(msgspec.json.encode(shown))["turns"][0]["reason"] == "every answer was right"


def test_the_list_says_for_each_how_sure_it_is_and_why_it_is_what_it_is(held):
    told = said(print_list, held)
    row = next(line for line in told.splitlines() if line.lstrip().startswith("route/faq"))
    assert row.split() == [
        "route/faq/draft/small",
        "certified",
        "8",
        "100.0",
        "%",
        "95.1",
        "%",
        "95.0",
        "%",
        "2026-02-01",
        "$2.00",
    ]
    assert "route/chat/draft/small: some answers were wrong." in told


def test_one_certificate_tells_what_became_of_it_and_who_stopped_it(ledger, held):
    name = id_of(held[0].kept.certificate.place)
    kept = stop(ledger.state, name, by="kim", why="look at Tuesday's answers", now=NOW + timedelta(hours=1))
    told = said(print_one, Held(kept=kept, net=held[0].net))
    assert f"{name} is suspended since 2026-02-01 23:30 UTC: stopped by kim: look at Tuesday's answers." in told
    assert "Its guardrail saved $2.00 for faq in 30 days, net." in told
    turns = [line.split()[2:4] for line in told.splitlines() if line.lstrip().startswith("2026-")]
    assert turns == [["suspended", "kim"], ["certified", "floorline"]]


def test_one_certificate_says_who_judged_its_labels_and_what_that_one_errs_by(held):
    one = held[0].kept

    def of(judge: str, error: float | None) -> str:
        judged = msgspec.structs.replace(one.certificate, judge=judge, judge_error=error)
        return said(print_one, Held(kept=msgspec.structs.replace(one, certificate=judged), net=None))

    assert "Nobody knows in how many of its verdicts its judge large errs." in of("large", None)
    assert "Its judge large is taken to err in 0.0 % of its verdicts." in of("large", 0.0)
    assert "judge" not in of("", None)
    assert (document(held[0])["judge"], document(held[0])["judge_error"]) == (None, None)
