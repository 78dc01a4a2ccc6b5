"""Serve `reports/` to a browser: to look at, never to write, and nothing that lies elsewhere.

Each site's own list names its participants' numbers, so those lists are served only where that is asked for.
"""

from __future__ import annotations

import ipaddress
import socket
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from pipelines.report.packs import PAGES, SITE_LISTS, list_packs
from pipelines.report.template import template
from pipelines.workspace import Workspace

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class AddressError(Exception):
    """The board is not served at this address; one sentence says why."""


def board_server(
    workspace: Workspace, host: str = "127.0.0.1", port: int = 0, *, network: bool = False, site_lists: bool = False
) -> ThreadingHTTPServer:
    """A server bound to `host`, not yet serving; port 0 takes a free one.

    `network` allows an address that other machines reach. Raises AddressError, and OSError where the port is taken.
    """
    address = _address(host)
    if not address.is_loopback and not network:
        raise AddressError(
            f"{host} can be reached from other machines, and the board has no passwords: "
            "serve it on 127.0.0.1, or say --network where something in front of it asks who is there"
        )
    handler = partial(_Board, workspace, address.is_loopback, site_lists)
    server = _Server6 if address.version == 6 else _Server
    return server((str(address), port), handler)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise AddressError(f"{host} is no IP address; 127.0.0.1 is this machine") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Board(BaseHTTPRequestHandler):
    """GET and HEAD of what lies in `reports/`; the folder itself is a list of packs."""

    timeout = 10.0  # seconds for a request to be sent
    protocol_version = "HTTP/1.1"
    reading: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    def __init__(self, workspace: Workspace, here_only: bool, site_lists: bool, *request: object) -> None:
        self._workspace, self._here_only, self._site_lists = workspace, here_only, site_lists
        super().__init__(*request)  # type: ignore[arg-type]

    def handle_one_request(self) -> None:
        """As in the parent, but for a method that writes or that nobody knows."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or len(self.raw_requestline) > 65536:
                self.close_connection = True
            elif self.parse_request():
                self._answer()
                self.wfile.flush()
        except (TimeoutError, ConnectionError):
            self.close_connection = True

    def _answer(self) -> None:
        if self.command not in self.reading:
            self.close_connection = True  # what it may have sent along is not read
            self._send(HTTPStatus.METHOD_NOT_ALLOWED, b"This server only shows.\n", {"Allow": ", ".join(self.reading)})
        elif self._here_only and not _names_this_machine(self.headers.get("Host", "")):
            self._send(HTTPStatus.FORBIDDEN, b"This server answers to its own address only.\n")
        elif (path := unquote(urlsplit(self.path).path)) == "/":
            page = template("board_index").render(packs=list_packs(self._workspace), pages=PAGES)
            self._send(HTTPStatus.OK, page.encode(), {"Content-Type": KINDS[".html"]})
        elif (file := self._file(path)) is not None:
            self._send(HTTPStatus.OK, file.read_bytes(), {"Content-Type": KINDS[file.suffix]})
        else:
            self._send(HTTPStatus.NOT_FOUND, b"There is no such page; / lists them.\n")

    def _file(self, path: str) -> Path | None:
        """The file that a path names: a page of a known kind, not hidden, that really lies in `reports/`."""
        parts = path.split("/")[1:]
        if "\0" in path or any(not part or part.startswith(".") for part in parts):
            return None
        root = self._workspace.reports.resolve()
        try:
            file = root.joinpath(*parts).resolve()
            inside = file.relative_to(root)
            shown = file.is_file() and file.suffix in KINDS
        except (OSError, ValueError):
            return None
        private = SITE_LISTS in inside.parts and not self._site_lists
        return file if shown and not private else None

    def _send(self, status: HTTPStatus, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.request_version = self.protocol_version  # whatever was asked, the headers are sent
        self.send_response_only(status)
        for name, value in {"Content-Type": "text/plain; charset=utf-8", **HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Date", self.date_time_string())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that cannot be understood is not quoted back."""
        self.close_connection = True
        self.command = self.command or ""
        self._send(HTTPStatus(code), b"This request cannot be understood.\n")


def _names_this_machine(host: str) -> bool:
    """Whether a browser asked for this machine by its own name: another name may point here to read what is shown."""
    name = urlsplit(f"//{host}").hostname if host else ""
    try:
        return name == "localhost" or ipaddress.ip_address(name or "").is_loopback
    except ValueError:
        return False
