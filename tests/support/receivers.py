"""Receivers of messages that are as strict as the real ones: HTTP, Slack, PagerDuty, and a mail server."""

import base64
import json
import re
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A request as it came; names of headers are lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a receiver answers."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def listening(handle: Callable[[Posted], Said], *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """An HTTP server on loopback that answers each POST with what `handle` says; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = handle(Posted(path=self.path, headers=headers, body=self.rfile.read(int(headers["content-length"]))))
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # who asked need not read it all
                self.wfile.write(said.body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with served(server):
        yield server.server_address[1]


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class SlackWorkspace:
    """An incoming webhook (`/services/…`) and the Web API (`/api/…`) of Slack; what it got that was in order."""

    token: str = "xoxb-1"
    posted: list[dict] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    shared: list[dict] = field(default_factory=list)
    answers: list[Said] = field(default_factory=list)
    """What it answers next, whatever comes."""

    at: str = ""

    def handle(self, posted: Posted) -> Said:
        if self.answers:
            return self.answers.pop(0)
        if posted.path.startswith("/services/"):
            return self._webhook(posted)
        if posted.path.startswith("/upload/"):
            self.uploads[posted.path.rpartition("/")[2]] = posted.body
            return Said(body=f"OK - {len(posted.body)}".encode())
        if posted.headers.get("authorization") != f"Bearer {self.token}":
            return _json({"ok": False, "error": "invalid_auth"})
        return _json(getattr(self, posted.path.rpartition("/")[2].replace(".", "_"))(posted))

    def _webhook(self, posted: Posted) -> Said:
        problem = block_kit_problem(posted.json)
        if problem:
            return Said(status=400, body=f"invalid_blocks {problem}".encode())
        self.posted.append(posted.json)
        return Said()

    def chat_postMessage(self, posted: Posted) -> dict:  # noqa: N802 - Slack's name for it
        message = posted.json
        problem = block_kit_problem(message)
        if problem:
            return {"ok": False, "error": "invalid_blocks", "detail": problem}
        self.posted.append(message)
        return {"ok": True, "channel": message["channel"], "ts": f"17000000.{len(self.posted):06}"}

    def files_getUploadURLExternal(self, posted: Posted) -> dict:  # noqa: N802 - as above
        form = parse_qs(posted.body.decode(), strict_parsing=True)
        if not form.get("filename") or int(form["length"][0]) <= 0:
            return {"ok": False, "error": "invalid_arguments"}
        return {"ok": True, "upload_url": f"{self.at}/upload/F1", "file_id": "F1"}

    def files_completeUploadExternal(self, posted: Posted) -> dict:  # noqa: N802 - as above
        asked = posted.json
        if any(file["id"] not in self.uploads for file in asked["files"]):
            return {"ok": False, "error": "file_not_found"}
        self.shared.append(asked)
        return {"ok": True, "files": asked["files"]}


def block_kit_problem(message: dict) -> str:
    """What Slack would refuse of a message; '' when it takes it."""
    blocks = [*message.get("blocks", []), *(b for bar in message.get("attachments", []) for b in bar["blocks"])]
    if not message.get("text") or len(message["text"]) > 40_000:
        return "text"
    if len(blocks) > 50:
        return f"{len(blocks)} blocks"
    if any(not re.fullmatch(r"#[0-9a-f]{6}", bar["color"]) for bar in message.get("attachments", [])):
        return "color"
    return next((problem for block in blocks if (problem := _block_problem(block))), "")


def _block_problem(block: dict) -> str:
    kind = block["type"]
    if kind == "header":
        return _text_problem(block["text"], {"plain_text"}, 150)
    if kind == "section":
        fields = block.get("fields", [])
        if "text" not in block and not fields:
            return "an empty section"
        if len(fields) > 10:
            return f"{len(fields)} fields"
        problems = [_text_problem(one, {"mrkdwn", "plain_text"}, 2_000) for one in fields]
        problems += [_text_problem(block["text"], {"mrkdwn", "plain_text"}, 3_000)] if "text" in block else []
        return next(filter(None, problems), "")
    if kind == "context":
        return next(
            filter(None, (_text_problem(one, {"mrkdwn", "plain_text"}, 2_000) for one in block["elements"])), ""
        )
    if kind == "image":
        return "" if block["image_url"].startswith("http") and block["alt_text"] else "image"
    return f"a block of type {kind}"


def _text_problem(text: dict, kinds: set[str], characters_max: int) -> str:
    if text["type"] not in kinds:
        return f"text of type {text['type']}"
    if not 1 <= len(text["text"]) <= characters_max:
        return f"text of {len(text['text'])} characters"
    if text["type"] == "mrkdwn" and re.search(r"<(?!https?://)|&(?!amp;|lt;|gt;)", text["text"]):
        return f"text with marks that nobody wrote: {text['text'][:80]}"
    return ""


@dataclass
class Pager:
    """The Events API v2 of PagerDuty: its incidents by dedupe key, each with the actions it saw."""

    routing_key: str = "0123456789abcdef0123456789abcdef"
    events: list[dict] = field(default_factory=list)
    incidents: dict[str, list[str]] = field(default_factory=dict)

    def handle(self, posted: Posted) -> Said:
        event = posted.json
        problem = self._problem(event) if posted.path == "/v2/enqueue" else "path"
        if len(posted.body) > 512 << 10:
            problem = "larger than 512 KB"
        if problem:
            return _json({"status": "invalid event", "message": "Event object is invalid", "errors": [problem]}, 400)
        self.events.append(event)
        self.incidents.setdefault(event["dedup_key"], []).append(event["event_action"])
        return _json({"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}, 202)

    def _problem(self, event: dict) -> str:
        if event.get("routing_key") != self.routing_key:
            return "routing_key"
        if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
            return "event_action"
        if not 1 <= len(event.get("dedup_key", "")) <= 255:
            return "dedup_key"
        if event["event_action"] != "trigger":
            return ""
        payload = event["payload"]
        if not 1 <= len(payload["summary"]) <= 1_024:
            return "summary"
        if not payload["source"] or payload["severity"] not in {"critical", "error", "warning", "info"}:
            return "source or severity"
        if datetime.fromisoformat(payload["timestamp"]).tzinfo is None:
            return "timestamp"
        if not isinstance(payload["custom_details"], dict):
            return "custom_details"
        if any(not link["href"].startswith("http") for link in event["links"]):
            return "links"
        return "images" if any(not image["src"].startswith("https://") for image in event["images"]) else ""


def _json(body: dict, status: int = 200) -> Said:
    return Said(status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


@dataclass
class MailServer:
    """An SMTP server: with `tls` it offers STARTTLS, or wants TLS from the first byte (`at_once`)."""

    tls: ssl.SSLContext | None = None
    at_once: bool = False
    login: tuple[str, str] | None = None
    refuses: dict[str, str] = field(default_factory=dict)
    """Recipients, and what is said of each."""

    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    @contextmanager
    def running(self, port: int = 0) -> Iterator[int]:
        mail_server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                conversation = _Conversation(mail_server, self.request)
                try:
                    conversation.hold()
                finally:
                    conversation.end()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True

        server = Server(("127.0.0.1", port), Handler)
        with served(server):
            yield server.server_address[1]


class _Conversation:
    def __init__(self, server: MailServer, sock) -> None:
        self.server, self.is_encrypted, self.is_known = server, False, False
        self._use(server.tls.wrap_socket(sock, server_side=True) if server.at_once else sock)
        self.is_encrypted = server.at_once
        self.recipients: list[str] = []

    def _use(self, sock) -> None:
        self.sock, self.file = sock, sock.makefile("rb")

    def end(self) -> None:
        self.file.close()
        self.sock.close()

    def say(self, *lines: str) -> None:
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hold(self) -> None:
        self.say("220 mail.test ESMTP")
        while line := self.file.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                self.say("221 bye")
                return
            getattr(self, f"do_{verb.lower()}", self.unknown)(rest)

    def unknown(self, _: str) -> None:
        self.say("502 not implemented")

    def do_ehlo(self, _: str) -> None:
        offers = ["AUTH PLAIN"] if self.server.login else []
        offers += ["STARTTLS"] if self.server.tls and not self.is_encrypted else []
        lines = ["mail.test", *offers, "8BITMIME"]
        self.say(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    def do_starttls(self, _: str) -> None:
        self.say("220 go ahead")
        self._use(self.server.tls.wrap_socket(self.sock, server_side=True))
        self.is_encrypted = True

    def do_auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self.is_known = (user, password) == self.server.login
        self.say("235 welcome" if self.is_known else "535 5.7.8 bad credentials")

    def do_mail(self, _: str) -> None:
        self.recipients = []
        self.say("530 log in first" if self.server.login and not self.is_known else "250 ok")

    def do_rcpt(self, rest: str) -> None:
        address = rest.partition("<")[2].partition(">")[0]
        if address not in self.server.refuses:
            self.recipients.append(address)
        self.say(self.server.refuses.get(address, "250 ok"))

    def do_rset(self, _: str) -> None:
        self.say("250 ok")

    def do_data(self, _: str) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        content = b"".join(lines)
        self.server.raw.append(content)
        self.server.mails.append(message_from_bytes(content, policy=policy.default))
        self.server.encrypted.append(self.is_encrypted)
        self.say("250 queued")
