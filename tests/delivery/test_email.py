import socket
from email.utils import parsedate_to_datetime

import pytest

from floorline.delivery.email import Email, mail
from tests.delivery.messages import CHART, NOW, alert
from tests.support.receivers import MailServer


def channel(port: int, **changes) -> Email:
    base = {
        "host": "localhost",
        "port": port,
        "sender": "Floorline <alerts@acme.example>",
        "recipients": ("a@acme.example",),
    }
    return Email(**(base | changes))


@pytest.fixture
def trusted(certificates, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    return certificates


def test_a_mail_goes_out_encrypted_after_the_login(trusted):
    server = MailServer(tls=trusted.server(), login=("me", "p4ss"))
    with server.running() as port:
        answer = channel(port, user="me", password="p4ss").send(alert(chart=CHART, html="<h1>All</h1>"), now=NOW)
    assert (answer.outcome, answer.words) == ("taken", "250")
    assert server.encrypted == [True]
    (got,) = server.mails
    assert got["Subject"] == "[Floorline] support_agent: margin of 3 days is 48.2 %, floor 60 %"
    assert got["From"] == "Floorline <alerts@acme.example>"
    assert parsedate_to_datetime(got["Date"]) == NOW
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["List-Id"] == "Floorline <floorline.acme.example>"
    text = got.get_body(("plain",)).get_content()
    assert "Owner: support-team" in text
    shown = got.get_body(("html",)).get_content()
    assert "grew by <b>31 %</b> since <code>2026-10-27</code>" in shown
    assert "Shorten the prompt &lt;system&gt;" in shown
    assert 'src="cid:chart"' in shown
    (picture,) = (part for part in got.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<chart>"
    assert picture.get_content().startswith(b"\x89PNG")
    (page,) = got.iter_attachments()
    assert (page.get_filename(), page.get_content().strip()) == ("report.html", "<h1>All</h1>")


def test_tls_from_the_first_byte_is_spoken_too(trusted):
    server = MailServer(tls=trusted.server(), at_once=True)
    with server.running() as port:
        assert channel(port, security="tls").send(alert(), now=NOW).outcome == "taken"
    assert server.encrypted == [True]


def test_sent_again_a_mail_is_the_same_and_all_of_one_alert_are_a_thread():
    first, again = (mail(alert(), "a@b.example", ("c@d.example",)) for _ in range(2))
    resolve = mail(alert(id="2", action="resolve"), "a@b.example", ("c@d.example",))
    other = mail(alert(id="3", dedupe_key="other"), "a@b.example", ("c@d.example",))
    assert first["Message-ID"] == again["Message-ID"] != resolve["Message-ID"]
    assert first["References"] == resolve["References"] != other["References"]
    assert resolve["Subject"].startswith("[Floorline] Resolved: support_agent")


def test_no_text_of_a_message_becomes_a_header(trusted):
    server = MailServer(tls=trusted.server())
    evil = alert(
        title="x\r\nBcc: victim@other.example\r\n\r\nbody\x00 \x1b[31m",
        text="a\r\n.\r\nMAIL FROM:<evil@x>\r\n<script>alert(1)</script>",
        fields=(("F\nBcc: v@o.example", "<img src=x>"),),
        link='https://x.example/"><b>',
    )
    with server.running() as port:
        assert channel(port).send(evil, now=NOW).outcome == "taken"
    (got,) = server.mails
    assert got["Bcc"] is None
    assert got["Subject"] == "[Floorline] x Bcc: victim@other.example body [31m"
    shown = got.get_body(("html",)).get_content()
    assert not any(tag in shown for tag in ("<script", "<img", '"><b>'))
    assert "MAIL FROM" in got.get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    ("said", "outcome", "words"),
    [
        ("550 5.1.1 no such user", "refused", "550 5.1.1 no such user"),
        ("451 greylisted", "later", "451 greylisted"),
    ],
)
def test_what_the_server_says_is_the_answer(trusted, said, outcome, words):
    server = MailServer(tls=trusted.server(), refuses={"a@acme.example": said})
    with server.running() as port:
        answer = channel(port).send(alert(), now=NOW)
        assert (answer.outcome, answer.words) == (outcome, words)
        some = channel(port, recipients=("a@acme.example", "b@acme.example")).send(alert(), now=NOW)
        assert (some.outcome, some.words) == ("taken", "250 all but a@acme.example")


def test_a_wrong_password_can_be_mended_so_the_mail_waits(trusted):
    server = MailServer(tls=trusted.server(), login=("me", "p4ss"))
    with server.running() as port:
        answer = channel(port, user="me", password="other").send(alert(), now=NOW)
    assert (answer.outcome, answer.words) == ("later", "535 5.7.8 bad credentials")


def test_a_server_that_does_not_encrypt_gets_nothing():
    server = MailServer()
    with server.running() as port:
        answer = channel(port).send(alert(), now=NOW)
    assert answer.outcome == "later"
    assert "STARTTLS" in answer.words
    assert server.mails == []


def test_a_certificate_that_nobody_vouches_for_gets_nothing(certificates):
    server = MailServer(tls=certificates.server())
    with server.running() as port:
        assert channel(port).send(alert(), now=NOW).outcome == "later"
    assert server.mails == []


def test_a_server_that_is_away_is_asked_another_time_and_no_password_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = channel(taken.getsockname()[1], user="me", password="s3cr3t")
        answer = away.send(alert(), now=NOW)
    assert answer.outcome == "later"
    assert answer.words.startswith("localhost cannot be reached")
    assert "s3cr3t" not in repr(away)
