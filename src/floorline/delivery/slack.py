"""Slack: Block Kit through an incoming webhook, or through a bot, which adds the chart as a picture in the thread."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from floorline.delivery.markdown import Block, Span, blocks, spans
from floorline.delivery.message import Message, cut, headline
from floorline.delivery.picture import png
from floorline.delivery.posting import Reply, Unreached, answered, post
from floorline.delivery.route import UNSET, Answer

BASE_URL = "https://slack.com/api"
BLOCKS_MAX = 50
TEXT_MAX = 3_000
FIELDS_MAX = 10
FIELD_MAX = 2_000
HEADER_MAX = 150
COLOURS = {"critical": "#8b1a1a", "error": "#d64545", "warning": "#e0a100", "info": "#3b7dd8"}
RESOLVED_COLOUR = "#2e8b57"
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_LATER = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """One Slack channel: by the `url` of an incoming webhook, or by a bot's `token` and the `channel`'s id."""

    url: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    channel: str = ""
    base_url: str = BASE_URL
    timeout_ms: int = 10_000
    kind = "slack"

    def send(self, message: Message, *, now: datetime) -> Answer:
        """Post the message; by a bot its chart too, without which it is taken all the same."""
        if not self.url and not self.token:
            return UNSET
        try:
            if self.url:
                reply = post(self.url, msgspec.json.encode(shown(message)), _JSON, timeout_ms=self.timeout_ms)
                return answered(reply, now=now)
            return self._by_bot(message, now)
        except Unreached as unreached:
            return Answer(outcome="later", words=str(unreached))

    def _by_bot(self, message: Message, now: datetime) -> Answer:
        posted, answer = self._call("chat.postMessage", _JSON, _body(channel=self.channel, **shown(message)), now)
        picture = png(message.chart) if answer.outcome == "taken" else None
        if picture is None:
            return answer
        trouble = self._trouble_uploading(picture, message, posted.ts, now)
        return Answer(outcome="taken", words=f"{answer.words}, without its picture: {trouble}") if trouble else answer

    def _trouble_uploading(self, picture: bytes, message: Message, thread: str, now: datetime) -> str:
        """Put the picture into the message's thread; what went wrong, '' when nothing did."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        wanted = {"filename": "chart.png", "length": str(len(picture)), "alt_txt": cut(headline(message), HEADER_MAX)}
        try:
            place, answer = self._call("files.getUploadURLExternal", form, urlencode(wanted).encode(), now)
            if answer.outcome != "taken":
                return answer.words
            sent = post(place.upload_url, picture, {"Content-Type": "image/png"}, timeout_ms=self.timeout_ms)
            if sent.status != 200:
                return sent.words
            files = [{"id": place.file_id, "title": cut(headline(message), HEADER_MAX)}]
            body = _body(files=files, channel_id=self.channel, thread_ts=thread)
            _, answer = self._call("files.completeUploadExternal", _JSON, body, now)
        except Unreached as unreached:
            return str(unreached)
        return "" if answer.outcome == "taken" else answer.words

    def _call(self, method: str, headers: dict[str, str], body: bytes, now: datetime) -> tuple["_Said", Answer]:
        """Call a method of the Web API, which says in the body whether it did what was asked."""
        sent = {**headers, "Authorization": f"Bearer {self.token}"}
        reply = post(f"{self.base_url}/{method}", body, sent, timeout_ms=self.timeout_ms)
        answer = answered(reply, now=now)
        said = _said(reply)
        if answer.outcome != "taken":
            return said, answer
        if said.ok:
            return said, Answer(outcome="taken", words="ok")
        outcome = "later" if said.error in _LATER else "refused"
        return said, Answer(outcome=outcome, words=f"{method}: {said.error or 'no answer of Slack'}")


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the methods used here answer."""

    ok: bool = False
    error: str = ""
    ts: str = ""
    upload_url: str = ""
    file_id: str = ""


def shown(message: Message) -> dict[str, object]:
    """The message as Slack's: its title as header and in notifications, everything else beside a bar in the colour of
    its severity.
    """
    title = headline(message)
    colour = RESOLVED_COLOUR if message.action == "resolve" else COLOURS[message.severity]
    header = {"type": "header", "text": {"type": "plain_text", "text": cut(title, HEADER_MAX)}}
    below = [*_sections(message), *_pictures(message)]
    if len(below) >= BLOCKS_MAX - 2:
        below = [*below[: BLOCKS_MAX - 3], _section("_… cut here: it is longer than Slack takes_")]
    bar = {"color": colour, "fallback": escaped(title), "blocks": [*below, _footer(message)]}
    return {"text": escaped(cut(title, TEXT_MAX)), "blocks": [header], "attachments": [bar]}


def escaped(text: str) -> str:
    """`text` so that Slack reads no mark, mention or link in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sections(message: Message) -> Iterator[dict[str, object]]:
    for piece in _pieces([_mrkdwn(block) for block in blocks(message.text)]):
        yield _section(piece)
    for start in range(0, len(message.fields), FIELDS_MAX):
        pairs = message.fields[start : start + FIELDS_MAX]
        shown = [
            {"type": "mrkdwn", "text": _fitting(f"*{_plain(name)}*\n{_plain(value)}", FIELD_MAX)}
            for name, value in pairs
        ]
        yield {"type": "section", "fields": shown}


def _pictures(message: Message) -> Iterator[dict[str, object]]:
    if message.chart_link:
        yield {"type": "image", "image_url": message.chart_link, "alt_text": cut(headline(message), FIELD_MAX)}


def _footer(message: Message) -> dict[str, object]:
    said = f"{_link(message.link, 'Look at it')}, {message.note}" if message.link else message.note
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": said}]}


def _link(href: str, text: str) -> str:
    return f"<{escaped(href).replace('|', '%7C')}|{escaped(text)}>"


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _mrkdwn(block: Block) -> str:
    if block.kind == "heading":
        return f"*{_plain(block.lines[0])}*"
    if block.kind == "code":
        return f"```{escaped(chr(10).join(block.lines))}```"
    if block.kind == "table":
        return f"```{escaped(_aligned(block.rows))}```"
    if block.kind == "list":
        return "\n".join(f"{mark} {_line(line)}" for mark, line in zip(block.marks, block.lines, strict=True))
    mark = "> " if block.kind == "quote" else ""
    return "\n".join(f"{mark}{_line(line)}" for line in block.lines)


def _aligned(rows: list[list[str]]) -> str:
    """A table in columns of one width, as code shows it."""
    texts = [["".join(span.text for span in spans(cell)) for cell in row] for row in rows]
    widths = [max(len(row[n]) if n < len(row) else 0 for row in texts) for n in range(max(map(len, texts)))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in texts
    )


def _line(line: str) -> str:
    return "".join(map(_marked, spans(line)))


def _marked(span: Span) -> str:
    if span.kind == "link":
        return _link(span.href, span.text)
    text = escaped(span.text)
    mark = {"bold": "*", "code": "`"}.get(span.kind, "")
    return f"{mark}{text}{mark}"


def _plain(text: str) -> str:
    return escaped("".join(span.text for span in spans(text)))


def _pieces(texts: list[str]) -> Iterator[str]:
    """The texts put together into as few as TEXT_MAX allows; one that is too long alone is divided at its lines."""
    piece = ""
    for text in (part for whole in texts for part in _divided(whole)):
        if piece and len(piece) + len(text) + 2 > TEXT_MAX:
            yield piece
            piece = ""
        piece = f"{piece}\n\n{text}" if piece else text
    if piece:
        yield piece


def _divided(text: str) -> Iterator[str]:
    fence = "```" if text.startswith("```") else ""
    inner = text.strip("`") if fence else text
    room, part = TEXT_MAX - 2 * len(fence), ""
    for line in (piece for whole in inner.splitlines() for piece in _cuts(whole, room - 1)):
        if part and len(part) + len(line) + 1 > room:
            yield f"{fence}{part}{fence}"
            part = ""
        part = f"{part}\n{line}" if part else line
    if part:
        yield f"{fence}{part}{fence}"


def _cuts(line: str, room: int) -> Iterator[str]:
    """The line in pieces of at most `room` characters, none of which ends within an escaped one."""
    while len(line) > room:
        mark = line.rfind("&", room - len("&amp;") + 1, room)
        end = room if mark < 0 or ";" in line[mark:room] else mark
        yield line[:end]
        line = line[end:]
    yield line


def _fitting(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else f"{next(_cuts(text, characters_max - 1))}…"


def _body(**members: object) -> bytes:
    return msgspec.json.encode(members)


def _said(reply: Reply) -> _Said:
    try:
        return msgspec.json.decode(reply.body, type=_Said)
    except msgspec.DecodeError:
        return _Said()
