"""A classifier as an input of route rules, in a gateway that is a process: fitted by the command, taken over when it is fitted anew."""

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner

from floorline.cli.intent import command
from tests.support.dialects import OPENAI
from tests.support.running import Running, running
from tests.support.serving import MODEL, OWNED, answer, run, until

MORE = """\
intents: {{support: {{file: {folder}/support.json}}}}
guardrails: {{holdout: 0%}}
routes:
  - {{name: cards, when: intent.support = card, to: sandbox-free}}
  - {{name: others, when: intent.support not in (card) and feature.name = other, to: sandbox-large}}
"""
CARD = (
    "my card is lost",
    "i lost my card",
    "the card is gone",
    "where is my lost card",
    "card lost yesterday",
    "lost my bank card",
)
MONEY = ("what is my balance", "show the balance", "how much money is left", "balance of my account", "tell me my balance", "account balance please")  # fmt: skip

STRANGERS = ("will it rain tomorrow", "play some jazz", "quelle heure est-il", "who won the match")


def fitted(folder: Path, card: str, money: str) -> None:
    """Fit the classifier to examples of two classes of these names."""
    lines = [{"text": text, "intent": name} for name, texts in ((card, CARD), (money, MONEY)) for text in texts]
    lines += [{"text": text} for text in STRANGERS]
    examples = folder / "examples.jsonl"
    examples.write_text("\n".join(map(json.dumps, lines)))
    config = folder / "intents.yaml"
    config.write_text(f"intents: {{support: {{file: {folder}/support.json}}}}\n")
    done = CliRunner(env={"FLOORLINE_CONFIG": str(config)}).invoke(
        command, ["fit", "support", "--examples", str(examples), "--errors", "30%"]
    )
    assert done.exit_code == 0, done.output


async def ask(gateway: Running, text: str, feature: str = "assistant") -> None:
    body = json.dumps({"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": text}]}).encode()
    client = await gateway.client()
    assert (
        await client.ask(OPENAI.path, body, {**OWNED, "x-floorline-feature": feature}, bearer=gateway.key)
    ).status == 200


def models(gateway: Running) -> list[str]:
    return [json.loads(request.body)["model"] for request in gateway.stub.requests]


def test_a_call_goes_where_the_classifier_and_the_rules_send_it_and_a_new_fit_holds_within_a_second(
    tmp_path: Path,
) -> None:
    fitted(tmp_path, "card", "money")

    async def test() -> None:
        async with running(tmp_path) as gateway:
            gateway.stub.script = answer(OPENAI.whole)
            gateway.configure(MORE.format(folder=tmp_path))
            await sent_to(gateway, "sandbox-free", "i have lost the card")
            before = len(gateway.stub.requests)
            await ask(gateway, "show me my balance")
            await ask(gateway, "show me my balance", "other")
            await ask(gateway, "who plays jazz tomorrow", "other")
            assert models(gateway)[before:] == [MODEL, "sandbox-large", MODEL]
            await until(lambda: len(gateway.records().calls) == before + 3)
            *_, card, money, _, lost = gateway.records().calls
            assert (card.metadata["intent.support"], money.metadata["intent.support"]) == ("card", "money")
            assert card.reasons[0] == "route: intent support is card"
            assert (lost.reasons, "intent.support" in lost.metadata) == (("route: intent support abstains",), False)
            told = await gateway.metrics()
            assert 'floorline_route_labels_total{gateway="g1",label="intent.support",outcome="no_class"} 1' in told
            fitted(tmp_path, "money", "card")  # what was one is the other now
            await sent_to(gateway, "sandbox-free", "show me my balance")

    run(test())


async def sent_to(gateway: Running, model: str, text: str) -> None:
    """Ask until the gateway has taken over what sends the text there: it looks twice a second."""
    async with asyncio.timeout(10):
        while not gateway.stub.requests or models(gateway)[-1] != model:
            await ask(gateway, text)
            await asyncio.sleep(0.1)
