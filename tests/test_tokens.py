"""The tokens file: what it may hold, and how an entry is added."""

import stat
from pathlib import Path

import pytest

from app.tokens import (
    TokenEntry,
    TokensError,
    add_token,
    as_yaml,
    generate_token,
    hash_token,
    read_tokens,
)

DIGEST = "0" * 64
OTHER_DIGEST = "1" * 64
GATEWAY = TokenEntry(name="gw", role="gateway", sha256=DIGEST)
OPERATOR = TokenEntry(name="ops", role="operator", sha256=OTHER_DIGEST, agents=("main", "a, b]"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.yaml"


def test_a_token_is_known_by_its_prefix_and_never_the_same() -> None:
    tokens = {generate_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.startswith("srt_") and len(token) == 47 for token in tokens)


def test_the_hash_is_plain_sha256_in_hex() -> None:
    assert hash_token("abc").startswith("ba7816bf8f01cfea")


def test_what_was_added_is_read_back(file: Path) -> None:
    add_token(file, GATEWAY)
    add_token(file, OPERATOR)
    assert read_tokens(file) == (GATEWAY, OPERATOR)


def test_a_new_file_is_for_its_owner_alone_and_an_old_one_keeps_its_mode(file: Path) -> None:
    add_token(file, GATEWAY)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    add_token(file, OPERATOR)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_name_is_given_once_and_a_refusal_leaves_the_file_alone(file: Path) -> None:
    add_token(file, GATEWAY)
    before = file.read_bytes()
    with pytest.raises(TokensError, match="already has a token named 'gw'"):
        add_token(file, GATEWAY.model_copy(update={"sha256": OTHER_DIGEST}))
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "start",
    ["", "\n", "# who may call\n", "tokens:\n", "# ours\ntokens:"],
    ids=["empty", "blank", "comment", "heading", "no newline"],
)
def test_an_entry_is_added_to_a_file_without_any(file: Path, start: str) -> None:
    file.write_text(start)
    add_token(file, GATEWAY)
    assert read_tokens(file) == (GATEWAY,)
    assert file.read_text().startswith(start)


@pytest.mark.parametrize("indent", ["", "  "])
def test_an_entry_follows_the_indent_that_the_file_has(file: Path, indent: str) -> None:
    file.write_text(f"tokens: # ours\n{as_yaml(GATEWAY, indent)}# the end")
    add_token(file, OPERATOR)
    assert read_tokens(file) == (GATEWAY, OPERATOR)
    assert "# ours" in file.read_text()
    assert "# the end" in file.read_text()


def test_a_file_in_another_layout_is_left_alone_and_the_entry_shown(file: Path) -> None:
    file.write_text("tokens: []\n")
    with pytest.raises(TokensError, match='by hand:\n  - name: "gw"'):
        add_token(file, GATEWAY)
    assert file.read_text() == "tokens: []\n"


@pytest.mark.parametrize("content", ["", "tokens:\n", "tokens: []\n", "# nothing\n"])
def test_a_file_without_tokens_has_none(file: Path, content: str) -> None:
    file.write_text(content)
    assert read_tokens(file) == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("tokens: [", "is no YAML"),
        ("- name: gw", "dictionary"),
        ("tokens: {}", "tokens: "),
        ("token: []", "token: Extra inputs"),
        ("tokens: [{name: gw, role: gateway}]", "tokens.0.sha256: Field required"),
        (f"tokens: [{{name: gw, role: admin, sha256: '{DIGEST}'}}]", "tokens.0.role: "),
        ("tokens: [{name: gw, role: gateway, sha256: abc}]", "tokens.0.sha256: "),
        (f"tokens: [{{name: a b, role: viewer, sha256: '{DIGEST}'}}]", "tokens.0.name: "),
        (f"tokens: [{{name: a, role: viewer, sha256: '{DIGEST}', agents: []}}]", "agents: "),
        (f"tokens: [{{name: a, role: viewer, sha256: '{DIGEST}', agent: x}}]", "agent: Extra"),
        (f"tokens:\n{as_yaml(GATEWAY)}{as_yaml(GATEWAY)}", "two tokens have the same name"),
        (
            f"tokens:\n{as_yaml(GATEWAY)}{as_yaml(GATEWAY).replace('gw', 'gw2')}",
            "two tokens have the same sha256",
        ),
    ],
)
def test_a_wrong_file_is_refused_whole_and_named(file: Path, content: str, reason: str) -> None:
    file.write_text(content)
    with pytest.raises(TokensError) as caught:
        read_tokens(file)
    assert str(caught.value).startswith(str(file))
    assert reason in str(caught.value)


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(TokensError, match=r"tokens\.yaml: cannot be read"):
        read_tokens(file)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokensError, match="cannot be written"):
        add_token(tmp_path / "absent" / "tokens.yaml", GATEWAY)


def test_a_hash_is_in_no_representation() -> None:
    assert DIGEST not in repr(GATEWAY)
