"""The scripts' headers and the table of keys say what the code does."""

import re
from pathlib import Path
from typing import get_args

import pytest
from redis import Redis
from redis.crc import key_slot

from app.routing.keys import SessionKey
from app.store import keys, scripts
from session_router.models import Reason

LUA = Path(scripts.__file__).parent / "lua"
APP = LUA.parents[1]
FILES = sorted(LUA.glob("*.lua"))
PARTS = sorted((LUA / "session").glob("*.lua"))
OWN_PARTS = sorted(set(LUA.glob("*/*.lua")) - set(PARTS))
SCRIPTS = [value for value in vars(scripts).values() if isinstance(value, scripts.Script)]

ON_SESSION = {script.verb for script in SCRIPTS if script.is_on_session}

each_script = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def flags_of(file: Path) -> list[str]:
    """The flags of a script's shebang: one, or none."""
    return re.findall(r"flags=(\S+)", file.read_text().splitlines()[0])


def header_of(file: Path) -> list[str]:
    """The lines of the comment that opens a script, without their dashes."""
    lines = []
    for line in file.read_text().splitlines()[1:]:
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").rstrip())
    return lines


def code_of(*files: Path) -> str:
    return "\n".join(re.sub(r"--.*", "", file.read_text()) for file in files)


def own_code_of(file: Path) -> str:
    """The code of a script with the parts that nobody else has."""
    return code_of(*(part for part in OWN_PARTS if part.parent.name == file.stem), file)


def whole_code_of(file: Path) -> str:
    """The code of a script with the shared parts, if it has them."""
    shared = PARTS if file.stem in ON_SESSION else []
    return "\n".join((code_of(*shared), own_code_of(file)))


def is_on_session(file: Path) -> bool:
    return "keys.session_keys" in " ".join(header_of(file))


def numbered(file: Path, title: str) -> set[int]:
    """The numbers that a header gives to its KEYS or ARGV."""
    lines = header_of(file)
    start = next(i for i, line in enumerate(lines) if line.startswith(f" {title} "))
    text = ""
    for line in lines[start:]:
        if not line or (text and not line.startswith("    ")):
            break
        text += "  " + line.removeprefix(f" {title}").strip()
    found = re.findall(r"  (\d+)(?:-(\d+))? ", text)
    return {n for first, last in found for n in range(int(first), int(last or first) + 1)}


def replies_of(file: Path) -> list[str]:
    """The lines of a header that tell its replies, those that go on joined."""
    lines = header_of(file)
    joined: list[str] = []
    for line in lines[lines.index(" Replies") + 1 :]:
        in_brackets = bool(joined) and joined[-1].count("(") > joined[-1].count(")")
        if in_brackets or line.startswith("    "):
            joined[-1] += line
        elif line.startswith("   "):
            joined.append(line.strip())
    return joined


def words_in_code(file: Path) -> set[str]:
    """Every word that a script may put first in its reply."""
    code = own_code_of(file)
    firsts = re.findall(r"return \{([^,}]*)", code)
    firsts += re.findall(r"\b(?:reply|wait)\(('\w+'|mode)", code)
    firsts += re.findall(r"table\.insert\(\w+, 1, ('\w+')\)", code)
    for name, first in re.findall(r"local (\w+) = \{('\w+')\}", code):
        if re.search(rf"return {name}\b", code):
            firsts.append(first)
    for name in SHARED_REFUSALS:
        if f"{name}(" in code:
            firsts += re.findall(r"(?:return|and|or) (?:\{|leave\()?('\w+')", shared_function(name))
    if "mode" in firsts:
        firsts += re.findall(r"(\w+) = \d", code[code.index("local STRENGTH") :].split("}")[0])
    words = {word for first in firsts for word in re.findall(r"'([a-z_]+)'", first)}
    return words | {first for first in firsts if first in BUSY_MODES}


SHARED_REFUSALS = ("refusal_of_holder", "open_for_operator", "leave_unchanged", "leave_changed")
BUSY_MODES = {"interrupt", "steer", "queue", "reject"}


def shared_function(name: str) -> str:
    found = re.search(rf"local function {name}\b.*?\nend", code_of(*PARTS), re.DOTALL)
    assert found is not None
    return found[0]


def test_the_scripts_are_those_that_python_loads() -> None:
    assert {script.verb for script in SCRIPTS} == {file.stem for file in FILES}
    assert set(scripts.SESSION_PARTS) == {part.stem for part in PARTS}
    assert {(script.verb, part) for script in SCRIPTS for part in script.parts} == {
        (part.parent.name, part.stem) for part in OWN_PARTS
    }


@each_script
def test_a_script_opens_with_a_shebang_its_guarantee_and_its_three_lists(file: Path) -> None:
    assert re.fullmatch(r"#!lua( flags=[a-z-]+)?", file.read_text().splitlines()[0])
    header = header_of(file)
    assert len(header[0]) > 20, "the guarantee comes first"
    titles = [line.split()[0] for line in header if re.match(r" (KEYS|ARGV|Replies)\b", line)]
    assert titles == ["KEYS", "ARGV", "Replies"]


def test_on_a_full_store_only_what_frees_or_renews_may_write() -> None:
    flags = {file.stem: "".join(flags_of(file)) for file in FILES}
    assert {verb for verb, flag in flags.items() if not flag} == {
        "admit",
        "aliases",
        "bind",
        "early",
        "home",
        "move",
        "redrive",
    }
    assert {"put_policy", "complete", "heartbeat", "release", "remove", "delete", "discard"} <= {
        verb for verb, flag in flags.items() if flag == "allow-oom"
    }
    assert set(flags.values()) == {"", "allow-oom", "no-writes"}


def test_the_server_has_each_script_with_the_flags_of_its_shebang(store_url: str) -> None:
    with Redis.from_url(store_url, decode_responses=True) as redis:
        redis.function_load(scripts.LIBRARY.text)
        (library,) = redis.function_list()
    functions = [
        dict(zip(one[::2], one[1::2], strict=True))
        for one in library[library.index("functions") + 1]
    ]
    loaded = {function["name"]: set(function["flags"]) for function in functions}
    assert loaded == {
        scripts.LIBRARY.function(script): set(flags_of(LUA / f"{script.verb}.lua"))
        for script in SCRIPTS
    }


def test_a_release_with_another_text_has_other_names() -> None:
    other = scripts.library_of(scripts.LIBRARY.body + "-- another release")
    for script in SCRIPTS:
        assert other.function(script) != scripts.LIBRARY.function(script)
    assert other.text.splitlines()[0] != scripts.LIBRARY.text.splitlines()[0]


@each_script
@pytest.mark.parametrize("title", ["KEYS", "ARGV"])
def test_the_header_numbers_what_the_code_reads(file: Path, title: str) -> None:
    told = numbered(file, title)
    # One that finds its sessions in an index has the shared parts, but not their keys.
    own = title == "KEYS" and not is_on_session(file)
    code = code_of(file) if own else whole_code_of(file)
    read = re.findall(rf"{title}\[(\d+)\]", code)
    read += re.findall(rf"unpack\({title}, (\d+)\)|for i = (\d+), #{title}", code)
    if title == "KEYS" and is_on_session(file):
        read.append("3")  # never there, and never read: see keys.session_keys
    if title == "KEYS":
        read += re.findall(r"(\d+) never there", " ".join(header_of(file)))
    if title == "ARGV":  # how many posts, the posts themselves, then what was seen
        read += [str(int(first) + 1) for first in re.findall(r"note_posts\(ARGV, (\d+)\)", code)]
    numbers = {
        int(number)
        for found in read
        for number in ([found] if isinstance(found, str) else found)
        if number
    }
    assert told == set(range(1, len(told) + 1))
    assert max(numbers, default=0) == len(told)


@each_script
def test_the_header_has_every_reply_and_no_other(file: Path) -> None:
    told = [re.split(r"\W", line)[0] for line in replies_of(file)]
    assert len(told) == len(set(told)), "a reply is told twice"
    assert set(told) == words_in_code(file)


def test_the_reasons_in_the_header_of_admit_are_those_that_it_gives() -> None:
    file = LUA / "admit.lua"
    header, code = " ".join(replies_of(file)), own_code_of(file)
    literals = set(re.findall(r"'(\w+)'", code))
    stems = {f"{literal}_active" for literal in literals if "'_active'" in code}
    known = set(get_args(Reason))
    assert known & (literals | stems) == {
        word for word in re.findall(r"\w+", header) if word in known
    }
    told = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", header))
    assert told <= known, "the header gives a reason that the API does not know"


def kinds_of_keys() -> set[str]:
    """What scripts on a session ask of `key`."""
    lua = code_of(*FILES, *PARTS, *OWN_PARTS)
    held_together = re.findall(r"(\w+) = '(?:shard|bucket|chat)'", lua)
    return {*re.findall(r"\bkey\.(\w+)", lua), *held_together}


def documented_kinds() -> set[str]:
    table = (keys.__doc__ or "").split("=\n")[2]
    firsts = re.findall(r"^`(?:sr:)?(\w+)", table, re.MULTILINE)
    likewise = re.findall(r"`(\w+):`", table)
    return {*firsts, *likewise}


def test_the_table_has_every_key_that_is_spelled_and_no_other() -> None:
    lua = code_of(*FILES, *PARTS, *OWN_PARTS)
    python = Path(keys.__file__).read_text()
    spelled = {
        *kinds_of_keys(),
        *re.findall(r"\bat\('(\w+)'", lua),
        *re.findall(r"TAG \.\. '(\w+):'", lua),
        *re.findall(r"sr:\{\{\{shard\}\}\}:(\w+)", python),
        *re.findall(r"\{tag\}(\w+)", python),
        keys.SHARDS.removeprefix("sr:"),
        keys.FORM.removeprefix("sr:"),
        "sr",  # the keys of the policy, which have a tag of their own
    }
    assert spelled == documented_kinds()


def test_keys_are_spelled_in_one_file_of_python_and_where_lua_reads_an_index() -> None:
    python = {file.name for file in APP.rglob("*.py") if "sr:" in file.read_text()}
    assert python == {"keys.py"}
    scripts_and_parts = (*FILES, *PARTS, *OWN_PARTS)
    lua = {file.name for file in scripts_and_parts if "TAG .." in code_of(file)}
    assert lua == {"index.lua", "keys.lua", "ready.lua", "stats.lua", "walk.lua"}


KEYS_THAT_LUA_BUILDS = """#!lua name=built
{parts}
redis.register_function('built', function(KEYS, ARGV)
  begin(KEYS, {{'1'}})
  local names = {{}}
  for i, kind in ipairs(ARGV) do names[i] = key[kind] end
  return names
end)
"""


def keys_that_lua_builds() -> str:
    """A library that tells the names of keys, with the shared parts."""
    parts = ((LUA / "session" / f"{part}.lua").read_text() for part in scripts.SESSION_PARTS)
    return KEYS_THAT_LUA_BUILDS.format(parts="\n".join(parts))


@pytest.mark.parametrize(
    ("session", "bucket", "chat"),
    [
        ("agent:main:discord:group:{9}:u", "main:discord", "agent:main:discord:{9}"),
        ("agent:main:main", "main:*", "agent:main:main"),
        ("agent:a:person:discord:7", "a:*", "agent:a:person:discord:7"),
    ],
)
def test_every_key_that_lua_builds_is_in_the_slot_of_those_it_was_given(
    store_url: str, session: str, bucket: str, chat: str
) -> None:
    given = keys.session_keys(3, SessionKey(session))
    kinds = sorted(kinds_of_keys())
    with Redis.from_url(store_url, decode_responses=True) as redis:
        redis.function_load(keys_that_lua_builds())
        built = dict(zip(kinds, redis.fcall("built", len(given), *given, *kinds), strict=True))
    assert {key_slot(name.encode()) for name in built.values()} == {key_slot(b"{3}")}
    assert (built["session"], built["active"]) == given[:2]
    assert given[2] not in built.values()
    of_shard = {"fence", "tallies", "due", "buckets", "letters", "ready_sets", "news"}
    of_bucket = {"sessions", "running", "waiting", "paused", "backlog", "dead", "counts"}
    holders = dict.fromkeys(of_bucket, bucket) | dict.fromkeys(("active", "memory", "moved"), chat)
    for kind, name in built.items():
        holder = holders.get(kind, session)
        assert name == f"sr:{{3}}:{kind}" + ("" if kind in of_shard else f":{holder}")


def test_names_of_keys_that_are_kept_for_the_next_call_are_right_for_every_bucket_and_shard(
    store_url: str,
) -> None:
    kinds = ["running", "due", "queue", "moved"]
    with Redis.from_url(store_url, decode_responses=True) as redis:
        redis.function_load(keys_that_lua_builds())
        for n in [*range(300), *range(300)]:
            session = SessionKey(f"agent:a{n % 60}:p{n % 7}:group:c{n}:u")
            given = keys.session_keys(n % 3, session, f"agent:a{n % 60}:p{n % 7}:c{n}")
            tag, bucket = f"sr:{{{n % 3}}}:", f"a{n % 60}:p{n % 7}"
            assert redis.fcall("built", len(given), *given, *kinds) == [
                f"{tag}running:{bucket}",
                f"{tag}due",
                f"{tag}queue:{session}",
                f"{tag}moved:agent:a{n % 60}:p{n % 7}:c{n}",
            ]
