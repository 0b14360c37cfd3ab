"""The documents say all there is to say, and nothing that is not there."""

import re
from pathlib import Path
from typing import get_args

import pytest

from app import errors
from app.errors import ServiceError
from app.settings import PREFIX, Settings
from app.store import scripts
from session_router import models
from session_router.signal_stream import SIGNALS
from tests.docs.blocks import PROJECT, documents

README = (PROJECT / "README.md").read_text("utf-8")
GUIDE = (PROJECT / "docs" / "gateway-guide.md").read_text("utf-8")
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
GLOSSARY = (PROJECT / "docs" / "glossary.md").read_text("utf-8")

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED = re.compile(
    r"`((?:app|session_router|tests|docs|deploy|examples|bench)/[\w./-]*)(?:::(\w+))?`"
)
ROW = re.compile(r"^\| `?([^`|]+?)`? \|", re.MULTILINE)


def each_document() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)


def first_cells(text: str, heading: str) -> list[str]:
    """The first column of the table under a heading, without its own heading."""
    return [cell for cell in ROW.findall(section_of(text, heading)) if cell != "---"][1:]


def section_of(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document()
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(prose(document.read_text("utf-8"))):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), f"{document.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


@each_document()
def test_every_file_and_test_that_is_named_is_there(document: Path) -> None:
    for name, test in NAMED.findall(document.read_text("utf-8")):
        path = PROJECT / name
        assert path.exists(), f"{document.name}: {name}"
        if test:
            assert re.search(rf"^(async )?def {test}\(", path.read_text("utf-8"), re.MULTILINE), (
                test
            )


@each_document()
def test_a_document_speaks_of_the_project_alone(document: Path) -> None:
    text = document.read_text("utf-8")
    for path in re.findall(r"(?<![\w.:/])/(?:home|root|tmp|work|Users|opt)\b\S*", text):
        pytest.fail(f"{document.name}: {path} is of one machine")
    hosts = set(re.findall(r"https?://([^/\s)`'\",]+)", text))
    assert hosts <= {"127.0.0.1:8080", "keepachangelog.com", "semver.org"}, hosts


def test_the_settings_table_is_the_settings() -> None:
    rows = re.findall(rf"^\| `{PREFIX}(\w+)` \|(?: `([^`]*)`)? \| (.+) \|$", README, re.MULTILINE)
    told = {name.lower(): default for name, default, _ in rows}
    fields = Settings.model_fields
    assert told == {
        name: "" if field.default is None else str(field.default) for name, field in fields.items()
    }
    assert list(told) == list(fields)


def test_every_decision_and_every_reason_is_in_the_gateway_guide() -> None:
    decisions = set(get_args(models.DecisionWord))
    assert set(first_cells(GUIDE, "On every decision")) == decisions
    assert set(first_cells(README, "What each decision means")) == decisions
    reasons = first_cells(GUIDE, "On every reason")
    assert sorted(reasons) == sorted(get_args(models.Reason))


def test_every_problem_and_its_status_is_in_the_gateway_guide() -> None:
    section = section_of(GUIDE, "Errors")
    rows = re.findall(r"^\| (\d{3}) \| ([^|]+) \|", section, re.MULTILINE)
    told = {(code, int(status)) for status, cell in rows for code in re.findall(r"`(\w+)`", cell)}
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    known = {(kind.code(), kind.status) for kind in kinds if issubclass(kind, ServiceError)}
    assert told == known


def test_every_outcome_cause_end_and_signal_is_in_the_gateway_guide() -> None:
    for word in (*get_args(models.Outcome), *get_args(models.Ended)):
        assert f"`{word}`" in GUIDE, word
    causes = get_args(models.Interrupt.model_fields["cause"].annotation)
    assert all(f"| `{cause}` |" in GUIDE for cause in causes)
    assert all(f"| `{event}` |" in section_of(GUIDE, "Signals") for event in SIGNALS)
    results = get_args(models.Amendment.model_fields["result"].annotation)
    assert all(result in GUIDE for result in results)


def test_every_script_and_every_shared_part_is_in_the_architecture() -> None:
    verbs = {value.verb for value in vars(scripts).values() if isinstance(value, scripts.Script)}
    files = {path.stem for path in (PROJECT / "app" / "store" / "lua").glob("*.lua")}
    assert verbs == files
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", ARCHITECTURE, re.MULTILINE)
    told = {verb for cell in cells for verb in re.findall(r"`(\w+)`", cell)}
    assert verbs | set(scripts.SESSION_PARTS) <= told
    assert told - verbs - set(scripts.SESSION_PARTS) == set()


def test_every_room_is_in_the_architecture() -> None:
    for path in sorted((PROJECT / "app").iterdir()):
        if path.name in {"__init__.py", "__pycache__", "samples"}:
            continue
        name = f"app/{path.name}{'/' if path.is_dir() else ''}"
        assert f"`{name}`" in ARCHITECTURE, name


def test_every_module_of_the_words_on_the_wire_is_in_the_architecture() -> None:
    modules = {path.name for path in (PROJECT / "session_router" / "models").glob("*.py")}
    told = first_cells(ARCHITECTURE, "The words on the wire")
    assert sorted(told) == sorted(modules - {"__init__.py"})


def test_the_glossary_is_in_the_order_of_the_alphabet_and_has_every_word() -> None:
    words = [word for word in ROW.findall(GLOSSARY) if word != "---"][1:]
    assert words == sorted(words)
    contract = (
        "agent source|session key|session id|run|lease|fence|batch|seen|sealed|waiting|ready|"
        "consumer|signal|owner|dead letter|policy|ready set|backlog|home|pointer|settings|holder|"
        "letter|place|bucket"
    ).replace("agent source", "agent|source")
    assert set(contract.split("|")) <= set(words)


def test_every_line_of_what_survives_names_a_test() -> None:
    rows = [row for row in section_of(README, "What survives what").splitlines() if row[:2] == "| "]
    assert len(rows) > 2
    assert all(re.search(r"\.py::test_\w+`", row) for row in rows[2:])


def test_the_compose_file_says_what_the_readme_says_of_it() -> None:
    compose = (PROJECT / "docker-compose.yml").read_text("utf-8")
    for word in ("REDIS_IMAGE", "PUBLISH", "POLICY_FILE", "SESSION_ROUTER_SHARDS", "chmod"):
        assert word in compose, word
        assert word in README, word
    assert "no container engine has run" in README
