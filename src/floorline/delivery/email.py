"""E-mail: text and HTML with the chart in it, by way of one's own mail server.

A mail that is sent again has the same Message-ID, and the mails about one alert are one thread.
"""

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from hashlib import sha256
from html import escape
from typing import Literal, cast

from floorline.delivery import markdown
from floorline.delivery.message import Message, cut, headline, one_line
from floorline.delivery.picture import png
from floorline.delivery.route import UNSET, Answer

Security = Literal["starttls", "tls", "none"]
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
SUBJECT_MAX = 200
_LOGIN_CODES = frozenset({530, 534, 535, 538})
_STYLE = (
    "body{font:15px/1.5 sans-serif;color:#1d2733;max-width:800px}"
    "table{border-collapse:collapse;margin:12px 0}td,th{padding:4px 12px 4px 0;text-align:left;border-bottom:1px solid #dfe4ea}"
    "pre,code{background:#f4f6f8}img{max-width:100%;height:auto}.note{color:#68737d}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """A mail server and who gets the mails. `password` is None where nobody logs in, '' where it is not known."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    security: Security = "starttls"
    user: str = ""
    password: str | None = field(default=None, repr=False)
    timeout_ms: int = 10_000
    kind = "email"

    def send(self, message: Message, *, now: datetime) -> Answer:
        """Hand the mail to the server."""
        del now
        if self.password == "":
            return UNSET
        try:
            with self._connected() as server:
                refused = server.send_message(mail(message, self.sender, self.recipients))
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            return _answer(code, words)
        except smtplib.SMTPResponseException as error:
            return _answer(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError as error:
            return Answer(outcome="later", words=f"{self.host}: {one_line(str(error))}")
        except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
            return Answer(outcome="later", words=f"{self.host} cannot be reached: {one_line(str(error))}")
        return Answer(outcome="taken", words=f"250 all but {', '.join(refused)}" if refused else "250")

    def _connected(self) -> smtplib.SMTP:
        timeout_s, name, context = self.timeout_ms / 1000, socket.gethostname(), ssl.create_default_context()
        if self.security == "tls":
            server = smtplib.SMTP_SSL(self.host, self.port, name, timeout=timeout_s, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, name, timeout=timeout_s)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password or "")
        except BaseException:
            server.close()
            raise
        return server


def mail(message: Message, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """The mail of a message. No text of the message can become a header."""
    domain = Address(addr_spec=_bare(sender)).domain
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"] = sender, ", ".join(recipients)
    made["Subject"] = cut(f"[Floorline] {headline(message)}", SUBJECT_MAX)
    made["Date"] = message.at
    made["Message-ID"] = f"<{message.digest}@{domain}>"
    thread = f"<{sha256(message.dedupe_key.encode()).hexdigest()[:32]}.thread@{domain}>"
    made["In-Reply-To"], made["References"] = thread, thread
    made["List-Id"] = f"Floorline <floorline.{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made.set_content(_text(message))
    picture = png(message.chart)
    made.add_alternative(_html(message, has_picture=picture is not None), subtype="html")
    if picture is not None:
        shown = cast("list[MIMEPart]", made.get_payload())[1]
        shown.add_related(picture, "image", "png", cid="<chart>", filename="chart.png", disposition="inline")
    if message.html is not None:
        made.add_attachment(message.html, subtype="html", filename="report.html")
    return made


def _bare(sender: str) -> str:
    """The address of `Name <address>`."""
    return sender.rpartition("<")[2].rstrip("> ")


def _text(message: Message) -> str:
    fields = "\n".join(f"{one_line(name)}: {one_line(value)}" for name, value in message.fields)
    parts = (headline(message), message.text.strip(), fields, message.link, message.note)
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(message: Message, *, has_picture: bool) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in message.fields)
    parts = (
        f"<h2>{escape(headline(message))}</h2>",
        markdown.html(message.text),
        f"<table>{rows}</table>" if rows else "",
        f'<p><img src="cid:chart" alt="{escape(headline(message))}"></p>' if has_picture else "",
        f'<p><a href="{escape(message.link)}">Look at it</a></p>' if message.link else "",
        f'<p class="note">{escape(message.note)}</p>',
    )
    inner = "\n".join(part for part in parts if part)
    return f"<!DOCTYPE html>\n<html><head><meta charset=utf-8><style>{_STYLE}</style></head><body>\n{inner}\n</body></html>\n"


def _answer(code: int, words: bytes | str) -> Answer:
    """What an SMTP status means: 4xx is for another time, 5xx for ever, but for a login, which can be mended."""
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    return Answer(
        outcome="refused" if code >= 500 and code not in _LOGIN_CODES else "later",
        words=f"{code} {one_line(said)}"[:200],
    )
