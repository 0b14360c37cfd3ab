"""`session-router policy check FILE`: nothing if the policy is sound, else its faults."""

from pathlib import Path

import pytest

from app.__main__ import main


def check(tmp_path: Path, text: str) -> int:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    return main(["policy", "check", str(file)])


@pytest.mark.parametrize("text", ["version: 1", "{}", "defaults: {isolation: person}"])
def test_a_sound_policy_is_passed_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert check(tmp_path, text) == 0
    assert capsys.readouterr() == ("", "")


def test_each_fault_is_a_line_with_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """
    defaults: {isolation: nobody, lease_second: 3}
    rules: [{set: {moderators: [zoe]}}]
    identities: {a: ["telegram:1"], b: ["telegram:1"]}
    """
    assert check(tmp_path, text) == 1
    output = capsys.readouterr()
    assert output.err == ""
    lines = sorted(output.out.splitlines())
    assert [line.partition(": ")[0] for line in lines] == [
        "defaults.isolation",
        "defaults.lease_second",
        "identities.b.0",
        "rules.0.set.moderators.0",
    ]
    assert lines[1] == "defaults.lease_second: unknown field"


def test_a_text_that_is_no_yaml_is_a_fault_of_the_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, "a: [") == 1
    assert "is not readable" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "check", str(tmp_path / "none.yaml")]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "none.yaml" in output.err
