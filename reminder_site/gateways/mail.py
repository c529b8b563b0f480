"""Mails handed to an SMTP server, always over TLS but on this machine itself. Knows neither alerts nor patients."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import pendulum

TIMEOUT_SECONDS = 10
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# A longer token would be folded into something that no mail program reads (CPython issue 85725).
POLICY = SMTP.clone(max_line_length=998)


class NotMailed(Exception):
    """A mail was not taken, or nobody knows; the message says why, without addresses and passwords."""


class Mail:
    """Hands mails over, one connection each: they are few. `url` is smtp:// (with STARTTLS) or smtps://."""

    def __init__(self, url: str, sender: str) -> None:
        self._url, self._sender = urlsplit(url), sender

    def send(self, *, to: Sequence[str], subject: str, text: str, message_id: str, now: pendulum.DateTime) -> str:
        """Send one mail to some people; return what was wrong with some of them, or nothing. Raises NotMailed.

        `message_id` is the same at each try, so that one that came twice, because an answer was lost, can be told.
        """
        letter = self._letter(to, subject, text, message_id, now)
        try:
            with self._connected() as server:
                if self._url.username:
                    server.login(unquote(self._url.username), unquote(self._url.password or ""))
                refused = server.send_message(letter, from_addr=self._sender, to_addrs=list(to))
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise NotMailed(f"every address was refused ({code})") from error
        except smtplib.SMTPResponseException as error:
            raise NotMailed(f"{type(error).__name__} ({error.smtp_code})") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotMailed(type(error).__name__) from error
        return f"{len(refused)} of {len(to)} addresses were refused" if refused else ""

    def _connected(self) -> smtplib.SMTP:
        host, context = self._url.hostname or "", ssl.create_default_context()
        if self._url.scheme == "smtps":
            return smtplib.SMTP_SSL(host, self._url.port or 465, timeout=TIMEOUT_SECONDS, context=context)
        server = smtplib.SMTP(host, self._url.port or 587, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if server.has_extn("starttls") or host not in LOOPBACK:
                server.starttls(context=context)  # raises where it is not offered: nothing is said in the clear
        except BaseException:
            server.close()
            raise
        return server

    def _letter(
        self, to: Sequence[str], subject: str, text: str, message_id: str, now: pendulum.DateTime
    ) -> EmailMessage:
        letter = EmailMessage(policy=POLICY)
        letter["From"], letter["To"], letter["Subject"] = self._sender, ", ".join(to), subject
        letter["Date"] = format_datetime(now)
        letter["Message-ID"] = f"<{message_id}@{self._sender.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # not All, which suppresses bounces, too
        letter.set_content(text)
        return letter
