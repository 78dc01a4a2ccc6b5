"""A notice as JSON to an address on the web: `text` is what Slack, Mattermost, Teams and the like show."""

from __future__ import annotations

import json
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pipelines.deployment.notices import Webhook, is_safe
from pipelines.notices.notice import Notice
from pipelines.notices.secret import SecretError, secret

TIMEOUT = 20.0  # seconds


def post(webhook: Webhook, notice: Notice) -> None:
    """Send the notice. Raises SecretError, and OSError where the answer is anything but success."""
    url = webhook.url or secret(webhook.url_from or "")
    if not is_safe(url):
        raise SecretError(f"{webhook.url_from} must hold an address https://…, or http://… on this machine")
    content = {"text": f"{notice.subject}\n{notice.text}", "occasion": notice.occasion, "subject": notice.subject}
    request = Request(url, json.dumps(content | notice.facts).encode(), {"Content-Type": "application/json"})  # noqa: S310
    if webhook.token_from:
        request.add_header("Authorization", f"Bearer {secret(webhook.token_from)}")
    try:
        with build_opener(_Stay).open(request, timeout=TIMEOUT):
            return
    except HTTPException as error:
        raise URLError(type(error).__name__) from None


class _Stay(HTTPRedirectHandler):
    """A notice goes where the settings say and nowhere else."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None
