"""The cost of a query as a picture: a bar for each server, a group for each set of questions.

SVG 1.1, drawn by hand; lengths are pixels. Each bar is split: the server's own work is dark, the
kernel's on its behalf light.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

BAR, GAP, GROUP_GAP = 14, 2, 18
LEFT, WIDTH, RIGHT = 270, 480, 70
TOP = 58
OURS, OTHERS = ("#b3410a", "#eda57f"), ("#3d5a80", "#a9bdd6")
"""User and system."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Microseconds per query of one server."""

    name: str
    user: float
    system: float
    is_ours: bool

    @property
    def total(self) -> float:
        """Both together."""
        return self.user + self.system


def draw(title: str, footer: str, groups: Mapping[str, Sequence[Bar]]) -> str:
    """Return the picture as SVG; the longest bar takes the whole width."""
    longest = max((bar.total for bars in groups.values() for bar in bars), default=1.0) or 1.0
    lines, at = [], TOP
    for name, bars in groups.items():
        lines.append(_text(12, at + BAR - 3, name, weight="bold"))
        for bar in bars:
            lines += _drawn(bar, at, WIDTH / longest)
            at += BAR + GAP
        at += GROUP_GAP
    width, height = LEFT + WIDTH + RIGHT, at + 22
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"',
            f' viewBox="0 0 {width} {height}" font-family="sans-serif">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            _text(12, 22, title, size=15, weight="bold"),
            *_legend(12, 40),
            *lines,
            _text(12, height - 10, footer, fill="#666666", size=10),
            "</svg>\n",
        )
    )


def _drawn(bar: Bar, at: float, scale: float) -> Iterator[str]:
    dark, light = OURS if bar.is_ours else OTHERS
    user, system = bar.user * scale, bar.system * scale
    weight = "bold" if bar.is_ours else "normal"
    yield _text(LEFT - 8, at + BAR - 3, bar.name, anchor="end", weight=weight)
    yield _rect(LEFT, at, user, dark)
    yield _rect(LEFT + user, at, system, light)
    yield _text(LEFT + user + system + 5, at + BAR - 3, f"{bar.total:.1f}", weight=weight)


def _legend(x: float, y: float) -> Iterator[str]:
    yield _rect(x, y - 9, 10, OTHERS[0], height=10)
    yield _text(x + 14, y, "the server")
    yield _rect(x + 90, y - 9, 10, OTHERS[1], height=10)
    yield _text(x + 104, y, "the kernel, on its behalf")


def _rect(x: float, y: float, width: float, fill: str, height: float = BAR) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{fill}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    fill: str = "#222222",
    size: int = 11,
    weight: str = "normal",
) -> str:
    style = f'text-anchor="{anchor}" fill="{fill}" font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y}" {style}>{escape(text)}</text>'
