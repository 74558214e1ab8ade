"""`floorline keys` as real processes: alone, many at once, and beside a process that watches the keyring."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from floorline.cli.keys import command
from floorline.gateway.keyring_file import KEYRING_NAME, KeyringFile
from floorline.gateway.keys import Key
from floorline.gateway.secret import SECRET_NAME, file_secret
from tests.support import starting

CONFIG = 'providers: {openai: {dialect: openai, base_url: "http://127.0.0.1:1/v1", api_key: "${UNSET}"}}\n'
GATEWAY = """
from floorline.gateway.app import Listening, Loaded, Sources, run
import secrets
from floorline.ledger.content import ContentStore
from floorline.wiring import load_book, load_config, make_home, signing_secret, watch_keys
config = load_config()
sources = Sources(
    load=lambda: Loaded(policy=config.gateway, book=load_book(config)[0]),
    stamp=lambda: 1,
    ring=watch_keys(),
    figures=lambda: None,
    certificates=lambda: None,
    sign=lambda provider: None,
    purges=lambda: None,
    tiers=lambda stores: (),
    embedder=lambda embedding: None,
    graph=None,
    intents=lambda path: None,
    content=lambda name: ContentStore(make_home() / "content", signing_secret(), secrets.token_bytes, writer=name),
)
run("g1", make_home(), Listening(port=0), sources, lambda address: print(address, flush=True))
"""


class Floorline:
    """The command, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOORLINE_")}
        self.environment = {**kept, "FLOORLINE_HOME": str(self.home)}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "floorline", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
        done = starting.run("-m", "floorline", *arguments, env={**self.environment, **environment}, cwd=self.folder)
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout, done.stderr

    def create(self, *arguments: str) -> dict[str, str]:
        return json.loads(self("keys", "create", *arguments, "--json")[0])

    def listed(self) -> dict[str, dict]:
        return {one["id"]: one for one in json.loads(self("keys", "list", "--json")[0])}

    def find(self, text: str) -> Key | str:
        secret = file_secret(self.home / SECRET_NAME, lambda _: b"")
        return KeyringFile(self.home / KEYRING_NAME, secret).poll().find(text.encode(), datetime.now(UTC))


@pytest.fixture
def floorline(tmp_path) -> Floorline:
    return Floorline(tmp_path)


def test_the_whole_life_of_a_key(floorline):
    assert "no keys yet" in floorline("keys", "list")[0]
    made = floorline.create("--name", "bot", "--customer", "acme", "--feature", "chat", "--expires", "90d")
    assert re.fullmatch(r"k_[0-9a-f]{16}", made["id"])
    assert re.fullmatch(r"flk_[A-Za-z0-9_-]{43}", made["key"])
    (one,) = floorline.listed().values()
    assert (one["state"], one["customer"], one["feature"], one["plan"]) == ("good", "acme", "chat", None)
    lives = datetime.fromisoformat(one["expires_at"]) - datetime.fromisoformat(one["created_at"])
    assert lives == timedelta(days=90)
    new = json.loads(floorline("keys", "rotate", made["id"], "--grace", "1h", "--json")[0])
    assert floorline.listed()[new["id"]]["replaces"] == made["id"]
    assert isinstance(floorline.find(made["key"]), Key)
    assert isinstance(floorline.find(new["key"]), Key)
    assert "is revoked" in floorline("keys", "revoke", new["id"])[0]
    assert floorline.find(new["key"]) == "revoked"
    assert {key: one["state"] for key, one in floorline.listed().items()} == {made["id"]: "good", new["id"]: "revoked"}
    table, _ = floorline("keys", "list")
    assert made["id"] in table
    for text in (made["key"], new["key"]):
        assert text not in table


def test_for_people_the_key_alone_is_on_standard_output(floorline):
    out, err = floorline("keys", "create", "--name", "bot")
    assert isinstance(floorline.find(out.strip()), Key)
    assert "shown this once" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create"], "Missing option '--name'"),
        (["create", "--name", "a", "--expires", "soon"], "--expires 'soon': write it as 90d, 12h, 2027-01-31"),
        (["create", "--name", "a", "--expires", "2020-01-01"], "the key would have expired at 2020-01-01T00:00:00"),
        (["create", "--name", "a", "--environment", "prod"], "'prod' is not one of"),
        (
            ["create", "--name", "a", "--providers", "opnai"],
            "--providers 'opnai' is none of floorline.yaml: did you mean `openai`?",
        ),
        (["revoke", "k_0"], "there is no key 'k_0'"),
        (["rotate", "k_0", "--grace", "long"], "--grace 'long': write it as 30m, 24h or 7d"),
    ],
)
def test_bad_use_says_what_to_write(floorline, arguments, said, monkeypatch):
    monkeypatch.chdir(floorline.folder)
    monkeypatch.setenv("FLOORLINE_HOME", str(floorline.home))
    monkeypatch.delenv("FLOORLINE_CONFIG", raising=False)
    monkeypatch.delenv("FLOORLINE_SECRET", raising=False)
    Path("floorline.yaml").write_text(CONFIG)
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code != 0
    assert done.stdout == ""
    assert said in f"{done.stderr}{done.exception}"


def test_what_cannot_be_done_ends_with_2(floorline):
    out, err = floorline("keys", "revoke", "k_0", code=2)
    assert out == ""
    assert err.startswith("floorline: there is no key 'k_0'")


def test_keys_need_no_provider_secret_and_may_be_bound_to_a_provider_of_the_configuration(floorline):
    (floorline.folder / "floorline.yaml").write_text(CONFIG)
    made = floorline.create("--name", "a", "--providers", "openai", "--models", "gpt-*", "--models", "o3")
    one = floorline.listed()[made["id"]]
    assert (one["providers"], one["models"]) == (["openai"], ["gpt-*", "o3"])


@pytest.mark.parametrize("secret", ["short", "change-me-change-me-change-me-change-me"])
def test_a_short_or_default_secret_is_refused(floorline, secret):
    _, err = floorline("keys", "create", "--name", "a", code=2, FLOORLINE_SECRET=secret)
    assert "FLOORLINE_SECRET" in err
    assert secret not in err


def test_many_processes_at_once_on_a_fresh_home_lose_no_key(floorline):
    started = [floorline.start("keys", "create", "--name", f"bot {number}", "--json") for number in range(6)]
    made = []
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        made.append(json.loads(out))
    assert set(floorline.listed()) == {one["id"] for one in made}
    assert all(isinstance(floorline.find(one["key"]), Key) for one in made)
    revoking = [floorline.start("keys", "revoke", one["id"]) for one in made[:2]]
    assert [process.wait(timeout=120) for process in revoking] == [0] * 2
    for process in revoking:
        process.communicate()
    assert [floorline.find(one["key"]) for one in made[:2]] == ["revoked"] * 2
    assert all(isinstance(floorline.find(one["key"]), Key) for one in made[2:])


@pytest.fixture
def gateway(floorline):
    """The address of a gateway process that watches this home's keys."""
    (floorline.folder / "floorline.yaml").write_text(CONFIG)
    process = subprocess.Popen(
        [sys.executable, "-c", GATEWAY],
        cwd=floorline.folder,
        env={**floorline.environment, "UNSET": "sk-upstream"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate(timeout=30)


def knows(address: str, key: str) -> bool:
    """Whether the gateway takes the key. Its provider is nowhere, so a good key gets another error."""
    request = Request(f"{address}/v1/models", headers={"authorization": f"Bearer {key}"})
    with pytest.raises(HTTPError) as error:
        urlopen(request, timeout=10)
    error.value.close()
    return error.value.code != 401


def seconds_until(taken: bool, address: str, key: str) -> float:
    """How long until the gateway takes the key, or refuses it."""
    began = time.monotonic()
    while knows(address, key) != taken:
        assert time.monotonic() - began < 30
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_gateway_that_runs_knows_of_every_change_within_2_seconds(floorline, gateway):
    assert not knows(gateway, "flk_x")
    made = floorline.create("--name", "bot")
    assert seconds_until(True, gateway, made["key"]) < 2
    new = json.loads(floorline("keys", "rotate", made["id"], "--grace", "0s", "--json")[0])
    assert seconds_until(False, gateway, made["key"]) < 2
    assert seconds_until(True, gateway, new["key"]) < 2
    floorline("keys", "revoke", new["id"])
    assert seconds_until(False, gateway, new["key"]) < 2


def test_a_key_that_was_just_made_works_at_once(floorline, gateway):
    """Its first call comes before the gateway's next look at the file."""
    for number in range(5):
        assert knows(gateway, floorline.create("--name", f"new-{number}")["key"])


def test_a_kill_in_the_middle_of_changes_leaves_state_and_keyring_alike(floorline):
    made = floorline.create("--name", "first")
    for delay_ms in (300, 600, 900):
        process = floorline.start("keys", "create", "--name", f"killed after {delay_ms}")
        time.sleep(delay_ms / 1000)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = floorline.create("--name", "last")
    secret = file_secret(floorline.home / SECRET_NAME, lambda _: b"")
    ring = KeyringFile(floorline.home / KEYRING_NAME, secret).poll()
    assert {key.id for key in ring.keys} == set(floorline.listed())
    assert {made["id"], last["id"]} <= set(floorline.listed())
