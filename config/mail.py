"""The mail server, as UPTAKE_MAIL_URL names it."""

import smtplib
import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class MailServer:
    """scheme: smtp (not encrypted), smtp+starttls, or smtps (TLS from the start)."""

    scheme: str
    host: str
    port: int
    user: str
    password: str

    @classmethod
    def read(cls, url: str) -> Self:
        """Of ``smtp+starttls://user:password@host:587``. ValueError says what is wrong, without the
        password."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
            raise ValueError(
                "smtp://, smtp+starttls:// or smtps:// is expected, then user:password@ where the "
                "server asks for them, and host:port; signs as @ and : in a password are written "
                "%40 and %3A"
            )
        try:
            port = parts.port or _PORTS[parts.scheme]
        except ValueError:
            raise ValueError("the port is a number from 1 to 65535") from None
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def try_it(self) -> None:
        """Connect and sign in, and send nothing. Raises OSError (smtplib's errors are such)."""
        context = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)
            if self.scheme == "smtps"
            else smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        ) as session:
            if self.scheme == "smtp+starttls":
                session.starttls(context=context)
            if self.user:
                session.login(self.user, self.password)

    def __str__(self) -> str:
        """Without the password."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"MailServer({self})"
