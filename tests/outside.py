"""Real servers on the loopback that stand in for the world outside: one takes mails, one takes calls by HTTP."""

import socket
import ssl
import threading
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Post:
    """What a mail server got, and what it is to answer (empty: it takes everything)."""

    def __init__(self):
        self.mails, self.answer, self.sign_ins = [], "", []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answer and address in self.answer:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answer == "busy":
            return "451 4.3.0 try again later"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((mail, envelope.rcpt_tos, server.transport.get_extra_info("ssl_object") is not None))
        return "250 OK"

    def sign_in(self, server, session, envelope, mechanism, data):
        self.sign_ins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)


@contextmanager
def mail_server(*, host="127.0.0.1", **given):
    """Run a mail server; yields what it gets and its port."""
    post = Post()
    with socket.create_server((host, 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(post, hostname=host, port=port, authenticator=post.sign_in, **given)
    controller.start()
    try:
        yield post, port
    finally:
        controller.stop()


def certificate(folder, *names):
    """Make an authority of our own: the server's context, and the file that whoever trusts it is given."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    return context, folder / "authority.pem"


@contextmanager
def web_server(*answers):
    """Run a web server that gives these answers, (status, headers), and then 204; yields its address and its calls."""
    calls, left = [], list(answers)

    class Door(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            calls.append((self.command, self.path, dict(self.headers), body))
            status, headers = left.pop(0) if left else (204, {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *given):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", calls
        server.shutdown()
