"""Reading what wrk and its script said: a figure only where every answer was right."""

import pytest

from bench.wrk import LoadFailed, read

NOISE = """Running 5s test @ http://127.0.0.1:1/
  2 threads and 64 connections
Requests/sec:   2000.00

"""


def output(**told: int) -> str:
    counted = {"microseconds": 5_000_000, "runs": 0, "ends": 0, "wrong": 0, "broken": 0}
    known = {**counted, "p50_us": 2_500, "p99_us": 31_000, **told}
    words = ",".join(f'"{name}":{value}' for name, value in known.items())
    return f"{NOISE}MEASURED {{{words}}}\n"


def test_decisions_are_counted_over_the_time_that_wrk_measured() -> None:
    found = read(output(runs=10_000), "messages", 1.5)
    assert (found.done, found.per_second) == (10_000, 2_000)
    assert (found.p50_ms, found.p99_ms, found.processor_seconds) == (2.5, 31.0, 1.5)


def test_with_cycles_what_counts_is_the_runs_that_were_completed() -> None:
    assert read(output(runs=10_000, ends=9_990), "cycle", 1.0).done == 9_990


@pytest.mark.parametrize("told", [{"wrong": 1}, {"broken": 1}, {"runs": 0}])
def test_one_wrong_answer_one_broken_connection_or_none_at_all_measures_nothing(
    told: dict[str, int],
) -> None:
    with pytest.raises(LoadFailed):
        read(output(**{"runs": 10_000, **told}), "messages", 1.0)


def test_the_first_wrong_answer_is_told() -> None:
    text = f'{NOISE}WRONG 503 {{"title":"no store"}}\n{output(runs=5, wrong=1)}'
    with pytest.raises(LoadFailed, match=r"503.*no store"):
        read(text, "messages", 1.0)


def test_a_wrk_that_could_not_begin_is_told_with_its_words() -> None:
    with pytest.raises(LoadFailed, match="unable to connect"):
        read("unable to connect to 127.0.0.1:1 Connection refused", "messages", 0.0)
