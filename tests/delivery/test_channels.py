"""Each channel against a receiver that is as strict as the real one."""

import base64
import json
import socket
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from floorline.delivery import slack
from floorline.delivery.apprise import Apprise
from floorline.delivery.pagerduty import PagerDuty, event
from floorline.delivery.posting import Unreached, post
from floorline.delivery.signature import is_genuine
from floorline.delivery.slack import Slack
from floorline.delivery.webhook import BODY_MAX, Webhook
from tests.delivery.messages import CHART, NOW, alert
from tests.delivery.test_signature import NEW, OLD
from tests.support.receivers import Pager, Posted, Said, SlackWorkspace, block_kit_problem, listening

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def workspace():
    one = SlackWorkspace()
    with listening(one.handle) as port:
        one.at = f"http://127.0.0.1:{port}"
        yield one


@pytest.fixture(scope="module")
def hook():
    """A receiver that answers what the test says next, and what came to it."""
    got: list[Posted] = []
    answers: list[Said] = []

    def handle(posted: Posted) -> Said:
        got.append(posted)
        return answers.pop(0) if answers else Said()

    with listening(handle) as port:
        yield f"http://127.0.0.1:{port}/hook", got, answers


# -- Slack


def test_slack_takes_an_alert_by_webhook(workspace):
    channel = Slack(url=f"{workspace.at}/services/T/B/x")
    assert channel.send(alert(chart=CHART), now=NOW).outcome == "taken"
    message = workspace.posted[-1]
    assert message["text"] == "support_agent: margin of 3 days is 48.2 %, floor 60 %"
    (bar,) = message["attachments"]
    assert bar["color"] == slack.COLOURS["critical"]
    text, fields, footer = bar["blocks"]
    assert text["text"]["text"] == (
        "Input tokens a call grew by *31 %* since `2026-10-27`: $1,240 a month.\n\n"
        "• Shorten the prompt &lt;system&gt;\n• Cap &amp; meter"
    )
    assert fields["fields"][0]["text"] == "*Margin*\n48.2 %"
    assert footer["elements"][0]["text"] == (
        "<https://floorline.example/alerts/1|Look at it>, critical, 2026-11-02 09:00 UTC"
    )


def test_what_is_resolved_is_green_and_says_so(workspace):
    assert Slack(url=f"{workspace.at}/services/T/B/x").send(alert(action="resolve"), now=NOW).outcome == "taken"
    message = workspace.posted[-1]
    assert message["text"].startswith("Resolved: support_agent")
    assert message["attachments"][0]["color"] == slack.RESOLVED_COLOUR


def test_slack_takes_a_message_of_any_length(workspace):
    table = "| feature | margin |\n|---|---|\n" + "".join(f"| feature_{n} | {n} % |\n" for n in range(400))
    huge = alert(
        title="t" * 500,
        text=f"# Week 45\n\n{'long line & <mark> ' * 900}\n\n{table}\n\n```\n{'x' * 9_000}\n```\n"
        + "word\n\n" * 40_000,
        fields=tuple((f"name {n}", "v" * 3_000) for n in range(25)),
    )
    assert Slack(url=f"{workspace.at}/services/T/B/x").send(huge, now=NOW).outcome == "taken"
    blocks = workspace.posted[-1]["attachments"][0]["blocks"]
    assert len(blocks) == 49
    assert "cut here" in blocks[-2]["text"]["text"]


def test_nobody_is_called_by_a_name_with_a_mark_in_it():
    text = "<!channel> <@U123> & [here](https://x.example/a|b) <https://evil.example|click>"
    assert block_kit_problem(slack.shown(alert(text=text, title=text))) == ""
    shown = json.dumps(slack.shown(alert(text=text)))
    assert "&lt;!channel&gt; &lt;@U123&gt;" in shown
    assert "<https://x.example/a%7Cb|here>" in shown


def test_a_bot_puts_the_chart_into_the_thread(workspace):
    channel = Slack(token="xoxb-1", channel="C1", base_url=f"{workspace.at}/api")
    answer = channel.send(alert(chart=CHART), now=NOW)
    assert (answer.outcome, answer.words) == ("taken", "ok")
    assert workspace.uploads["F1"].startswith(PNG)
    assert workspace.shared[-1]["channel_id"] == "C1"
    assert workspace.shared[-1]["thread_ts"] == f"17000000.{len(workspace.posted):06}"


def test_a_message_whose_picture_is_refused_is_taken_without(workspace):
    channel = Slack(token="xoxb-1", channel="C1", base_url=f"{workspace.at}/api")
    workspace.answers += [
        Said(body=b'{"ok": true, "ts": "1.1"}'),
        Said(body=b'{"ok": false, "error": "missing_scope"}'),
    ]
    answer = channel.send(alert(chart=CHART), now=NOW)
    assert answer.outcome == "taken"
    assert answer.words == "ok, without its picture: files.getUploadURLExternal: missing_scope"


@pytest.mark.parametrize(
    ("said", "outcome", "words"),
    [
        (Said(body=b'{"ok": false, "error": "invalid_auth"}'), "refused", "chat.postMessage: invalid_auth"),
        (Said(body=b'{"ok": false, "error": "internal_error"}'), "later", "chat.postMessage: internal_error"),
        (Said(body=b"<html>"), "refused", "chat.postMessage: no answer of Slack"),
        (Said(status=429, headers={"Retry-After": "30"}, body=b""), "later", "429"),
    ],
)
def test_what_a_bot_is_told_is_the_answer(workspace, said, outcome, words):
    workspace.answers.append(said)
    answer = Slack(token="xoxb-1", channel="C1", base_url=f"{workspace.at}/api").send(alert(), now=NOW)
    assert (answer.outcome, answer.words) == (outcome, words)


# -- PagerDuty


def test_pagerduty_makes_one_incident_of_all_transitions():
    pager = Pager()
    with listening(pager.handle) as port:
        channel = PagerDuty(routing_key=pager.routing_key, base_url=f"http://127.0.0.1:{port}")
        for action in ("trigger", "worsen", "acknowledge", "resolve"):
            answer = channel.send(alert(id=action, action=action, chart_link="https://charts.example/1.png"), now=NOW)
            assert (answer.outcome, answer.words[:3]) == ("taken", "202")
        assert channel.send(alert(action="report"), now=NOW).outcome == "refused"
        huge = alert(dedupe_key="k" * 400, title="t" * 3_000, text="x" * 900_000)
        assert channel.send(huge, now=NOW).outcome == "taken"
        wrong = PagerDuty(routing_key="other", base_url=f"http://127.0.0.1:{port}")
        assert wrong.send(alert(), now=NOW).outcome == "refused"
    assert pager.incidents["margin_red/feature/support_agent"] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert pager.events[1]["payload"]["summary"].startswith("Worse: ")
    first = pager.events[0]
    assert first["payload"]["custom_details"]["Owner"] == "support-team"
    assert first["images"] == [{"src": "https://charts.example/1.png", "alt": first["payload"]["summary"]}]
    assert first["client_url"] == first["links"][0]["href"] == "https://floorline.example/alerts/1"


def test_an_event_without_links_names_none():
    made = event(alert(link=""), "key")
    assert (made["images"], made["links"], "client_url" in made) == ([], [], False)


# -- webhooks


def test_a_webhook_is_signed_with_both_secrets_and_keeps_its_id(hook):
    url, got, _ = hook
    channel = Webhook(url=url, secrets=(NEW, OLD))
    assert channel.send(alert(chart=CHART), now=NOW).outcome == "taken"
    assert channel.send(alert(chart=CHART), now=NOW + timedelta(hours=1)).outcome == "taken"
    first, again = got[-2:]
    for secret in (OLD, NEW):
        assert is_genuine(first.headers, first.body, [secret], now=NOW)
        assert is_genuine(again.headers, again.body, [secret], now=NOW + timedelta(hours=1))
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert first.body == again.body
    assert first.json["type"] == "alert.trigger"
    assert first.json["timestamp"] == "2026-11-02T09:00:00Z"
    assert first.json["data"]["fields"][2] == ["Owner", "support-team"]
    assert first.json["data"]["chart"] == CHART


def test_a_page_that_is_too_large_for_a_webhook_stays_behind(hook):
    url, got, _ = hook
    report = alert(action="report", html="x" * BODY_MAX, chart=CHART)
    assert Webhook(url=url, secrets=(OLD,)).send(report, now=NOW).outcome == "taken"
    assert got[-1].json["type"] == "report"
    assert got[-1].json["data"]["html"] is None


@pytest.mark.parametrize(
    ("said", "outcome", "words", "after_ms"),
    [
        (Said(status=204, body=b""), "taken", "204", None),
        (Said(status=400, body=b"no\x00\x1b[31m thanks\n" * 200), "refused", "400 no[31m thanks no[31m", None),
        (Said(status=404), "refused", "404 ok", None),
        (Said(status=410, body=b"gone"), "refused", "410 gone (the receiver asks for no more: remove the route)", None),
        (Said(status=408), "later", "408 ok", None),
        (Said(status=429, headers={"Retry-After": "90"}), "later", "429 ok", 90_000),
        (Said(status=429, headers={"Retry-After": "99999999999"}), "later", "429 ok", 86_400_000),
        (Said(status=503, headers={"Retry-After": "Mon, 02 Nov 2026 09:02:00 GMT"}), "later", "503 ok", 120_000),
        (Said(status=500, headers={"Retry-After": "soon"}), "later", "500 ok", None),
        (
            Said(status=302, headers={"Location": "https://other.example/x"}),
            "refused",
            "302: redirects to other.ex",
            None,
        ),
    ],
)
def test_a_status_says_what_becomes_of_the_message(hook, said, outcome, words, after_ms):
    url, _, answers = hook
    answers.append(said)
    answer = Webhook(url=url, secrets=(OLD,)).send(alert(), now=NOW)
    assert (answer.outcome, answer.after_ms) == (outcome, after_ms)
    assert answer.words.startswith(words)
    assert answer.words.isprintable()
    assert len(answer.words) < 260


def test_a_long_answer_is_not_read_to_its_end(hook):
    url, _, answers = hook
    answers.append(Said(body=b"y" * (8 << 20)))
    assert len(post(url, b"{}", {}, timeout_ms=5_000).body) == 64 << 10


def test_without_a_receiver_the_message_waits_and_no_secret_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/services/T/B/s3cr3t"
        for channel in (
            Slack(url=url),
            Webhook(url=url, secrets=(OLD,)),
            PagerDuty(routing_key="s3cr3t", base_url=url),
        ):
            answer = channel.send(alert(), now=NOW)
            assert answer.outcome == "later"
            assert answer.words == "127.0.0.1 cannot be reached: Connection refused"
            assert "s3cr3t" not in repr(channel) or channel.kind == "pagerduty"


@contextmanager
def speaking(*pieces: bytes, pause_s: float):
    """A receiver that reads nothing and says `pieces` with pauses between them."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak():
            connection, _ = listener.accept()
            with connection:
                for piece in pieces:
                    connection.sendall(piece)
                    if stop.wait(pause_s):
                        return

        thread = threading.Thread(target=speak)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            stop.set()
            thread.join()


def test_an_answer_that_drips_is_given_up_at_the_deadline():
    with (
        speaking(b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n"] * 50, pause_s=0.05) as url,
        pytest.raises(Unreached, match="did not answer within 300 ms"),
    ):
        post(url, b"{}", {}, timeout_ms=300)


def test_what_is_no_http_is_no_answer():
    with speaking(b"SSH-2.0-OpenSSH\r\n\r\n", pause_s=0.05) as url, pytest.raises(Unreached, match="no proper answer"):
        post(url, b"{}", {}, timeout_ms=1_000)


def test_a_certificate_that_nobody_vouches_for_is_refused(certificates, monkeypatch):
    with listening(lambda _: Said(), tls=certificates.server()) as port:
        with pytest.raises(Unreached, match="TLS with localhost failed"):
            post(f"https://localhost:{port}/", b"{}", {}, timeout_ms=5_000)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
        assert post(f"https://localhost:{port}/", b"{}", {}, timeout_ms=5_000).status == 200


def test_a_proxy_of_the_environment_is_used(hook, monkeypatch):
    url, got, _ = hook
    monkeypatch.setenv("http_proxy", url.removesuffix("/hook"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert post("http://receiver.example/path?x=1", b"{}", {}, timeout_ms=5_000).status == 200
    assert (got[-1].path, got[-1].headers["host"]) == ("http://receiver.example/path?x=1", "receiver.example")


def test_through_a_proxy_https_is_a_tunnel_and_the_certificate_is_the_receivers(certificates, monkeypatch):
    asked: list[bytes] = []

    def tunnel(listener: socket.socket) -> None:
        client, _ = listener.accept()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        asked.append(head)
        with client, socket.create_connection(("127.0.0.1", port)) as receiver:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(receiver, client))
            back.start()
            _copy(client, receiver)
            back.join()

    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with (
        listening(lambda posted: Said(body=posted.body), tls=certificates.server()) as port,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        monkeypatch.setenv("https_proxy", f"http://me:p%40ss@127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=tunnel, args=(listener,))
        thread.start()
        assert post("https://receiver.example:1/x", b"through", {}, timeout_ms=5_000).body == b"through"
        thread.join()
    assert asked[0].startswith(b"CONNECT receiver.example:1 HTTP/1.")
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:p@ss').decode()}".encode() in asked[0]


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


# -- everything else

loads_apprise = pytest.mark.filterwarnings(
    "ignore:'imghdr':DeprecationWarning"
)  # a module of its own that it probes for


@loads_apprise
def test_apprise_reaches_what_has_an_address_there(hook):
    url, got, answers = hook
    address = url.replace("http://", "json://")
    assert Apprise(url=address).send(alert(chart=CHART), now=NOW).outcome == "taken"
    sent = got[-1].json
    assert sent["title"] == "support_agent: margin of 3 days is 48.2 %, floor 60 %"
    assert "**Owner**: support-team" in sent["message"]
    assert sent["type"] == "failure"
    assert sent["attachments"][0]["filename"] == "chart.png"
    answers.append(Said(status=500))
    answer = Apprise(url=address).send(alert(), now=NOW)
    assert (answer.outcome, answer.words) == ("later", "Apprise could not reach json")


@loads_apprise
def test_an_address_that_apprise_does_not_know_is_said_to_be_none():
    answer = Apprise(url="nonsense://x").send(alert(), now=NOW)
    assert (answer.outcome, answer.words) == ("later", "it is no address that Apprise knows")


@pytest.mark.parametrize(
    "channel", [Slack(), PagerDuty(routing_key=""), Webhook(url="http://x", secrets=("",)), Apprise(url="")]
)
def test_a_channel_without_its_secret_waits_for_it(channel):
    answer = channel.send(alert(), now=NOW)
    assert answer.outcome == "later"
    assert "is not set" in answer.words
