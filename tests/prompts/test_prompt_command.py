"""`floorline prompt`, as its user types it: over what a home keeps, for its owner alone, and never unseen."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from floorline.gateway.secret import SECRET_NAME, file_secret
from floorline.ledger.content import Content, ContentStore, Subject
from floorline.ledger.state import State
from tests.support.processes import command

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SYSTEM = "Answer in one short sentence of plain words. " * 20


def filled(home: Path) -> None:
    """A home with 30 calls of one feature, of which the content is kept."""
    home.mkdir(mode=0o700)
    store = ContentStore(
        home / "content", file_secret(home / SECRET_NAME, secrets.token_bytes), secrets.token_bytes, writer="g1", segment_bytes=1 << 17
    )  # fmt: skip
    rows: list[str] = []
    for number in range(30):
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"Question {number:04d}"}]
        request = json.dumps({"model": "gpt-4o", "messages": messages}).encode()
        store.put(
            Content(call_id=f"c{number}", at=AT, feature="support", request=request, answer=b"{}"),
            Subject("acme", ""),
            30,
        )
        rows.append(
            json.dumps(
                {"request_id": f"c{number}", "feature": "support", "workspace_id": "acme", "model": "gpt-4o", "provider": "openai",
                 "input_tokens": 200, "output_tokens": 20, "timestamp": AT.isoformat()}
            )
        )  # fmt: skip
    store.close()
    usage = home.parent / "usage.jsonl"
    usage.write_text("\n".join(rows))
    command(home, "import", "usage", str(usage))


def test_prompts_are_audited_for_the_homes_owner_alone_and_each_look_is_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    filled(home)
    days = ("--from", "2026-03-01", "--to", "2026-03-03")
    found = json.loads(command(home, "prompt", "audit", "--reason", "ticket 9", "--json", *days))
    (prompt,) = found["features"][0]["prompts"]
    assert (prompt["calls_seen"], prompt["repeated"][0]["times"]) == (30, 20)
    assert (prompt["counting"]["calibrated_by"], prompt["counting"]["calls"]) == ("feature", 30)
    assert prompt["tokens"] == round(200 * len(SYSTEM) / (len(SYSTEM) + 13))
    home.chmod(0o755)
    assert "chmod 700" in command(home, "prompt", "audit", "--reason", "ticket 9", *days, code=2)
    home.chmod(0o700)
    with_state = State.open(home)
    looks = [(one.action, one.subject, one.detail) for one in with_state.audited()]
    with_state.close()
    assert looks == [("prompt.audit", "every feature", "ticket 9")]
