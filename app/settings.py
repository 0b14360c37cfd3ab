"""Every knob of the service: its unit, its default, and why it has that default.

A setting is read from the environment variable `SESSION_ROUTER_` plus its name in
capitals. An empty variable counts as not set.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.store_address import parse_store_address

PREFIX = "SESSION_ROUTER_"


class SettingsError(Exception):
    """A setting has a value the service cannot work with; names the environment variable."""


def _readable_address(url: str) -> str:
    parse_store_address(url)
    return url


StoreUrl = Annotated[str, AfterValidator(_readable_address)]


class Settings(BaseSettings):
    """What the service was told at its start. Read once, never changed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    redis_url: StoreUrl | None = Field(
        default=None,
        repr=False,
        description="The Redis 7.0+ or Valkey 8+ that holds all state: redis://, rediss:// or "
        "unix://; redis+sentinel://host:port,host:port/service/0 for the primary that Sentinels "
        "name; redis+cluster://host:port,host:port for a cluster (rediss+ for TLS). Not set: the "
        "service runs a Valkey of its own in `data_dir`, so that it starts on a machine with "
        "nothing but Python.",
    )
    data_dir: Path = Field(
        default=Path("session-router-data"),
        description="Folder of the embedded Valkey: append-only file, socket and log. Relative to "
        "where the service is started, so that a newcomer sees, copies and deletes his data "
        "without searching; give an absolute path to a service that the system starts.",
    )
    policy_file: Path | None = Field(
        default=None,
        description="YAML file with the routing policy. Not set: the defaults hold, every "
        "person of a chat has a session.",
    )
    tokens_file: Path | None = Field(
        default=None,
        description="YAML file with the hashed bearer tokens. Not set: no token is asked for, and "
        "the service listens on loopback only.",
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=4096,
        description="Parts the keys are divided into, 1 to 4096. One is right for a single "
        "server; a cluster wants several for each of its nodes, 64 say. Fixed with the first "
        "start on a store.",
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that serve HTTP, 1 to 64. One fills a core; the store is shared "
        "by all of them.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on. Loopback until somebody asks for more: anything else "
        "needs tokens.",
    )
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    appendfsync: Literal["always", "everysec"] = Field(
        default="always",
        description="When the embedded Valkey flushes to disk: `always` keeps every "
        "acknowledged message through a crash of the machine, `everysec` may lose the last "
        "second and is faster.",
    )
    hide_texts: bool = Field(
        default=False,
        description="Whether the texts of messages are hidden for good from people, on the page "
        "and in every view of REST, whatever is asked for. Gateways get them: they answer them.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least severity that is logged. `debug` has a line for every decision.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="Lines for people, or a JSON object a line for machines.",
    )
    log_hash_key: str | None = Field(
        default=None,
        min_length=16,
        max_length=256,
        repr=False,
        description="A secret of 16 to 256 characters with which ids of sessions, messages, users, "
        "consumers and runs are hashed in the log, the same on every router. Not set: they stand "
        "there as they are.",
    )
    store_timeout_seconds: float = Field(
        default=2.0,
        gt=0,
        le=60,
        allow_inf_nan=False,
        description="Seconds a call waits for the store, up to 60, until it is answered with 503. "
        "Two: long enough for a flush on a slow disk, short enough for a webhook.",
    )
    requests_per_second: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Requests a second that one token gets of one worker process, a second's "
        "worth of them at once; more is answered with 429. Not set: no limit, because gateways "
        "are trusted and a lost webhook is worse than a busy moment.",
    )
    streams_max: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Signal streams that one worker process keeps open; more is answered with "
        "429. A thousand: each is a connection, and a process has about a thousand to give.",
    )
    claims_max: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Claims that wait in one worker process; more is answered with 429. A "
        "thousand, for the same reason.",
    )
    shutdown_seconds: int = Field(
        default=5,
        ge=1,
        le=300,
        description="Seconds that open requests get to end when the service stops, 1 to 300. "
        "Five: half of what container engines wait for before they kill.",
    )


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises `SettingsError` with one line for each bad value: the variable and what it must be.
    The value itself is not repeated: it may hold a password.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [_readable(detail) for detail in error.errors(include_url=False)]
        raise SettingsError("\n".join(lines)) from None


def _readable(detail: ErrorDetails) -> str:
    field = str(detail["loc"][0])
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    line = f"{PREFIX}{field.upper()}: {message}"
    if field == "port" and "://" in str(detail["input"]):
        line += " (Kubernetes sets this for a service of that name: enableServiceLinks: false)"
    return line
