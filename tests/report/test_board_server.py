"""The board's server, over real sockets: it shows what lies in reports/, and does nothing else."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pipelines.report.board_server import AddressError, board_server
from pipelines.workspace import Workspace

PACK = "20260701T020000Z-0123abcd"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("board"))
    (workspace.root / "secret.html").write_text("SECRET")
    (workspace.root / "study.yaml").write_text("study: x\n")
    for name in ("20260630T020000Z-00000000", PACK):
        sites = workspace.reports / name / "sites" / "oxford"
        sites.mkdir(parents=True)
        (workspace.reports / name / "open.html").write_text(f"<p>{name}</p>")
        (workspace.reports / name / "open.pdf").write_bytes(b"%PDF-1.7")
        (sites / "queries.html").write_text("OX-001")
        (workspace.reports / name / ".hidden.html").write_text("HIDDEN")
        (workspace.reports / name / "key.pem").write_text("KEY")
    (workspace.reports / "latest").symlink_to(PACK)
    (workspace.reports / "out.html").symlink_to(workspace.root / "secret.html")
    snapshot = workspace.snapshots / PACK
    snapshot.mkdir(parents=True)
    (snapshot / "manifest.json").write_text(json.dumps({"as_of": "2026-07-01", "built_at": "2026-07-01T02:00:00Z"}))
    return workspace


@pytest.fixture(scope="module")
def port(workspace: Workspace) -> Iterator[int]:
    yield from _serving(workspace)


def _serving(workspace: Workspace, **asked: bool) -> Iterator[int]:
    server = board_server(workspace, **asked)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def raw(port: int, request: bytes) -> bytes:
    """What the server says to bytes that no client would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_the_first_page_lists_the_packs_newest_first(port: int) -> None:
    status, headers, content = ask(port, "/")
    text = content.decode()
    assert status == 200 and headers["content-type"].startswith("text/html")
    assert text.index(f"{PACK} (latest)") < text.index("20260630T020000Z-00000000")
    assert "2026-07-01" in text and 'href="/latest/open.html"' in text and "queries" not in text


def test_a_page_is_shown_with_headers_that_let_it_do_nothing(port: int) -> None:
    status, headers, content = ask(port, "/latest/open.html")
    assert (status, content) == (200, f"<p>{PACK}</p>".encode())
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer" and "server" not in headers
    assert ask(port, f"/{PACK}/open.pdf")[1]["content-type"] == "application/pdf"


def test_a_head_is_a_get_without_its_content(port: int) -> None:
    got, head = ask(port, "/latest/open.html"), ask(port, "/latest/open.html", "HEAD")
    assert head[2] == b"" and head[0] == 200
    assert {k: v for k, v in head[1].items() if k != "date"} == {k: v for k, v in got[1].items() if k != "date"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_nothing_can_be_written(port: int, method: str) -> None:
    status, headers, _ = ask(port, "/latest/open.html", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.html",
        "/%2e%2e/secret.html",
        "/latest/../../secret.html",
        "/latest/%2e%2e/%2e%2e/secret.html",
        "/latest/..%2f..%2fsecret.html",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/out.html",
        "/latest/.hidden.html",
        "/latest/key.pem",
        "/latest/open.html%00.html",
        "/latest",
        "/latest/",
        "/latest/sites/oxford/queries.html",
        "/latest/" + "a" * 5000 + ".html",
        "/latest/open.html/",
    ],
)
def test_nothing_else_is_shown(port: int, path: str) -> None:
    answer = raw(port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404"), answer
    assert not any(word in answer for word in (b"SECRET", b"HIDDEN", b"KEY", b"root:", b"OX-001"))


def test_the_sites_lists_are_shown_where_that_is_asked_for(workspace: Workspace) -> None:
    for port in _serving(workspace, site_lists=True):
        assert ask(port, "/latest/sites/oxford/queries.html")[2] == b"OX-001"
        assert ask(port, "/out.html")[0] == 404


def test_another_name_for_this_machine_gets_nothing(port: int) -> None:
    assert ask(port, "/", Host="evil.example:80")[0] == 403
    assert ask(port, "/", Host="localhost:80")[0] == 200
    assert raw(port, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 403")


def test_what_cannot_be_understood_is_not_quoted_back(port: int) -> None:
    answer = raw(port, b"CANARY <script> nonsense more HTTP/9.9\r\n\r\n")
    assert answer.split()[1] in (b"400", b"505") and b"CANARY" not in answer and b"nosniff" in answer
    assert ask(port, "/")[0] == 200, "it still serves"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", ""])
def test_no_other_address_unless_told(workspace: Workspace, host: str) -> None:
    with pytest.raises(AddressError):
        board_server(workspace, host)


def test_told_so_it_listens_at_every_address(workspace: Workspace) -> None:
    server = board_server(workspace, "0.0.0.0", network=True)
    assert server.server_address[0] == "0.0.0.0"
    server.server_close()


def test_before_anything_is_written_it_says_so(tmp_path: Path) -> None:
    for port in _serving(Workspace(tmp_path)):
        assert b"Nothing has been written yet" in ask(port, "/")[2]


def test_the_command_serves_until_it_is_stopped_and_refuses_the_network(workspace: Workspace) -> None:
    command = [str(Path(sys.executable).with_name("ict-trial")), "board", "--workspace", str(workspace.root)]
    refused = subprocess.run([*command, "--host", "0.0.0.0"], capture_output=True, text=True)
    assert refused.returncode == 2 and "--network" in refused.stderr and "Traceback" not in refused.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = subprocess.run([*command, "--port", str(taken.getsockname()[1])], capture_output=True, text=True)
    assert busy.returncode == 2 and "another with --port" in busy.stderr
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    # A pipeline that a shell started in the background would not heed a Ctrl-C, and hands that on.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=heeding
    ) as serving:
        assert serving.stdout is not None
        said = serving.stdout.readline()
        try:
            assert ask(int(said.split()[0].rpartition(":")[2]), "/latest/open.html")[0] == 200
        finally:
            serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=20) == 0
