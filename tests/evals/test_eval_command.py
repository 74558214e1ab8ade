"""`floorline eval` through a gateway that is a process, in front of models that are scripts."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from floorline.gateway.message import Reply, Request
from tests.support.processes import Process, command, until
from tests.support.running import Running, running
from tests.support.serving import JSON, run

CONFIG = """
providers:
  openai: {{dialect: openai, base_url: "{address}/v1", auth: none}}
prices:
  - {{model: strong, prices: {{input: 10, output: 30}}}}
  - {{model: cheap, prices: {{input: 0.6, output: 0.6}}}}
  - {{model: judge, prices: {{input: 1, output: 1}}}}
  - {{model: embedder, prices: {{input: 1}}}}
guardrails: {{downgrade: {{strong: cheap}}, margin_rules: [{{name: all, when: call.type = generation, do: downgrade}}], cache: {{}}}}
features:
  intents: {{evaluation: {{set: cases.jsonl, margin: 10%, scorer: {scorer}}}}}
"""


def chat(text: str) -> bytes:
    return json.dumps(
        {
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
        }
    ).encode()  # fmt: skip


def models(answer: Callable[[str, str], str]) -> Callable[[Request, Reply], "asyncio.Future[None]"]:
    """Every model, by its name and what the last message says; embeddings are one-hot by the text's first letter."""

    async def script(request: Request, reply: Reply) -> None:
        asked = json.loads(request.body)
        if request.path.endswith("/embeddings"):
            rows = [[float(ord(text[0]) % 11 == place) for place in range(11)] for text in asked["input"]]
            data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
            usage = {"prompt_tokens": 4, "total_tokens": 4}
            reply.whole(200, JSON, json.dumps({"object": "list", "data": data, "model": "e", "usage": usage}).encode())
        elif asked["messages"][-1]["content"] == "fail":
            reply.whole(400, JSON, b'{"error": {"message": "no", "type": "invalid_request_error"}}')
        else:
            reply.whole(200, JSON, chat(answer(asked["model"], asked["messages"][-1]["content"])))

    return script  # pyright: ignore[reportReturnType] - a coroutine function


def right_but(model_wrong: dict[str, int]) -> Callable[[str, str], str]:
    """Question n is answered with n, but for the first so many of a model; the judge tells truly, and prefers the truth."""

    def answer(model: str, said: str) -> str:
        if model != "judge":
            return "wrong" if int(said) < model_wrong.get(model, 0) else f"{said}."
        asked = json.loads(said)
        if "expected" not in asked:
            return json.dumps({"same": asked["a"].rstrip(".") == asked["b"].rstrip(".")})
        if "a" in asked:
            one, other = (asked[name].rstrip(".") == asked["question"] for name in "ab")
            return json.dumps({"better": "same" if one == other else "a" if one else "b"})
        return json.dumps({"right": asked["answer"].rstrip(".") == asked["expected"]})

    return answer


def write_cases(gateway: Running, count: int, more: str = "") -> None:
    lines = [json.dumps({"id": str(n), "input": str(n), "expected": str(n)}) for n in range(count)]
    (gateway.file.parent / "cases.jsonl").write_text("\n".join(lines) + "\n" + more)


async def evaluated(gateway: Running, *words: str, code: int = 0) -> str:
    host, port = gateway.address
    env = {"FLOORLINE_KEY": gateway.key, "FLOORLINE_CONFIG": str(gateway.file)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        address = ("--gateway", f"http://{host}:{port}") if words[0] in ("run", "judge") else ()
        return await asyncio.to_thread(command, gateway.home, "eval", *words, *address, code=code)


def configure(gateway: Running, scorer: str = "normalised") -> None:
    gateway.file.write_text(CONFIG.format(address=gateway.stub.address, scorer=scorer))


async def restarted(gateway: Running, scorer: str) -> None:
    configure(gateway, scorer)
    gateway.process.kill()
    await gateway.start()


def test_models_are_compared_on_the_features_own_cases_and_no_guardrail_changes_what_they_answer(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            await restarted(gateway, "normalised")
            gateway.stub.script = models(right_but({"cheap": 2}))  # type: ignore[assignment]
            write_cases(gateway, 40)
            arguments = (
                "run",
                "--feature",
                "intents",
                "--models",
                "strong,cheap",
                "--answers",
                str(tmp_path / "a.jsonl"),
            )
            found = json.loads(await evaluated(gateway, *arguments, "--json"))
            strong, cheap = found["models"]
            assert (strong["right"], strong["scored"], strong["failed"]) == (40, 40, 0)
            assert (cheap["right"], cheap["scored"]) == (38, 40)
            assert strong["cost_usd"] == "0.006400000000"  # 40 × (10 × 10 + 2 × 30) / 1,000,000
            assert cheap["cost_usd_per_call"] == "0.000007200000"
            assert strong["latency_ms_p50"]["low"] <= strong["latency_ms_p50"]["ms"] <= strong["latency_ms_p95"]["ms"]
            (pair,) = found["comparisons"]
            assert (pair["both_right"], pair["reference_only_right"], pair["candidate_only_right"]) == (38, 2, 0)
            assert pair["verdict"] == "undecided"
            assert pair["cases_needed"] > 40
            answers = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
            assert len(answers) == 80
            calls = gateway.records().calls
            assert {(call.purpose, call.verdict, call.feature) for call in calls} == {
                ("evaluation", "forward", "intents")
            }
            assert {call.model_requested for call in calls} == {"strong", "cheap"}

            again = await evaluated(gateway, *arguments[:5])
            assert "more cases" in again
            listed = json.loads(await evaluated(gateway, "list", "--json"))
            assert len(listed["evaluations"]) == 2
            shown = json.loads(await evaluated(gateway, "show", found["id"], "--json"))
            assert shown == found

    run(test())


def test_a_model_that_fails_has_no_answer_and_counts_as_wrong(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            await restarted(gateway, "normalised")
            gateway.stub.script = models(right_but({}))  # type: ignore[assignment]
            write_cases(gateway, 3, '{"id": "f", "input": "fail", "expected": "x"}\n')
            found = json.loads(await evaluated(gateway, "run", "--feature", "intents", "--models", "strong", "--json"))
            (strong,) = found["models"]
            assert (strong["right"], strong["scored"], strong["failed"]) == (3, 4, 1)

    run(test())


def test_a_judge_decides_nothing_before_it_was_measured_against_people(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            await restarted(gateway, "{kind: judge, model: judge}")
            gateway.stub.script = models(right_but({}))  # type: ignore[assignment]
            human = [{"answer": "7", "right": True}, {"answer": "8", "right": False}, {"answer": "7.", "right": True}]
            labelled = [
                {"id": f"h{n}", "input": "7", "system": str(n), "expected": "7", "human": human} for n in range(20)
            ]
            write_cases(gateway, 80, "\n".join(map(json.dumps, labelled)))
            words = ("run", "--feature", "intents", "--models", "strong,cheap", "--json")
            (pair,) = json.loads(await evaluated(gateway, *words))["comparisons"]
            assert pair["verdict"] == "undecided"
            assert "floorline eval judge" in pair["recommendation"]

            judge = json.loads(await evaluated(gateway, "judge", "--feature", "intents", "--json"))
            assert (judge["verdicts"], judge["agreed"], judge["kappa"]) == (60, 60, 1.0)
            assert judge["error_at_most"] == pytest.approx(0.0487, abs=1e-3)
            same = json.loads(await evaluated(gateway, "judge", "--feature", "intents", "--same", "--json"))
            assert (same["asks"], same["verdicts"], same["agreed"]) == ("same", 60, 60)
            assert (same["kappa"], same["judge_only_right"], same["people_only_right"]) == (1.0, 0, 0)
            found = json.loads(await evaluated(gateway, *words))
            assert found["comparisons"][0]["verdict"] == "adopt"
            assert float(found["models"][0]["judging_usd"]) > 0
            assert {call.call_type for call in gateway.records().calls} == {"generation", "judging"}

    run(test())


@pytest.mark.prove
def test_a_judges_labels_certify_a_cheaper_model_from_when_its_error_is_measured(tmp_path: Path) -> None:
    route = "guardrails: {{certified_route: {{candidates: {{strong: [cheap]}}, bar: 90%}}}}, evaluation"
    human = [{"answer": "7", "right": True}, {"answer": "8", "right": False}, {"answer": "7.", "right": True}]
    labelled = [{"id": f"h{n}", "input": "7", "system": str(n), "expected": "7", "human": human} for n in range(20)]

    async def test() -> None:
        async with running(tmp_path) as gateway:
            config = CONFIG.replace("evaluation", route).format(
                address=gateway.stub.address, scorer="{kind: judge, model: judge}"
            )
            gateway.file.write_text(config)
            gateway.process.kill()
            await gateway.start()
            gateway.stub.script = models(right_but({}))  # type: ignore[assignment]
            write_cases(gateway, 80, "\n".join(map(json.dumps, labelled)))
            await evaluated(gateway, "run", "--feature", "intents", "--models", "strong,cheap", "--labels")

            async def is_certified(state: str) -> dict[str, object]:
                def held() -> bool:
                    return [one["state"] for one in json.loads(command(gateway.home, "certificates", "--json"))] == [
                        state
                    ]

                await asyncio.to_thread(until, held, seconds=90, what=f"a certificate that is {state}")
                (one,) = json.loads(await asyncio.to_thread(command, gateway.home, "certificates", "--json"))
                return one

            control = Process(gateway.home, "control", "--port", "0")
            try:
                silent = await is_certified("shadow")
                assert (silent["labels"], silent["judge"], silent["judge_error"]) == (100, "judge", None)
                assert (
                    "the labels of judge judge carry no certificate until its error is measured: "
                    "`floorline eval judge --feature intents --judge judge`."
                ) in await asyncio.to_thread(command, gateway.home, "certificates")
                measured = json.loads(await evaluated(gateway, "judge", "--feature", "intents", "--json"))
                certified = await is_certified("certified")
                assert (certified["labels"], certified["judge_error"]) == (100, measured["error_at_most"])
            finally:
                control.end()

    run(test())


def test_a_judge_compares_two_answers_both_ways_round(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            await restarted(gateway, "{kind: judge, model: judge, compare: true}")
            gateway.stub.script = models(right_but({"cheap": 10}))  # type: ignore[assignment]
            write_cases(gateway, 30)
            found = json.loads(
                await evaluated(gateway, "run", "--feature", "intents", "--models", "strong,cheap", "--json")
            )
            (pair,) = found["comparisons"]
            assert (pair["both_right"], pair["reference_only_right"], pair["candidate_only_right"]) == (20, 10, 0)
            judged = [call for call in gateway.records().calls if call.call_type == "judging"]
            assert len(judged) == 60

    run(test())


def test_scorers_of_the_users_own_and_embeddings_score_too(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            gateway.stub.script = models(right_but({"strong": 4}))  # type: ignore[assignment]
            write_cases(gateway, 10)
            (tmp_path / "ours.py").write_text(
                "def near(case, answer):\n    return {'right': answer.startswith(case['expected']), 'value': 0.5}\n"
            )
            for scorer in ("{kind: python, call: ours:near}", "{kind: similarity, model: embedder}"):
                await restarted(gateway, scorer)
                found = json.loads(
                    await evaluated(gateway, "run", "--feature", "intents", "--models", "strong", "--json")
                )
                assert found["models"][0]["right"] == 6, scorer

    run(test())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--feature", "intents", "--models", "strong"), "FLOORLINE_KEY is not set"),
        (("run", "--feature", "other", "--models", "strong"), "there is no such file"),
        (("run", "--feature", "intents", "--models", "strong,strong"), "name each model once"),
        (("run", "--feature", "intents", "--models", "strong", "--margin", "5"), "write it as 5%"),
        (("judge", "--feature", "intents"), "no judge is named"),
        (("judge", "--feature", "intents", "--judge", "j"), "human"),
        (("judge", "--feature", "intents", "--judge", "j", "--compare", "--same"), "one thing at a time"),
        (("show", "nothing"), "no evaluation is called"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "floorline.yaml").write_text("features: {intents: {evaluation: {set: cases.jsonl}}}\n")
    (tmp_path / "cases.jsonl").write_text('{"input": "1", "expected": "1"}\n')
    monkeypatch.setenv("FLOORLINE_CONFIG", str(tmp_path / "floorline.yaml"))
    monkeypatch.delenv("FLOORLINE_KEY", raising=False)
    assert said in command(tmp_path / "home", "eval", *words, code=2)


def test_wrong_lines_of_a_set_are_all_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cases.jsonl").write_text('{"input": "1"}\n{"inputs": "2"}\nnot json\n')
    monkeypatch.setenv("FLOORLINE_KEY", "flk_x")
    said = command(
        tmp_path / "home",
        "eval",
        "run",
        "--feature",
        "f",
        "--models",
        "m",
        "--set",
        str(tmp_path / "cases.jsonl"),
        code=2,
    )
    assert "line 2" in said
    assert "line 3" in said
