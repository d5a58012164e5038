"""Plots as inline SVG, in the page's colours."""

from collections.abc import Mapping, Sequence
from math import log10

WIDTH, HEIGHT = 220, 30
WIDE, HIGH, EDGE = 900, 240, 40
MOST = 400  # dots; more would hide each other


def strip(samples: Sequence[float], low: float | None, high: float | None, target: float | None) -> str:
    """Each sample as a dot, small ones left, the interval as a bar, the target as a line."""
    least, most = _central(samples)
    values = [value for value in (least, most, low, high, target) if value is not None]
    left, right = min(values), max(values)

    def x(value: float) -> float:
        return 5 + (WIDTH - 10) * (min(max(value, left), right) - left) / ((right - left) or 1)

    drawn = samples[:: max(1, len(samples) // MOST)]
    dots = "".join(f'<circle cx="{x(value):.1f}" cy="{11 + 8 * (i % 2)}" r="2"/>' for i, value in enumerate(drawn))
    bar = (
        f'<rect x="{x(low):.1f}" y="13" width="{max(1.0, x(high) - x(low)):.1f}" height="4" fill="var(--ink)"/>'
        if low is not None and high is not None
        else ""
    )
    aim = "" if target is None else _line(x(target), 2, x(target), HEIGHT - 2, "var(--good)", dashed=True)
    body = f'<g fill="var(--plot)" fill-opacity=".4">{dots}</g>{bar}{aim}'
    return _svg(WIDTH, HEIGHT, "samples, their interval and the target", body)


def series(ratios: Sequence[float], low: float, high: float, margin: float) -> str:
    """Ratios in the order of measurement, on a scale around 1; the interval as a band, 1 and the margin as lines."""
    least, most = _central(ratios)
    bottom, top = min(least, low, 0.95), max(most, high, 1 + 2 * margin, 1.05)

    def y(ratio: float) -> float:
        return EDGE / 2 + (HIGH - EDGE) * (top - min(max(ratio, bottom), top)) / (top - bottom)

    step = (WIDE - 2 * EDGE) / max(1, len(ratios) - 1)
    dots = "".join(f'<circle cx="{EDGE + i * step:.1f}" cy="{y(r):.1f}" r="2.5"/>' for i, r in enumerate(ratios))
    band = (
        f'<rect x="{EDGE}" y="{y(high):.1f}" width="{WIDE - 2 * EDGE}" height="{max(1.0, y(low) - y(high)):.1f}" '
        'fill="var(--plot)" fill-opacity=".25"/>'
    )
    lines = _line(EDGE, y(1), WIDE - EDGE, y(1), "var(--soft)")
    lines += _line(EDGE, y(1 + margin), WIDE - EDGE, y(1 + margin), "var(--bad)", dashed=True)
    labels = "".join(
        f'<text x="2" y="{y(value) + 4:.1f}">{value:.2f}</text>' for value in (bottom, 1.0, 1 + margin, top)
    )
    return _svg(WIDE, HIGH, "candidate / base", f'{band}{lines}<g fill="var(--plot)">{dots}</g>{labels}')


def curve(microseconds: Mapping[int, int]) -> str:
    """A histogram as latency (vertical) by percent of the answers, on a scale that stretches the last ones."""
    total, seen, points = sum(microseconds.values()), 0, []
    top = max(microseconds) or 1
    nines = max(1.0, _nines(1 - 0.5 / total))
    for value, count in sorted((int(value), count) for value, count in microseconds.items()):
        seen += count
        x = EDGE + (WIDE - 2 * EDGE) * min(1.0, _nines(min(seen / total, 1 - 0.5 / total)) / nines)
        points.append(f"{x:.1f},{HIGH - EDGE / 2 - (HIGH - EDGE) * value / top:.1f}")
    line = f'<polyline fill="none" stroke="var(--plot)" stroke-width="2" points="{" ".join(points)}"/>'
    ticks = "".join(
        f'<text x="{EDGE + (WIDE - 2 * EDGE) * _nines(share) / nines - 10:.1f}" y="{HIGH - 4}">{share * 100:g} %</text>'
        for share in (0.5, 0.9, 0.99, 0.999, 0.9999)
        if _nines(share) <= nines
    )
    scale = f'<text x="2" y="{EDGE / 2 + 4}">{top / 1000:,.1f} ms</text><text x="2" y="{HIGH - EDGE / 2}">0</text>'
    axis = _line(EDGE, HIGH - EDGE / 2, WIDE - EDGE, HIGH - EDGE / 2, "var(--line)")
    return _svg(WIDE, HIGH, "latency by quantile", axis + line + ticks + scale)


def _central(values: Sequence[float]) -> tuple[float, float]:
    """The 5th and 95th percentiles; values outside are drawn at the edges."""
    ordered = sorted(values)
    cut = len(ordered) // 20
    return ordered[cut], ordered[-1 - cut]


def _nines(share: float) -> float:
    return -log10(1 - share)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:  # noqa: PLR0913 - a line has two ends
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'


def _svg(width: int, height: int, label: str, body: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{label}">{body}</svg>'
