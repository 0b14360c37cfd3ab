"""The trade in one picture: foreign against recall, the area of a dot its tokens a turn."""

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Final
from xml.sax.saxutils import escape

from app.evaluate.figures import Figures

WIDTH: Final = 760
HEIGHT: Final = 610
LEFT, TOP, RIGHT, BOTTOM = 84, 126, 690, 526
# Square pixels for a token of context, and the least that can still be seen.
AREA_PER_TOKEN: Final = 0.45
RADIUS_MIN: Final = 4.0
BOLD: Final = 'font-weight="bold"'
LABEL_HEIGHT: Final = 16
STEPS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
HIGHLIGHTED: Final = "conversation"
# Further right than this a label stands to the left of its dot.
LABEL_LEFT_FROM: Final = 0.7


def picture(result: Mapping[str, Figures]) -> str:
    """Draw an SVG; isolations with the same figures share a dot. Top left is best."""
    return "\n".join((*_frame(), *_dots(result), "</svg>", ""))


def _frame() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13">'
    )
    yield "<title>What each isolation shows the agent, and what it leaves out</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    yield _text(LEFT, 30, "What each isolation shows the agent", style=f'font-size="18" {BOLD}')
    yield _text(LEFT, 52, "Top left is best. The area of a dot: tokens of context a turn.")
    for share in STEPS:
        x, y = _place(share, share)
        yield f'<path d="M{x:g} {TOP}V{BOTTOM}M{LEFT} {y:g}H{RIGHT}" stroke="#e3e3e3"/>'
        yield _text(x, BOTTOM + 22, f"{share:.0%}", anchor="middle")
        yield _text(LEFT - 12, y + 4, f"{share:.0%}", anchor="end")
    middle = (TOP + BOTTOM) / 2
    yield _text((LEFT + RIGHT) / 2, BOTTOM + 52, "of other conversations (foreign)", "middle")
    yield (
        f'<g transform="rotate(-90 26 {middle:g})">'
        f"{_text(26, middle, 'of its own conversation there (recall)', 'middle')}</g>"
    )


def _dots(result: Mapping[str, Figures]) -> Iterator[str]:
    together: dict[tuple[float, float, float], list[str]] = {}
    for name, figures in result.items():
        place = (figures.tokens_mean, figures.foreign, figures.recall)
        together.setdefault(place, []).append(name)
    # The largest first, so that no dot hides another.
    for (tokens, foreign, recall), names in sorted(together.items(), reverse=True):
        yield from _dot(tokens, foreign, recall, names)


def _dot(tokens: float, foreign: float, recall: float, names: list[str]) -> Iterator[str]:
    x, y = _place(foreign, recall)
    radius = max(sqrt(tokens * AREA_PER_TOKEN / 3.1416), RADIUS_MIN)
    colour = "#c2410c" if HIGHLIGHTED in names else "#1d4ed8"
    yield (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" '
        f'fill-opacity="0.45" stroke="{colour}"/>'
    )
    is_left = foreign > LABEL_LEFT_FROM
    label_x, anchor = (x - radius - 8, "end") if is_left else (x + radius + 8, "start")
    # What lies on an edge keeps its label inside.
    label_y = min(max(y, TOP + LABEL_HEIGHT), BOTTOM - LABEL_HEIGHT)
    yield _text(label_x, label_y, ", ".join(names), anchor, BOLD)
    yield _text(label_x, label_y + LABEL_HEIGHT, f"{tokens:,.0f} tokens a turn", anchor)


def _place(foreign: float, recall: float) -> tuple[float, float]:
    return LEFT + foreign * (RIGHT - LEFT), BOTTOM - recall * (BOTTOM - TOP)


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222222"'
        f"{style and ' '}{style}>{escape(text)}</text>"
    )
