"""Every setting that comes from the environment, read here and nowhere else.

Wrong values are refused at start, all at once. ``docs/settings.md`` lists each; a test holds that.
"""

import logging
import os
import secrets
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from config.database import database_of
from config.mail import MailServer

ROOT = Path(__file__).resolve().parent.parent
_SECRET = {"secret_key", "mail_url", "redis_url", "database_url", "metrics_token"}
"""Never repeated in a message: each holds a secret, or may."""


class SettingsRefused(Exception):
    """The environment holds a value that cannot be used; the text names each."""


class Environment(BaseModel):
    """Read from variables named UPTAKE_<FIELD>; REDIS_URL and DATABASE_URL keep their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Path = Field(
        default=ROOT / ".uptake" / "up",
        description="Folder of the database, the files, logs and sockets.",
    )
    secret_key: str = Field(
        default="", description="Signs sessions; by default made once, in the state folder."
    )
    bind: str = Field(
        default="127.0.0.1:8000", pattern=r"^\S+:\d+$", description="Address of the web server."
    )
    hosts: list[str] = Field(
        default=["127.0.0.1", "localhost"],
        description="Host names that the web server answers to, separated by commas.",
    )
    https: bool = Field(
        default=False, description="Set to 1 behind a proxy that speaks HTTPS: secure cookies."
    )
    address: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#]+)?$",
        description="Address that people reach it by, for links in mails, as "
        "https://pet.example.org; by default made of the first of the hosts and the port.",
    )
    mail_url: str = Field(
        default="",
        description="Mail server: smtp+starttls://user:password@host:587, smtps://…:465, or "
        "smtp://…:25 without encryption; by default mails are written to files in the state "
        "folder.",
    )
    mail_from: str = Field(
        default="",
        validate_default=True,
        description="Sender of mails, as “Uptake <uptake@example.org>”; needed with a mail server.",
    )
    redis_url: str = Field(
        default="", description="Redis-protocol server; by default a bundled one is started."
    )
    database_url: str = Field(
        default="",
        description="PostgreSQL: postgresql://user:password@host:5432/name; by default SQLite in "
        "the state folder.",
    )
    demo: bool = Field(default=False, description="Set by `uptake demo`; allows demo accounts.")
    slots: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1),
        ge=1,
        le=256,
        description="Containers that may run at once on this host; by default one per CPU.",
    )
    gvisor: Literal["auto", "never"] = Field(
        default="auto",
        description="auto: gVisor contains containers where the engine has it; never: only where a "
        "phase requires it.",
    )
    lease_seconds: int = Field(
        default=60, ge=3, le=3600, description="A worker silent for this long has lost its run."
    )
    reconcile_seconds: float = Field(
        default=10, ge=0.2, le=30, description="How often the reconciler looks for what was lost."
    )
    metrics_token: str = Field(
        default="",
        description="A Prometheus server with this bearer token may read /operations/metrics.",
    )
    upload_gib: float = Field(
        default=10, gt=0, description="Largest upload of a container image, GiB."
    )
    api_per_minute: int = Field(
        default=600,
        ge=1,
        description="Requests to the API in a minute, of each person; a tenth of it from each "
        "address where nobody is signed in.",
    )
    data_upload_gib: float = Field(
        default=100, gt=0, description="Largest upload of a challenge's data, GiB."
    )

    @field_validator("hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [host.strip() for host in value.split(",")] if isinstance(value, str) else value

    @field_validator("state")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("mail_url")
    @classmethod
    def _readable(cls, value: str) -> str:
        if value:
            MailServer.read(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _of_a_database(cls, value: str) -> str:
        database_of(value, ROOT)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str, info: ValidationInfo) -> str:
        wanted = bool(value or info.data.get("mail_url"))
        if wanted and ("@" not in parseaddr(value)[1] or not value.isprintable()):
            raise ValueError("an address of e-mail is expected, as Uptake <uptake@example.org>")
        return value

    @property
    def public_address(self) -> str:
        """Without a slash at its end."""
        if self.address:
            return self.address
        host, port = self.bind.rsplit(":", 1)
        name = next((one.lstrip(".") for one in self.hosts if one not in ("", "*")), host)
        return f"https://{name}" if self.https else f"http://{name}:{port}"

    @classmethod
    def read(cls, variables: dict[str, str]) -> Self:
        given = {
            name: variables[variable]
            for name in cls.model_fields
            if (variable := cls.variable(name)) in variables
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = []
            for problem in error.errors():
                name = str(problem["loc"][0])
                shown = "…" if name in _SECRET else repr(given.get(name, ""))
                lines.append(f"{cls.variable(name)}={shown}: {problem['msg']}")
            raise SettingsRefused("Settings that cannot be used:\n" + "\n".join(lines)) from None

    @staticmethod
    def variable(field: str) -> str:
        name = field.upper()
        return name if field in ("redis_url", "database_url") else f"UPTAKE_{name}"


@cache
def environment() -> Environment:
    return Environment.read(dict(os.environ))


def load_django() -> Environment:
    """For a command, which says itself what happened: log lines are for the processes' logs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    logging.getLogger().setLevel(logging.WARNING)
    return environment()


def kept_secret(path: Path) -> str:
    """The random text in ``path``, made (mode 0600) where it is not there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass  # made by an earlier start, or by another process at this moment
    return path.read_text().strip()
