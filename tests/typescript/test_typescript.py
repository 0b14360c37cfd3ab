"""`openapi.yaml` for other languages: linted, made into TypeScript, and that gateway run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.services import services

PROJECT = Path(__file__).parents[2]
LEFT_OUT = "left out: the TypeScript client, for there is no npm on this machine"
INSTALL = ("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the client's folder, installed, beside a copy of the document it is made from."""
    if shutil.which("npm") is None:
        pytest.fail(LEFT_OUT) if os.environ.get("CI") else pytest.skip(LEFT_OUT)
    root = tmp_path_factory.mktemp("typescript")
    folder = root / "clients" / "typescript"
    ignored = shutil.ignore_patterns("node_modules", "generated", "built")
    shutil.copytree(PROJECT / "clients" / "typescript", folder, ignore=ignored)
    shutil.copy(PROJECT / "openapi.yaml", root)
    call(folder, *INSTALL)
    return folder


def call(folder: Path, *command: str) -> str:
    """Run a command that must succeed, and give what it printed."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_the_document_passes_a_linter_without_warnings(client: Path) -> None:
    said = call(client, "npm", "run", "lint")
    assert "warning" not in said.replace("Deprecation warning", "").lower(), said


@pytest.mark.timeout(300)
def test_a_generated_client_type_checks_and_works_on_a_service(
    client: Path, tmp_path: Path
) -> None:
    call(client, "npm", "run", "generate")
    call(client, "npm", "run", "build")
    with services(tmp_path, 1) as (service,):
        said = call(client, "node", "built/gateway.js", service.url)
    assert "run session_idle" in said
    assert "123: hello from TypeScript" in said


def test_the_lock_names_no_address() -> None:
    lock = (PROJECT / "clients" / "typescript" / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
