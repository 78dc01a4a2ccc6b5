"""People are told how a night went and that one did not come: once, without secrets in files or data in texts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines.cli import cli
from pipelines.deployment.settings import load_deployment
from pipelines.night import Night
from pipelines.night_end import tell_how_it_stands
from pipelines.study.load import SCHEMAS
from pipelines.study.yaml_file import InvalidFileError
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace
from tests.notices.servers import MailServer, WebServer, free_port, mail_server, web_server

NOW = datetime(2026, 7, 20, 2, 30, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    return workspace


@pytest.fixture(scope="module")
def a_mail_server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mail(a_mail_server: MailServer) -> MailServer:
    a_mail_server.messages, a_mail_server.logins, a_mail_server.closed = [], [], False
    return a_mail_server


@pytest.fixture(scope="module")
def a_web_server() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def web(a_web_server: WebServer) -> WebServer:
    a_web_server.posts, a_web_server.answer = [], 204
    return a_web_server


def settings(workspace: Workspace, text: str) -> None:
    workspace.deployment_file.write_text(text, encoding="utf-8")


def by_mail(port: int, more: str = "") -> str:
    return (
        "notices:\n  mail:\n    - to: [manager@example.org, deputy@example.org]\n      sender: trial@example.org\n"
        f"      host: 127.0.0.1\n      port: {port}\n      security: none\n{more}"
    )


def by_web(url: str, more: str = "") -> str:
    return f"notices:\n  webhook:\n    - url: {url}\n{more}"


def night(workspace: Workspace, day: int, **given: Any) -> None:
    values = {"started_at": f"2026-07-{day}T02:00:00+00:00", "as_of": f"2026-07-{day}", "sites": ["oxford"]}
    Night(run_id=f"run-{day}", **{**values, **given}).save(workspace)


def test_a_night_that_failed_is_told_by_mail_once(workspace: Workspace, mail: MailServer) -> None:
    settings(workspace, by_mail(mail.port))
    night(workspace, 20, outcome="failed", messages=["Not published: landing__deliveries: the disk is full"])
    assert tell_how_it_stands(workspace, NOW) == []
    assert tell_how_it_stands(workspace, NOW + timedelta(hours=1)) == []
    (message,) = mail.messages
    assert message["Subject"] == "[ict-trial] ict_sad: the night failed"
    assert message["To"] == "manager@example.org, deputy@example.org" and message["Auto-Submitted"] == "auto-generated"
    text = message.get_content()
    assert "The night of ict_sad that began 2026-07-20 02:00 UTC ended: failed." in text
    assert "Not published: landing__deliveries: the disk is full" in text and "ict-trial nightly" in text


def test_a_night_that_was_held_back_is_told_to_programs_too(
    workspace: Workspace, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "s3cret")
    settings(workspace, by_web(web.url, "      token_from: HOOK_TOKEN\n"))
    night(workspace, 20, outcome="held_back", messages=["the check `unique_key` failed"])
    assert tell_how_it_stands(workspace, NOW) == []
    ((content, headers),) = web.posts
    assert content["occasion"] == "held_back" and content["run_id"] == "run-20" and content["snapshot_id"] is None
    assert "a blocking check held the night back" in content["text"] and "unique_key" in content["text"]
    assert headers["Authorization"] == "Bearer s3cret" and headers["Content-Type"] == "application/json"
    assert "s3cret" not in "".join(p.read_text() for p in workspace.root.rglob("*.json"))


def test_a_night_that_did_not_come_is_told_once_a_day(workspace: Workspace, web: WebServer) -> None:
    settings(workspace, by_web(web.url))
    night(workspace, 18, outcome="published")
    for hours in (23, 25, 27, 28, 51, 52):
        assert tell_how_it_stands(workspace, datetime(2026, 7, 18, 2, tzinfo=UTC) + timedelta(hours=hours)) == []
    assert [content["occasion"] for content, _ in web.posts] == ["missing", "missing"]
    assert "No night of ict_sad has begun since 2026-07-18 02:00 UTC" in web.posts[0][0]["text"]
    assert "NO DATA" in (workspace.reports / "latest" / "status.html").read_text(encoding="utf-8")


def test_each_receiver_is_told_what_it_asked_for(workspace: Workspace, web: WebServer) -> None:
    settings(workspace, by_web(web.url, f"      on: [published]\n    - url: {web.url}/second\n"))
    night(workspace, 20, outcome="published", snapshot_id="20260720T020000Z-aaaaaaaa")
    assert tell_how_it_stands(workspace, NOW) == []
    ((content, _),) = web.posts
    assert content["snapshot_id"] == "20260720T020000Z-aaaaaaaa" and "is published" in content["text"]


def test_what_could_not_be_sent_is_said_and_tried_again(workspace: Workspace, mail: MailServer, web: WebServer) -> None:
    """The other receivers have theirs; a server's own words, which may quote what was sent, are not repeated."""
    webhook = by_web(web.url).removeprefix("notices:\n")
    settings(workspace, by_mail(mail.port) + webhook)
    night(workspace, 20, outcome="failed")
    mail.closed = True
    (failure,) = tell_how_it_stands(workspace, NOW)
    assert failure == (
        "The mail to manager@example.org, deputy@example.org could not be sent: the server answered 554."
    )
    mail.closed = False
    assert tell_how_it_stands(workspace, NOW) == []
    assert len(mail.messages) == len(web.posts) == 1


@pytest.mark.parametrize("answer", [302, 401, 500])
def test_an_answer_other_than_success_is_a_failure_and_nothing_is_followed(
    workspace: Workspace, web: WebServer, answer: int
) -> None:
    settings(workspace, by_web(web.url))
    night(workspace, 20, outcome="failed")
    web.answer = answer
    (failure,) = tell_how_it_stands(workspace, NOW)
    assert f"the server answered {answer}" in failure and "CANARY" not in failure
    assert len(web.posts) == 1


def test_a_server_that_is_not_there_does_not_stop_the_page(workspace: Workspace) -> None:
    settings(workspace, by_mail(free_port()))
    night(workspace, 20, outcome="failed")
    (failure,) = tell_how_it_stands(workspace, NOW)
    assert "could not be sent: Connection refused" in failure
    assert (workspace.reports / "latest" / "status.html").exists()


def test_a_password_comes_from_the_environment_alone(
    workspace: Workspace, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(workspace, by_mail(mail.port, "      user: pipeline\n      password_from: SMTP_PASSWORD\n"))
    night(workspace, 20, outcome="failed")
    (failure,) = tell_how_it_stands(workspace, NOW)
    assert "the environment variable SMTP_PASSWORD, which deployment.yaml names, is not set" in failure
    monkeypatch.setenv("SMTP_PASSWORD", "wrong")
    (failure,) = tell_how_it_stands(workspace, NOW)
    assert "the server answered 535" in failure and "wrong" not in failure
    monkeypatch.setenv("SMTP_PASSWORD", "right")
    assert tell_how_it_stands(workspace, NOW) == []
    assert mail.logins[0] == ("pipeline", "wrong") and mail.logins[-1] == ("pipeline", "right")
    assert len(mail.messages) == 1


def test_a_secret_address_comes_from_the_environment_and_must_be_safe(
    workspace: Workspace, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(workspace, "notices: {webhook: [{url_from: HOOK}]}\n")
    night(workspace, 20, outcome="failed")
    monkeypatch.setenv("HOOK", "http://192.0.2.1/secret-path")
    (failure,) = tell_how_it_stands(workspace, NOW)
    assert "HOOK must hold an address https" in failure and "secret-path" not in failure
    monkeypatch.setenv("HOOK", f"{web.url}/secret-path")
    assert tell_how_it_stands(workspace, NOW) == [] and len(web.posts) == 1


def test_nobody_is_told_where_nobody_is_named(workspace: Workspace) -> None:
    night(workspace, 20, outcome="failed")
    assert tell_how_it_stands(workspace, NOW) == [] and not workspace.notices.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("notices:\n  mails: []\n", "line 2: `notices.mails` is not a key"),
        ("notices:\n  mail:\n    - to: [x]\n      sender: a@b.org\n      host: h\n", "line 3"),
        (by_mail(25, "      user: u\n"), "`user` and `password_from` go together"),
        (
            by_mail(25, "      user: u\n      password_from: P\n").replace("127.0.0.1", "mail.example.org"),
            "anybody can",
        ),
        ("notices:\n  webhook:\n    - on: [failed]\n", "needs either `url` or `url_from`"),
        (by_web("http://example.org/x"), "must be https"),
        (by_web("https://u:p@example.org/x"), "a secret does not belong in this file"),
        ("ingest:\n  executor: slurm\n", "line 2"),
    ],
)
def test_what_is_wrong_in_the_settings_is_told_by_line(workspace: Workspace, text: str, complaint: str) -> None:
    settings(workspace, text)
    with pytest.raises(InvalidFileError) as error:
        load_deployment(workspace.deployment_file)
    assert "deployment.yaml, line " in str(error.value) and complaint in str(error.value)
    for command in ("check-study", "nightly", "try-notices"):
        checked = CliRunner().invoke(cli, [command, "--workspace", str(workspace.root)])
        assert checked.exit_code == 2 and complaint in checked.output, command
    (untold,) = tell_how_it_stands(workspace, NOW)
    assert complaint in untold and (workspace.reports / "latest" / "status.html").exists()


def test_somebody_can_try_whether_notices_arrive(workspace: Workspace, mail: MailServer, web: WebServer) -> None:
    asked = ["try-notices", "--workspace", str(workspace.root)]
    nobody = CliRunner().invoke(cli, asked)
    assert nobody.exit_code == 2 and "names nobody" in nobody.output
    settings(workspace, by_mail(mail.port) + by_web(web.url).removeprefix("notices:\n"))
    done = CliRunner().invoke(cli, asked)
    assert (done.exit_code, done.output.count("was sent")) == (0, 2)
    assert mail.messages[0]["Subject"] == "[ict-trial] ict_sad: a trial notice" and len(web.posts) == 1
    mail.closed = True
    assert CliRunner().invoke(cli, asked).exit_code == 1
