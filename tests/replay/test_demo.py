"""The demo: it runs from beginning to end, and shows what it is there to show."""

import argparse
from pathlib import Path

import pytest

from app.demo import add_arguments, main
from app.demo.scenes import SCENES
from app.demo.service import DemoError, running_service


@pytest.mark.slow
def test_the_whole_demo_runs_and_compares_the_isolations(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)

    code = main(parser.parse_args(["--speed", "40"]))

    out = capsys.readouterr().out
    assert code == 0, out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[-9:] if line}
    sessions, _, interrupts, waits, _, foreign, missed = (
        {scene.name: int(rows[scene.name][column]) for scene in SCENES} for column in range(7)
    )
    assert sessions == {"per_user": 4, "shared": 1, "tagged": 1, "thread": 3, "conversation": 3}
    assert all(interrupts.values())
    assert waits["per_user"] == 0
    assert waits["shared"] > waits["conversation"] > waits["thread"]
    assert foreign["shared"] > foreign["conversation"] > foreign["thread"]
    assert foreign["shared"] > foreign["per_user"]
    assert foreign["thread"] == missed["thread"] == missed["shared"] == 0
    assert missed["per_user"] > missed["conversation"] > 0
    assert "[ben · ben] my VPN token has expired" in out
    assert "\033" not in out


def test_a_service_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="isolation"), running_service(tmp_path, "isolation: no\n"):
        pass
