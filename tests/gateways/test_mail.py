"""Mails leave over TLS or not at all, look as machines' mails should, and say what became of them."""

import socket

import pendulum
import pytest

from reminder_site.gateways.mail import Mail, NotMailed
from tests.outside import certificate, mail_server

NOW = pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC")
LETTER = {"subject": "[x] All is not well", "text": "Since 2 pm — look.\n", "message_id": "alert.1", "now": NOW}
OPS, NIGHT = "ops@elm.example", "night@elm.example"


def send(port, *to, scheme="smtp", user="", host="127.0.0.1"):
    return Mail(f"{scheme}://{user}{host}:{port}", "site@elm.example").send(to=to, **LETTER)


def test_one_mail_reaches_several_and_is_marked_as_a_machines():
    with mail_server() as (post, port):
        assert send(port, OPS, NIGHT) == ""
    [(mail, to, _)] = post.mails
    assert to == [OPS, NIGHT] and mail["To"] == f"{OPS}, {NIGHT}" and mail["From"] == "site@elm.example"
    assert (mail["Subject"], mail.get_content().split("\r\n")) == (LETTER["subject"], ["Since 2 pm — look.", ""])
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<alert.1@elm.example>", "auto-generated")
    assert mail["Date"].datetime == NOW


@pytest.mark.parametrize(("scheme", "way"), [("smtp", "tls_context"), ("smtps", "ssl_context")])
def test_it_speaks_tls_with_a_server_that_is_who_it_says(tmp_path, monkeypatch, scheme, way):
    context, authority = certificate(tmp_path, "localhost")
    with mail_server(auth_require_tls=scheme == "smtp", **{way: context}) as (post, port):
        with pytest.raises(NotMailed, match="SSLCertVerificationError"):
            send(port, OPS, scheme=scheme, host="localhost")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        send(port, OPS, scheme=scheme, host="localhost", user="site:p%40ss@")
    assert len(post.mails) == 1 and post.mails[0][2]
    assert post.sign_ins == [("site", "p@ss")]


def test_nothing_is_said_in_the_clear_beyond_this_machine():
    beyond = "127.0.0.2"  # not one of the names this machine goes by
    with mail_server(host=beyond) as (post, port):
        with pytest.raises(NotMailed, match="SMTPNotSupportedError"):
            send(port, OPS, host=beyond)
    assert post.mails == []


def test_some_refused_addresses_keep_it_from_nobody_else():
    with mail_server() as (post, port):
        post.answer = NIGHT
        assert send(port, OPS, NIGHT) == "1 of 2 addresses were refused"
    assert post.mails[0][1] == [OPS]


@pytest.mark.parametrize(("answer", "words"), [(OPS, "every address was refused .550."), ("busy", "451")])
def test_what_was_not_taken_says_why_without_an_address(answer, words):
    with mail_server() as (post, port):
        post.answer = answer
        with pytest.raises(NotMailed, match=words) as refused:
            send(port, OPS)
    assert OPS not in str(refused.value)


def test_a_server_that_is_not_there_is_no_more_than_that():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotMailed, match="ConnectionRefusedError"):
        send(port, OPS)
