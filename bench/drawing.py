"""The pictures of the report, as SVG: bars of what is compared, and the curves of growth."""

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from bench.figures import Figure

WIDTH: Final = 860
GREY: Final = "#666666"
PLAIN, FAINT, BOLD = 'fill="#222222"', f'fill="{GREY}"', 'fill="#222222" font-weight="bold"'
COLOURS: Final = ("#c2410c", "#1d4ed8", "#7e22ce", "#0f766e")
BAR_LEFT, BAR_RIGHT, BAR_TOP, BAR_STEP = 220, 760, 84, 46
PANELS_A_ROW: Final = 2
PANEL_WIDTH, PANEL_HEIGHT = 360, 170
PANEL_LEFT, PANEL_TOP, PANEL_STEP_X, PANEL_STEP_Y = 56, 110, 430, 300


def bars(title: str, figures: Sequence[Figure]) -> str:
    """A bar for each figure, longest on top, with a dot for each of its rounds."""
    ordered = sorted(figures, key=lambda figure: -figure.value)
    most = max(max(figure.rounds) for figure in ordered)
    height = BAR_TOP + BAR_STEP * len(ordered) + 10
    lines = [*_opening(title, "Bars are medians, dots are the rounds.", height)]
    for number, figure in enumerate(ordered):
        y = BAR_TOP + BAR_STEP * number
        colour = COLOURS[0] if figure.of.startswith("this service") else COLOURS[1]
        lines += _bar(figure, y, (BAR_RIGHT - BAR_LEFT) / most, colour)
    return "\n".join([*lines, "</svg>", ""])


def _bar(figure: Figure, y: float, scale: float, colour: str) -> Iterator[str]:
    width = figure.value * scale
    yield _text(BAR_LEFT - 12, y + 17, figure.of, "end")
    yield (
        f'<rect x="{BAR_LEFT}" y="{y:g}" width="{width:.1f}" height="24" fill="{colour}" '
        f'fill-opacity="0.45"/>'
    )
    for one in figure.rounds:
        yield f'<circle cx="{BAR_LEFT + one * scale:.1f}" cy="{y + 12:g}" r="3" fill="{colour}"/>'
    x = BAR_LEFT + max(width, max(figure.rounds) * scale) + 10
    yield _text(x, y + 17, f"{figure.value:,.0f}", style=BOLD)


def curves(title: str, panels: dict[str, list[list[Figure]]]) -> str:
    """A panel for each thing that grows; in it a line for each list of figures, with its name."""
    rows = -(-len(panels) // PANELS_A_ROW)
    height = PANEL_TOP + PANEL_STEP_Y * rows - 20
    what = "Medians in milliseconds, every panel from zero to its largest."
    lines = [*_opening(title, what, height)]
    for number, (name, series) in enumerate(panels.items()):
        row, column = divmod(number, PANELS_A_ROW)
        left, top = PANEL_LEFT + PANEL_STEP_X * column, PANEL_TOP + PANEL_STEP_Y * row
        lines += _panel(name, series, left, top)
    return "\n".join([*lines, "</svg>", ""])


def _panel(name: str, series: list[list[Figure]], left: float, top: float) -> Iterator[str]:
    bottom = top + PANEL_HEIGHT
    most = max(in_ms(figure) for line in series for figure in line)
    yield _text(left, top - 12, f"against {name}", style=BOLD)
    yield f'<path d="M{left} {top}V{bottom}H{left + PANEL_WIDTH}" fill="none" stroke="{GREY}"/>'
    yield _text(left - 6, top + 8, f"{most:.2g}", "end", FAINT)
    yield _text(left - 6, bottom, "0", "end", FAINT)
    step = (PANEL_WIDTH - 40) / max(1, len(series[0]) - 1)
    for number, figure in enumerate(series[0]):
        assert figure.at is not None
        yield _text(left + 20 + step * number, bottom + 18, f"{figure.at:,.0f}", "middle", FAINT)
    for line, colour in zip(series, COLOURS, strict=False):
        yield from _line([in_ms(figure) / most for figure in line], left + 20, top, step, colour)
    for number, (line, colour) in enumerate(zip(series, COLOURS, strict=False)):
        words = line[0].name.partition(": ")[2]
        yield _text(left, bottom + 38 + 16 * number, words, style=f'fill="{colour}"')


def _line(
    shares: Sequence[float], left: float, top: float, step: float, colour: str
) -> Iterator[str]:
    points = [
        (left + step * number, top + PANEL_HEIGHT * (1 - share))
        for number, share in enumerate(shares)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def in_ms(figure: Figure) -> float:
    return figure.value / 1000 if figure.unit == "us" else figure.value


def _opening(title: str, subtitle: str, height: float) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
        f'width="{WIDTH}" height="{height:g}" font-family="sans-serif" font-size="13">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{WIDTH}" height="{height:g}" fill="#ffffff"/>'
    yield _text(24, 34, title, style=f'{BOLD} font-size="18"')
    yield _text(24, 56, subtitle, style=FAINT)


def _text(x: float, y: float, words: str, anchor: str = "start", style: str = PLAIN) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {style}>{escape(words)}</text>'
