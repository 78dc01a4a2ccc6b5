"""A notice as an e-mail."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from pipelines.deployment.notices import Mail
from pipelines.notices.notice import Notice
from pipelines.notices.secret import secret

if TYPE_CHECKING:
    from datetime import datetime

TIMEOUT = 20.0  # seconds


def send_mail(mail: Mail, notice: Notice, now: datetime) -> None:
    """Hand the notice to the server. Raises SecretError, OSError (smtplib's errors are such)."""
    password = secret(mail.password_from) if mail.password_from else None
    context = ssl.create_default_context()
    if mail.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT, context=context)
    else:
        connection = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT)
    with connection:
        if mail.security == "starttls":
            connection.starttls(context=context)
        if mail.user is not None and password is not None:
            connection.login(mail.user, password)
        connection.send_message(_message(mail, notice, now))


def _message(mail: Mail, notice: Notice, now: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Subject"] = f"[ict-trial] {notice.subject}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # nobody's absence answers it
    message.set_content(notice.text + "\n")
    return message
