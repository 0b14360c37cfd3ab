"""Medians, quantiles, ratios of paired rounds, verdicts; and figures through JSON and back."""

import pytest

from bench.figures import Figure, in_unit, of_rounds, quantile, ratio, read, written


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [
        ([5.0], 0.99, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
        ([1.0, 2.0], 0.0, 1.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_a_quantile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], part: float, expected: float
) -> None:
    assert quantile(values, part) == expected


def test_a_ratio_is_of_the_medians_and_its_rounds_are_of_the_pairs() -> None:
    found = ratio("ours by theirs", [10.0, 30.0, 20.0], [5.0, 3.0, 4.0])
    assert found.value == 5.0
    assert found.rounds == (2.0, 10.0, 5.0)
    assert found.samples == 3


def test_rounds_that_have_no_partner_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio("ours by theirs", [1.0, 2.0], [1.0])


def test_the_median_of_rounds_keeps_them_in_their_order() -> None:
    found = of_rounds("decisions", [3.0, 1.0, 2.0], "1/s")
    assert (found.value, found.rounds) == (2.0, (3.0, 1.0, 2.0))


@pytest.mark.parametrize(
    ("value", "at_least", "verdict"),
    [
        (5.0, True, "met"),
        (6.0, True, "met"),
        (4.0, True, "missed by 20 %"),
        (5.0, False, "met"),
        (4.0, False, "met"),
        (6.0, False, "missed by 20 %"),
    ],
)
def test_a_target_is_met_when_it_is_reached_and_else_missed_by_a_share_of_it(
    value: float, at_least: bool, verdict: str
) -> None:
    assert Figure("a", value, "x", 5.0, at_least=at_least).verdict == verdict


def test_a_miss_by_little_is_a_miss() -> None:
    found = Figure("a", 4.999, "x", 5.0, at_least=True)
    assert found.verdict == "missed by less than 1 %"


def test_a_figure_without_a_target_is_judged_by_nobody() -> None:
    assert (Figure("a", 1.0, "ms").verdict, Figure("a", 1.0, "ms").wanted) == ("", "")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (12_345.6, "1/s", "12,346 1/s"),
        (0.45678, "ms", "0.457 ms"),
        (99.96, "us", "100 us"),
        (8.0, "x", "8 x"),
        (0.0, "us", "0 us"),
        (-1.5, "%", "-1.5 %"),
    ],
)
def test_values_are_shown_with_three_digits_that_count(value: float, unit: str, shown: str) -> None:
    assert in_unit(value, unit) == shown


def test_figures_come_back_from_json_as_they_were() -> None:
    figures = [
        Figure("a", 1.5, "ms", 2.0, 3, rounds=(1.0, 1.5, 2.0)),
        Figure("b", 7.0, "1/s", of="this service", at=1_000),
    ]
    assert read(written({"python": "3.11"}, {"throughput": figures})) == (
        {"python": "3.11"},
        {"throughput": figures},
    )
