"""A mail server and a web server on this machine, which keep what they are sent."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class MailServer:
    """`messages` that it took; `logins` that were tried. It turns everybody away while `closed`."""

    port: int
    messages: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    closed: bool = False

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.closed:
            return "554 CANARY: not now"
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, said: Any) -> AuthResult:
        assert isinstance(said, LoginPassword)
        self.logins.append((said.login.decode(), said.password.decode()))
        return AuthResult(success=said.password == b"right", handled=False)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    server = MailServer(free_port())
    asks = {"authenticator": server.authenticate, "auth_require_tls": False}
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **asks)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass
class WebServer:
    """`posts` that it took, with their headers; it answers with `answer`."""

    url: str
    posts: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    answer: int = 204


@contextmanager
def web_server() -> Iterator[WebServer]:
    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posts.append((json.loads(content), dict(self.headers.items())))
            self.send_response(kept.answer, "CANARY")
            if kept.answer == 302:
                self.send_header("Location", f"{kept.url}/elsewhere")
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_words: object) -> None:
            """Nothing is said."""

    server = HTTPServer(("127.0.0.1", 0), Keep)
    kept = WebServer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
