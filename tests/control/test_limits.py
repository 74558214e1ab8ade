"""What the ledger knows of bounds, preambles, context and examples; and the command."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from floorline.cli.limits import document, show
from floorline.events import CostLine, Touch
from floorline.guardrails.frame import ENFORCE, FORWARD, Facts
from floorline.guardrails.output import OutputRule, cap_output
from floorline.jobs.limits import limits_use
from tests.support.ledger import entry
from tests.support.records import call

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(unit: str, quantity: int, price: str) -> CostLine:
    cost = Decimal(quantity) * Decimal(price) / 1_000_000
    return CostLine(
        component="inference", unit=unit, quantity=Decimal(quantity), per=1_000_000, unit_price=Decimal(price),
        list=cost, contracted=cost, effective=cost, price_version="v",
    )  # fmt: skip


def watched(number: int, *, bounded: str = "", feature: str = "faq", **noted: str):
    lines = (line("input", 1_000, "2"), line("output", 100, "10"))
    touch = Touch(guardrail="output", mode="enforce", arm=bounded, action="clamp") if bounded else None
    cost = sum((one.effective for one in lines), Decimal(0))
    return entry(
        call(
            number, opened_at=NOW, feature=feature, metadata=noted, lines=lines, usage={"input": Decimal(1_000), "output": Decimal(100)},
            list_cost=cost, contracted_cost=cost, effective_cost=cost, touches=() if touch is None else (touch,),
        )
    )  # fmt: skip


@pytest.fixture
def filled(ledger):
    ledger.write([
        watched(1, answer_end="length", bounded="treated"), watched(2, answer_end="stop", preamble_tokens="40"),
        watched(3, answer_end="stop", context_tokens="500", context_pieces="5", example_tokens="250", example_pieces="2"),
        watched(4, answer_end="stop", context_tokens="300", context_pieces="3"),
        watched(5, feature="plain"), watched(6, feature="bounded", bounded="treated"), watched(7, feature="left", bounded="holdout"),
    ])  # fmt: skip
    ledger.flush()
    return ledger


def test_answers_that_were_cut_and_what_could_be_shorter_are_summed_by_feature(filled):
    bounded, faq = limits_use(filled, date(2026, 3, 1), date(2026, 3, 2))
    assert (bounded.feature, bounded.watched, bounded.bounded, bounded.cut_ratio) == ("bounded", 0, 1, None)
    assert (faq.watched, faq.cut, faq.bounded_cut, faq.cut_ratio) == (4, 1, 1, Decimal("0.25"))
    assert (faq.with_preamble, faq.preamble_tokens, faq.preamble_cost) == (1, 40, Decimal("0.0004"))
    assert faq.suggests_structured
    assert (faq.context_pieces, faq.context_cost, faq.one_piece_fewer) == (8, Decimal("0.0016"), Decimal("0.0004"))
    assert (faq.example_pieces, faq.examples_cost, faq.one_example_fewer) == (2, Decimal("0.0005"), Decimal("0.00025"))


def test_of_answers_that_were_bounded_and_not_watched_those_are_cut_that_used_all_of_their_bound(ledger):
    """As the guardrail's own reason has the bound; whoever broke off is of neither kind."""
    facts = Facts(at=NOW, endpoint="chat.completions", output_cap=500)
    (why,) = cap_output(facts, OutputRule(setting=ENFORCE, tokens_max=100), FORWARD).reasons
    touch = Touch(guardrail="output", mode="enforce", arm="treated", action="clamp")
    ledger.write([
        entry(call(number, opened_at=NOW, feature="faq", usage={"output": Decimal(made)}, ending=ending, reasons=(why,), touches=(touch,), lines=()))
        for number, (made, ending) in enumerate([(100, "complete"), (99, "complete"), (3, "complete"), (100, "client_left")])
    ])  # fmt: skip
    ledger.flush()
    (faq,) = limits_use(ledger, date(2026, 3, 1), date(2026, 3, 2))
    assert (faq.bounded, faq.watched, faq.cut, faq.bounded_cut) == (4, 3, 1, 1)


def test_a_call_that_used_nothing_is_no_trouble(ledger):
    touch = Touch(guardrail="output", mode="enforce", arm="treated", action="cap")
    ledger.write([entry(call(1, opened_at=NOW, feature="refused", usage={}, lines=(), touches=(touch,)))])
    ledger.flush()
    (refused,) = limits_use(ledger, date(2026, 3, 1), date(2026, 3, 2))
    assert (refused.bounded, refused.context_cost, refused.examples_cost) == (1, 0, 0)


def test_the_command_shows_them_to_people_and_to_programs(filled, capsys):
    found = limits_use(filled, date(2026, 3, 1), date(2026, 3, 2))
    show(found, 7)
    told = capsys.readouterr().out
    assert "25.0 %" in told
    assert "faq: 1 of 4 answers say something before their JSON (40 tokens): ask for structured output instead" in told
    faq = json.loads(json.dumps(document(found[1])))
    assert (faq["cut_ratio"], faq["preamble_usd"], faq["structured_output_suggested"]) == (
        "0.2500",
        "0.000400000000",
        True,
    )
