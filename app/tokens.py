"""The tokens file: who may call the service, as what, and for which agents.

    tokens:
      - name: "discord-gateway"
        role: gateway            # gateway | viewer | operator
        sha256: "9f86d0…"        # of the token; the token itself is nowhere
        agents: ["main"]         # absent: all of them

A token has 256 bits of chance in it, so a plain SHA-256 is enough: there is nothing to
guess that a slow hash would have to slow down.
"""

import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

TOKEN_PREFIX = "srt_"  # noqa: S105

Role = Literal["gateway", "viewer", "operator"]


class TokensError(Exception):
    """The tokens file cannot be used; names the file and what is wrong in it."""


class TokenEntry(BaseModel):
    """One token as the file has it. `agents` is None for a token that serves all agents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    role: Role
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    agents: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


class _TokensFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: tuple[TokenEntry, ...] = ()

    @field_validator("tokens", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return () if value is None else value

    @model_validator(mode="after")
    def _no_two_alike(self) -> Self:
        for what in ("name", "sha256"):
            seen: set[str] = set()
            for entry in self.tokens:
                value = getattr(entry, what)
                if value in seen:
                    raise ValueError(f"two tokens have the same {what}, one is {entry.name!r}")
                seen.add(value)
        return self


def generate_token() -> str:
    """Return a new clear token: `srt_` and 256 random bits as URL-safe text."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return the SHA-256 of a clear token, 64 hex digits, as the file holds it."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_tokens(path: Path) -> tuple[TokenEntry, ...]:
    """Read and check the whole tokens file; an empty file has no tokens.

    Raises `TokensError` for a file that cannot be read, is no YAML, has an unknown field or
    value, or names one token twice.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TokensError(f"{path}: cannot be read: {error}") from error
    return _parse(path, content)


def add_token(path: Path, entry: TokenEntry) -> None:
    """Append an entry to the tokens file, made with mode 0600 if it is not there.

    What the file already says, comments too, stays as it is, and a failed write leaves the file
    as it was. Raises `TokensError` for a name that the file already has, or a file that cannot
    be used.
    """
    try:
        with _alone_in(path.parent):
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            _replace(path, _with_entry(path, before, entry))
    except OSError as error:
        raise TokensError(f"{path}: cannot be written: {error}") from error


def as_yaml(entry: TokenEntry, indent: str = "  ") -> str:
    """Return the entry as an item of the file's list `tokens`."""
    lines = [
        f"- name: {_quoted(entry.name)}",
        f"  role: {entry.role}",
        f"  sha256: {_quoted(entry.sha256)}",
    ]
    if entry.agents is not None:
        lines.append(f"  agents: [{', '.join(_quoted(agent) for agent in entry.agents)}]")
    return "".join(f"{indent}{line}\n" for line in lines)


def _quoted(text: str) -> str:
    # Unquoted, a name like `no` and a hash of digits would be read as something else.
    return json.dumps(text, ensure_ascii=False)


def _with_entry(path: Path, before: str, entry: TokenEntry) -> str:
    entries = _parse(path, before)
    if any(known.name == entry.name for known in entries):
        raise TokensError(f"{path}: already has a token named {entry.name!r}")
    start = before if before.endswith("\n") or not before else before + "\n"
    if yaml.safe_load(before) is None:
        start += "tokens:\n"
    for indent in ("  ", ""):
        after = start + as_yaml(entry, indent)
        try:
            if _parse(path, after) == (*entries, entry):
                return after
        except TokensError:
            continue
    raise TokensError(
        f"{path}: its layout is not a plain list; add this to it by hand:\n{as_yaml(entry)}"
    )


def _parse(path: Path, content: str) -> tuple[TokenEntry, ...]:
    try:
        data = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise TokensError(f"{path}: is no YAML: {error}") from error
    try:
        return _TokensFile.model_validate({} if data is None else data).tokens
    except ValidationError as error:
        problems = "; ".join(_readable(detail) for detail in error.errors(include_url=False))
        raise TokensError(f"{path}: {problems}") from None


def _readable(detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
