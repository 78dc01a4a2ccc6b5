"""Who is told of a night, and how: by e-mail, or by a message to an address on the web."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from pipelines.study.strict import Strict

# failed, held_back, published: how a night ended; missing: it never began.
Occasion = Literal["failed", "held_back", "missing", "published"]
TO_BE_TOLD: list[Occasion] = ["failed", "held_back", "missing"]
Address = Annotated[str, Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]
EnvironmentVariable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a secret does not belong in this file; name an environment variable with `url_from`")
    if not is_safe(url):
        raise ValueError("must be https://…, or http://… on this machine")
    return url


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read what is sent to a web address."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_here(host)))


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Mail(Strict):
    """E-mail by a server. `password_from` names the environment variable that holds the password of `user`."""

    to: list[Address] = Field(min_length=1)
    sender: Address
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password_from: EnvironmentVariable | None = None
    on: list[Occasion] = Field(default=TO_BE_TOLD, min_length=1)

    @model_validator(mode="after")
    def _password_is_kept(self) -> Mail:
        if (self.user is None) != (self.password_from is None):
            raise ValueError("`user` and `password_from` go together")
        if self.user is not None and self.security == "none" and not is_here(self.host):
            raise ValueError("a password would be sent where anybody can read it; say `security: starttls` or `tls`")
        return self


class Webhook(Strict):
    """A POST of JSON. `url_from` and `token_from` name environment variables; the token goes along as `Bearer`."""

    url: Annotated[str, AfterValidator(_web_address)] | None = None
    url_from: EnvironmentVariable | None = None
    token_from: EnvironmentVariable | None = None
    on: list[Occasion] = Field(default=TO_BE_TOLD, min_length=1)

    @model_validator(mode="after")
    def _one_address(self) -> Webhook:
        if (self.url is None) == (self.url_from is None):
            raise ValueError("needs either `url` or `url_from`")
        return self


class Notices(Strict):
    mail: list[Mail] = Field(default_factory=list)
    webhook: list[Webhook] = Field(default_factory=list)
