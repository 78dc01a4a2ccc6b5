"""Send what is to be told to each receiver once. What could not be sent is tried again at the next look."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pipelines import effects
from pipelines.deployment.notices import Notices, Occasion
from pipelines.notices.mail import send_mail
from pipelines.notices.notice import Notice
from pipelines.notices.secret import SecretError
from pipelines.notices.webhook import post
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Receiver:
    """One receiver of the settings, by the name under which people are told of it."""

    name: str
    on: Sequence[Occasion]
    send: Callable[[Notice, datetime], None]


def receivers(settings: Notices) -> Iterator[Receiver]:
    for mail in settings.mail:
        yield Receiver(f"mail to {', '.join(mail.to)}", mail.on, lambda n, now, m=mail: send_mail(m, n, now))  # type: ignore[misc]
    for webhook in settings.webhook:
        name = f"webhook {webhook.url or f'in {webhook.url_from}'}"
        yield Receiver(name, webhook.on, lambda n, _now, w=webhook: post(w, n))  # type: ignore[misc]


def send(workspace: Workspace, settings: Notices, notices: Sequence[Notice], now: datetime) -> list[str]:
    """Send each notice to every receiver that wants it and has not had it. Returns a sentence for each that failed."""
    failures = []
    for receiver in receivers(settings):
        for notice in notices:
            sent = _mark(workspace, notice, receiver)
            if notice.occasion not in receiver.on or sent.exists():
                continue
            failure = attempt(receiver, notice, now)
            if failure is None:
                effects.make_directory(workspace.notices)
                effects.write(sent, json.dumps({"to": receiver.name, "sent_at": now.isoformat()}).encode())
            else:
                failures.append(failure)
    return failures


def attempt(receiver: Receiver, notice: Notice, now: datetime) -> str | None:
    """None when the notice is sent, else a sentence that says why it is not: without the server's own words, which
    may quote what was sent."""
    try:
        receiver.send(notice, now)
    except SecretError as error:
        return f"The {receiver.name} could not be sent: {error}."
    except OSError as error:
        code = getattr(error, "smtp_code", None) or getattr(error, "code", None)
        why = error.strerror or (f"the server answered {code}" if code else type(error).__name__)
        return f"The {receiver.name} could not be sent: {why}."
    return None


def _mark(workspace: Workspace, notice: Notice, receiver: Receiver) -> Path:
    """The file that says that a receiver has had a notice."""
    return workspace.notices / f"{notice.key}-{sha256(receiver.name.encode()).hexdigest()[:8]}.json"
