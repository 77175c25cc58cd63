"""What every SVG chart is made of: texts, legends that wrap, markers and dashes beside colours."""

from __future__ import annotations

from html import escape

from costopt.model.escape import clean, width_of

WIDTH = 720
LABEL = 200
COLORS = 6
CHAR = 6.7
"""Width of a character of 12 px, a little above the mean of common sans-serif fonts."""
MARKERS = ("circle", "square", "triangle", "diamond")


def text(x: float, y: float, words: str, anchor: str = "start", style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    said = escape(clean(words))
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{said}</text>'


def wide(words: str) -> float:
    """Estimated width in px."""
    return CHAR * width_of(words)


def legend(entries: list[tuple[str, str]], y: float, left: float = LABEL) -> tuple[str, float]:
    """(drawn, height) of (swatch drawn at 0, 0; words) side by side, on as many lines as needed."""
    out, x, line = [], left, 0
    for swatch, words in entries:
        room = 34 + wide(words)
        if x > left and x + room > WIDTH:
            x, line = left, line + 1
        at = y + 18 * line
        out.append(f'<g transform="translate({x:.0f} {at - 9:.0f})">{swatch}</g>')
        out.append(text(x + 28, at, words))
        x += room + 10
    return "".join(out), 18.0 * (line + 1) if entries else 0.0


def box(style: str) -> str:
    """A swatch of a filled area."""
    return f'<rect class="{style}" x="10" width="12" height="10"/>'


def stroke(number: int) -> str:
    """A swatch of a line with its marker."""
    color = number % COLORS
    return (
        f'<line class="l{color} d{number % 4}" x1="0" x2="24" y1="5" y2="5"/>'
        f"{marker(12, 5, number)}"
    )


def marker(x: float, y: float, number: int, size: float = 4.0) -> str:
    """The series' own shape, in its colour."""
    shape, style = MARKERS[number % len(MARKERS)], f"s{number % COLORS}"
    if shape == "circle":
        return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
    if shape == "square":
        side = 2 * size - 1
        return (
            f'<rect class="{style}" x="{x - side / 2:.1f}" y="{y - side / 2:.1f}"'
            f' width="{side:.1f}" height="{side:.1f}"/>'
        )
    corners = (
        [(0.0, -1.0), (1.0, 0.8), (-1.0, 0.8)]
        if shape == "triangle"
        else [(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]
    )
    points = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in corners)
    return f'<polygon class="{style}" points="{points}"/>'


def runs(xs: list[float], ys: list[float | None]) -> list[list[tuple[float, float]]]:
    """Stretches without a gap: None is not drawn over."""
    out: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            out.append([])
        else:
            out[-1].append((x, y))
    return [run for run in out if run]
