"""`floorline content` and `floorline audit`, as their user types them."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from floorline.cli.audit import command as audit
from floorline.cli.privacy import content
from floorline.errors import BadInput
from floorline.gateway.secret import SECRET_NAME, file_secret
from floorline.ledger.content import Content, ContentStore, Subject

KEPT = Content(
    call_id="c-1", at=datetime(2026, 3, 1, 12, tzinfo=UTC), feature="chat", request="what é\x1b[31m?".encode(), answer=b"\xff42", cut=True
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with one call's content."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("FLOORLINE_HOME", str(home))
    monkeypatch.delenv("FLOORLINE_SECRET", raising=False)
    store = ContentStore(home / "content", file_secret(home / SECRET_NAME, secrets.token_bytes), secrets.token_bytes, writer="g1", segment_bytes=1 << 16)  # fmt: skip
    store.put(KEPT, Subject("acme", "ada"), 30)
    store.close()
    return home


def run(command: click.Command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


@pytest.mark.usefixtures("home")
def test_content_is_shown_with_what_steers_a_terminal_taken_out():
    shown = run(content, "show", "c-1", "--reason", "ticket 7").stdout
    assert shown.splitlines()[0] == "c-1  2026-03-01 12:00:00 UTC  chat  (cut)"
    assert "what é�[31m?" in shown
    document = json.loads(run(content, "show", "c-1", "--reason", "ticket 7", "--json").stdout)
    assert document["request"] == KEPT.request.decode()
    assert (document["answer"], document["answer_base64"]) == (None, "/zQy")
    assert (document["call_id"], document["at"], document["cut"]) == ("c-1", "2026-03-01T12:00:00+00:00", True)


@pytest.mark.usefixtures("home")
def test_every_look_is_audited_before_anything_is_shown_even_one_that_finds_nothing():
    run(content, "show", "c-1", "--reason", "ticket 7")
    with pytest.raises(BadInput, match="nothing is kept of call 'c-2'"):
        run(content, "show", "c-2", "--reason", "curious")
    with pytest.raises(BadInput, match="--reason is empty"):
        run(content, "show", "c-1", "--reason", " ")
    found = json.loads(run(audit, "--json").stdout)
    assert [(one["action"], one["subject"], one["detail"]) for one in found] == [
        ("content.show", "c-1", "ticket 7"), ("content.show", "c-2", "curious"),
    ]  # fmt: skip
    assert "content.show  c-2  curious" in run(audit).stdout


def test_a_folder_that_others_can_read_is_refused_and_nothing_is_shown(home):
    home.chmod(0o755)
    for command in ((content, "show", "c-1", "--reason", "ticket 7"), (audit,)):
        with pytest.raises(BadInput, match=f"chmod 700 {home}"):
            run(*command)
    home.chmod(0o700)
    assert run(audit).stdout == "nothing was done yet that is audited\n"
