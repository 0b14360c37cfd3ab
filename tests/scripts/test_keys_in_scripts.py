"""The keys of the scripts on a session come from KEYS, or from what builds keys in its slot.

`test_one_slot.py` runs them; this holds for what it does not reach.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import scripts
from app.store.scripts import LUA, SESSION_PARTS, Script

FILES = sorted(
    [f"session/{part}.lua" for part in SESSION_PARTS]
    + [
        name
        for script in vars(scripts).values()
        if isinstance(script, Script) and script.is_on_session
        for name in (f"{script.verb}.lua", *(f"{script.verb}/{p}.lua" for p in script.parts))
    ]
)
# What takes a key: the server, and what stands between it and a script.
CALLS = re.compile(
    r"\b(redis\.p?call|value_of|set_value|set_value_for|drop_value|read_messages|push_all|look_at"
    r"|figures_in)\("
)
WITHOUT_KEYS = {"'TIME'", "'PUBLISH'"}
OF_MANY_KEYS = {"'DEL'", "'MGET'", "'EXISTS'"}
BUILT = re.compile(r"key\.\w+|key\[\w+\]|KEYS\[\d\]|at\(.*\)")
# The parameters of what stands between, each with the file that it is a parameter in.
HANDED_ON = {
    "session/values.lua": {"name_of_key", "unpack(names", "unpack(to_delete", "unpack(to_set"},
    "session/messages.lua": {"list"},
    "session/figures.lua": {"name_of_key"},
}


def arguments(text: str, start: int) -> list[str]:
    """The arguments of the call whose bracket opens before `start`."""
    found, depth, last = [], 0, start
    for i in range(start, len(text)):
        if text[i] in "({[":
            depth += 1
        elif text[i] in ")}]":
            depth -= 1
        if depth < 0 or (depth == 0 and text[i] == ","):
            found.append(text[last:i].strip())
            last = i + 1
        if depth < 0:
            return found
    raise AssertionError("a bracket is not closed")


def keys_in(text: str) -> Iterator[str]:
    """Whatever is taken for a key in a script."""
    for call in CALLS.finditer(text):
        if text[: call.start()].endswith("function "):
            continue
        given = arguments(text, call.end())
        if call[1] == "look_at":
            yield from () if given == ["wanted"] else arguments(given[0], 1)
        elif call[1] in {"redis.call", "redis.pcall", "push_all"}:
            command, *given = given
            if command not in WITHOUT_KEYS:
                yield from given if command in OF_MANY_KEYS else given[:1]
        else:
            yield given[0]
    for listed in re.finditer(r"wanted = \{", text):
        yield from arguments(text, listed.end())
    yield from re.findall(r"wanted\[#wanted \+ 1\] = (.*?)(?: end)?\n", text)


@pytest.mark.parametrize("file", FILES)
def test_every_key_comes_from_what_builds_keys(file: str) -> None:
    text = re.sub(r"--.*", "", (LUA / file).read_text("utf-8"))
    built_here = set(re.findall(r"local (\w+) = (?:at\([^()]*\)|key\.\w+)\n", text))
    for found in keys_in(text):
        name = re.sub(r"(unpack\(\w+).*", r"\1", found)
        is_known = name in built_here or name in HANDED_ON.get(file, ()) or name == "..."
        assert is_known or BUILT.fullmatch(found), f"{found!r} is a key"


def test_only_one_file_knows_the_tag() -> None:
    naming = [
        file for file in FILES if re.search(r"\bTAG\b|'sr:\{", Path(str(LUA / file)).read_text())
    ]
    assert naming == ["session/keys.lua"]


@pytest.mark.parametrize(
    "slip",
    [
        "redis.call('GET', 'sr:{0}:fence')",
        "redis.call('DEL', key.queue, name)",
        "set_value(TAG .. 'queue', 1)",
        "push_all('LPUSH', other, {})",
        "look_at({key.session, ARGV[1]})",
    ],
)
def test_a_key_from_elsewhere_is_found(slip: str) -> None:
    assert not all(BUILT.fullmatch(found) for found in keys_in(slip + "\n"))
