"""What a gateway would do with a call: the same that it does, found out without making it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from floorline.cli.route import command
from floorline.gateway.policy import GatewayPolicy, Provider
from floorline.gateway.trying import Trial, Tried, tried
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.condition import parse_condition
from floorline.guardrails.frame import ENFORCE, Refusal, Setting
from floorline.guardrails.routing import Routing
from floorline.guardrails.rules import Guardrails, Rules
from floorline.proof.certificate import Certificate, Certificates
from tests.gateway.test_routing import BOOK, LARGE, SMALL, as_asked, asked, ruled
from tests.support.dialects import OPENAI
from tests.support.serving import MODEL, OWNED, run, serving

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = {"openai": Provider(name="openai", dialect="openai", base_url="http://x")}
FILE = """\
providers: {openai: {dialect: openai, base_url: "http://127.0.0.1:1/v1", auth: none}}
guardrails: {holdout: 0%, downgrade: {gpt-4o: gpt-4o-mini}}
routes:
  - {name: gold stays, when: call.header.x-tier = gold, to: asked}
  - {name: tried, when: call.input_tokens < 5000, to: gpt-4.1-nano, mode: shadow}
  - {name: short, when: feature.name = support and call.input_tokens < 2000, to: cheaper}
  - {name: rest, to: gpt-4.1}
"""


@pytest.mark.parametrize("plan", ["free", "pro", ""])
@pytest.mark.parametrize("tier", ["gold", ""])
def test_a_trial_says_where_the_gateway_sends_the_same_call(plan: str, tier: str, tmp_path: Path) -> None:
    rails = ruled(
        Routing(
            name="gold",
            when=parse_condition("call.header.x-tier = gold"),
            to=LARGE,
            setting=Setting(mode="canary", share_ppm=500_000),
        ),
        Routing(name="free", when=parse_condition("customer.plan = free"), to=SMALL),
    )
    said = {**OWNED, **({"x-floorline-plan": plan} if plan else {}), **({"x-tier": tier} if tier else {})}

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails) as live:
            live.stub.script = as_asked
            await live.ask(OPENAI.path, OPENAI.ask, said)
            found = tried(Trial(model=MODEL, at=NOON, headers=said), live.pipeline.snapshot.policy, BOOK, None)
            call = (await live.settled()).call
        assert isinstance(found, Tried)
        assert (found.model, found.verdict.reasons) == (asked(live)[0], call.reasons)
        assert [one.arm for one in found.verdict.touches] == list(call.touches_arm)

    run(test())


def test_every_rule_says_what_came_of_it_and_what_it_waits_for() -> None:
    rails = ruled(
        Routing(name="mood", when=parse_condition("intent.mood = angry and customer.plan = pro"), to=LARGE),
        Routing(name="rest", to=SMALL),
    )
    policy = GatewayPolicy(providers=OPEN, guardrails=rails)
    pro = {**OWNED, "x-floorline-plan": "pro"}

    def rules_of(**changes: object) -> tuple[str, list[str]]:
        found = tried(Trial(model=MODEL, at=NOON, headers=pro, **changes), policy, BOOK, None)
        assert isinstance(found, Tried)
        return found.traced.wanted, [rule.came for rule in found.traced.rules]

    assert rules_of() == ("intent.mood", ["open", "after"])
    assert rules_of(labels={"intent.mood": "angry"}) == ("", ["counts", "after"])
    assert rules_of(labels={"intent.mood": ""}) == ("", ["fails", "counts"])
    nowhere = tried(Trial(model=MODEL, at=NOON, dialect="gemini"), policy, BOOK, None)
    assert isinstance(nowhere, Refusal), "no provider speaks it"


def test_the_command_shows_rule_by_rule_where_a_call_goes(tmp_path: Path) -> None:
    file = tmp_path / "floorline.yaml"
    file.write_text(FILE)

    def said(*options: str) -> str:
        done = CliRunner().invoke(
            command,
            ["test", "--config", str(file), "--model", "gpt-4o", *options],
            env={"FLOORLINE_HOME": str(tmp_path / "home")},
        )
        assert done.exit_code == 0, done.output
        return done.output

    told = said("--feature", "support", "--input-tokens", "900", "--output-tokens", "200")
    assert "2. tried: holds, and does not act on this call\n     ✓ call.input_tokens < 5000 (it is 900)" in told
    assert "3. short: counts" in told
    assert "4. rest: not looked at" in told
    assert (
        "It goes to gpt-4o-mini at openai, for about $0.000255, in place of $0.00425 (900 tokens in, 200 out)." in told
    )
    gold = json.loads(said("--header", "X-Tier=gold", "--json"))
    assert (gold["model"], gold["rules"][0]["came"], gold["rules"][0]["terms"][0]["known"]) == (
        "gpt-4o",
        "counts",
        "gold",
    )
    assert (
        json.loads(said("--budget-used", "85%", "--at", "2026-01-31T22:30", "--json"))["asked"]["at"]
        == "2026-01-31T22:30:00+00:00"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--header", "x"], "is no pair: write it as name=value"),
        (["--at", "noon"], "is no time: write it as 2026-01-31T22:30"),
        (["--budget-used", "most"], "is no share: write it as 85%"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(options: list[str], said: str, tmp_path: Path) -> None:
    file = tmp_path / "floorline.yaml"
    file.write_text(FILE)
    done = CliRunner().invoke(command, ["test", "--config", str(file), "--model", "gpt-4o", *options])
    assert said in str(done.exception)


def test_what_a_trial_costs_is_in_tokens_in_and_out() -> None:
    policy = GatewayPolicy(providers=OPEN)
    found = tried(Trial(model=MODEL, at=NOON, input_tokens=1_000, output_tokens=500), policy, BOOK, None)
    assert isinstance(found, Tried)
    assert (found.asked_cost, found.targets[0][1]) == (Decimal("0.015"), Decimal("0.015"))


def test_a_certificate_sends_it_to_the_model_that_is_certified_for_its_feature() -> None:
    rule = CertifiedRule(setting=ENFORCE, candidates={MODEL: (SMALL,)})
    policy = GatewayPolicy(providers=OPEN, guardrails=Guardrails(default=Rules(holdout_ppm=0, certified_route=rule)))
    one = Certificate(
        kind="route", feature="chat", subject=f"{SMALL} for {MODEL}", state="certified", budget=0.95, since=NOON
    )
    trial = Trial(model=MODEL, at=NOON, headers={"x-floorline-feature": "chat"})
    found = tried(trial, policy, BOOK, None, Certificates(as_of=NOON, every=(one,)))
    assert isinstance(found, Tried)
    assert found.model == SMALL
    unshown = tried(trial, policy, BOOK, None)
    assert isinstance(unshown, Tried)
    assert unshown.model == MODEL
