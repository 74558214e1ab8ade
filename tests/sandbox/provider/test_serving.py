"""The sandbox on the wire: faults as a client sees them, counts, pipelining, chaos, the command."""

import gzip
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from floorline.sandbox.provider.controls import FAULTS, NAMES, Chaos, Controls
from floorline.sandbox.provider.serving import Settings
from tests.sandbox.provider.requests import talk

CHAT = "/v1/chat/completions"


def connect(url: str) -> http.client.HTTPConnection:
    place = urlsplit(url)
    assert place.hostname is not None
    return http.client.HTTPConnection(place.hostname, place.port, timeout=30)


def post(client: http.client.HTTPConnection, *, stream: bool = False, **controls: str) -> http.client.HTTPResponse:
    body = {"model": "gpt-4o", "messages": talk("hello"), "stream": stream}
    headers = {f"x-sandbox-{name.replace('_', '-')}": value for name, value in controls.items()}
    client.request("POST", CHAT, json.dumps(body), headers)
    return client.getresponse()


def fetch(client: http.client.HTTPConnection, *, stream: bool = False, **controls: str) -> bytes:
    """The body of the answer; what it holds is given back even when it breaks."""
    with post(client, stream=stream, **controls) as answer:
        return answer.read()


def look(url: str, path: str) -> object:
    client = connect(url)
    client.request("GET", path)
    with client.getresponse() as answer:
        found = json.loads(answer.read())
    client.close()
    return found


def raw(url: str, request: bytes, *, until: bytes = b"") -> bytes:
    """What comes back for these bytes until the other side closes, or until `until` is in it."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as sock:
        sock.sendall(request)
        got = b""
        while (piece := sock.recv(65536)) and not (until and until in got + piece):
            got += piece
        return got + piece


def test_a_connection_is_kept_for_the_next_call(sandbox):
    client = connect(sandbox)
    for _ in range(3):
        assert fetch(client)
        assert fetch(client, stream=True).endswith(b"data: [DONE]\n\n")
    before = look(sandbox, "/stats")["connections_open"]
    client.close()
    assert before == 2


def test_requests_that_come_at_once_are_answered_in_order(sandbox):
    body = json.dumps({"model": "gpt-4o", "messages": talk("hello")}).encode()
    one = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body)
    last = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    got = raw(sandbox, one.replace(b"host: x", b"host: x\r\nx-sandbox-latency-ms: 20") + one + last)
    assert got.count(b"HTTP/1.1 200 OK") == 3
    assert got.index(b"chat.completion") < got.rindex(b"chat.completion") < got.index(b'"object":"list"')


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(sandbox):
    head = b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    assert raw(sandbox, head, until=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"501"),
    ],
)
def test_what_is_not_a_plain_request_is_told_so_and_closed(sandbox, sent, status):
    assert raw(sandbox, sent).startswith(b"HTTP/1.1 " + status)


def test_an_old_client_gets_its_stream_until_close(sandbox):
    body = json.dumps({"model": "gpt-4o", "messages": talk("hello"), "stream": True}).encode()
    got = raw(sandbox, b"POST %b HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body))
    assert b"transfer-encoding" not in got
    assert got.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["reset", "reset-mid-stream", "truncate", "garbage"])
def test_an_answer_that_breaks_is_seen_to_be_broken(sandbox, fault, stream):
    client = connect(sandbox)
    with pytest.raises((ConnectionResetError, http.client.HTTPException)):
        fetch(client, fault=fault, stream=stream)
    client.close()
    assert look(sandbox, "/stats")["faults"][fault]


@pytest.mark.parametrize("fault", ["hang", "hang-mid-stream"])
def test_an_answer_that_hangs_comes_to_no_end(sandbox, fault):
    client = connect(sandbox)
    client.timeout = 0.2
    with pytest.raises(TimeoutError):
        fetch(client, fault=fault, stream=True)
    client.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["until-close", "slow-headers", "100-continue", "close-after", "gzip"])
def test_an_answer_that_comes_oddly_is_whole(sandbox, fault, stream):
    client = connect(sandbox)
    plain = fetch(client, stream=stream)
    answer = post(client, fault=fault, stream=stream)
    body = answer.read()
    assert (gzip.decompress(body) if fault == "gzip" else body) == plain
    if fault == "until-close":
        assert answer.getheader("content-length") is answer.getheader("transfer-encoding") is None
    client.close()


def test_bytes_after_an_answer_belong_to_none(sandbox):
    body = json.dumps({"model": "gpt-4o+fault=bytes-after", "messages": talk("hello")}).encode()
    request = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body)
    got = raw(sandbox, request, until=b"no answer")
    assert got.endswith(b"}bytes that belong to no answer")


def test_early_hints_come_before_the_answer(sandbox):
    body = json.dumps({"model": "gpt-4o+fault=early-hints", "messages": talk("hello")}).encode()
    head = b"POST %b HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (
        CHAT.encode(),
        len(body),
    )
    got = raw(sandbox, head + body)
    assert got.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert got.count(b"HTTP/1.1 200 OK") == 1


def test_latency_and_pauses_take_their_time(sandbox):
    client = connect(sandbox)
    begun = time.monotonic()
    fetch(client, latency_ms="100")
    assert time.monotonic() - begun >= 0.1
    begun = time.monotonic()
    lines = fetch(client, stream=True, chunks="4", chunk_ms="20", output_tokens="8").split(b"\n\n")
    assert time.monotonic() - begun >= 0.02 * 6
    assert len(lines) == 1 + 4 + 1 + 1 + 1  # role, pieces, end, [DONE], and what follows the last empty line
    client.close()


def test_a_slow_reader_holds_the_stream_up_and_gets_it_whole(sandbox):
    client = connect(sandbox)
    answer = post(client, stream=True, output_tokens="40000")
    time.sleep(0.2)
    assert answer.read().count(b"data: ") == 40000 + 3
    client.close()


def test_after_a_hang_nothing_is_answered_on_the_connection(sandbox):
    client = connect(sandbox)
    client.timeout = 0.2
    with pytest.raises(TimeoutError):
        post(client, fault="hang")
    assert client.sock is not None
    client.sock.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
    with pytest.raises(TimeoutError):
        client.sock.recv(1)
    client.close()


def test_what_was_sent_and_used_is_shown_and_can_be_cleared(serve):
    url = serve(Settings(port=0))
    client = connect(url)
    answer = post(client, output_tokens="5")
    assert answer.status == 200
    answer.read()
    fetch(client, stream=True, fault="bad-body")
    fetch(client, status="503")
    stats = look(url, "/stats")
    assert (stats["requests"], stats["streams"], stats["delivered"]) == (3, 1, 2)
    assert look(url, "/stats") == stats | {"connections": stats["connections"] + 1}
    assert stats["statuses"] == {"200": 2, "503": 1}
    assert stats["usage"] == {"input": 6, "output": 5}
    seen = look(url, "/requests?last=1")
    assert [(entry["status"], entry["path"]) for entry in seen] == [(503, CHAT)]
    assert ["x-sandbox-status", "503"] in seen[0]["headers"]
    assert json.loads(seen[0]["body"])["model"] == "gpt-4o"
    client.request("DELETE", "/requests")
    client.getresponse().read()
    assert look(url, "/requests") == []
    assert look(url, "/stats")["requests"] == 0
    client.close()


def test_an_unknown_control_is_told(sandbox):
    client = connect(sandbox)
    for name, value in (("status", "abc"), ("fault", "fire"), ("colour", "red")):
        answer = post(client, **{name: value})
        assert answer.status == 400
        assert value in (told := answer.read().decode()) or name in told
    client.close()


def test_chaos_hits_its_share_in_an_order_that_the_seed_decides():
    def drawn(seed: int) -> list[Controls]:
        chaos = Chaos(0.25, seed)
        return [chaos.over(Controls()) for _ in range(2_000)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 400 < sum(controls != Controls() for controls in drawn(1)) < 600
    assert not {"hang", "hang-mid-stream"} & {controls.fault for controls in drawn(1)}
    assert Chaos(1, 0).over(Controls(fault="gzip")) == Controls(fault="gzip")


def test_every_control_and_fault_is_documented(request):
    page = (request.config.rootpath / "docs" / "sandbox.md").read_text()
    assert [name for name in NAMES if f"| `x-sandbox-{name}` | `+{name}=` |" not in page] == []
    assert [fault for fault in FAULTS[1:] if f"| `{fault}` |" not in page] == []


def test_the_command_listens_where_it_says_and_stops_when_told():
    command = [sys.executable, "-m", "floorline", "sandbox", "--port", "0", "--chaos", "1", "--seed", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert look(url, "/stats")["requests"] == 0
        client = connect(url)
        client.request("POST", CHAT, json.dumps({"model": "gpt-4o+fault=hang", "messages": talk("hello")}))
        assert look(url, "/stats")["connections_open"] >= 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        client.close()
