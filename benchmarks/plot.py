"""Two bar charts of the results as one SVG, without a library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["plot"]

_WIDTH, _LEFT, _RIGHT, _ROW = 860, 300, 110, 30
_OURS, _OTHERS = "#4051b5", "#9e9e9e"


@dataclass(frozen=True)
class _Bar:
    """A bar of a chart.

    :param slow: the end of the thin line to its right; None for no line.
    """

    label: str
    value: float
    text: str
    is_ours: bool
    slow: float | None = None


def plot(results: dict[str, Any]) -> str:
    """Return the SVG of the results for a batch and for an outage."""
    parts: list[str] = []
    at = _chart(
        parts,
        20,
        f"Seconds for {_keys(results):,} keys, round trip {_ms(results['far'])} (logarithmic)",
        _batch(results),
    )
    title = "Milliseconds from the request for a key until it is stored: median, and a line to the 99th percentile"
    at = _chart(parts, at + 20, title, _outage(results), is_logarithmic=False)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {at}" width="{_WIDTH}" height="{at}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">'
    )
    back = f'<rect width="{_WIDTH}" height="{at}" fill="#ffffff"/>'
    return "\n".join([head, back, *parts, "</svg>"]) + "\n"


def _keys(results: dict[str, Any]) -> int:
    return int(results["batch"]["targets"])


def _batch(results: dict[str, Any]) -> list[_Bar]:
    keys, loops = _keys(results), results["loops"]
    seconds = {
        "careful loop: SDK and hvac (extrapolated)": loops["careful"] * keys / loops["targets"],
        "short loop: SDK and hvac (extrapolated)": loops["short"] * keys / loops["targets"],
    }
    if mapped := results["mapped"]:
        seconds[f"mapped tasks, {mapped['slots']} slots (extrapolated)"] = mapped["seconds"] * keys / mapped["targets"]
    workers = results["batch"]["workers"]
    seconds[f"bare requests, {workers} threads"] = results["batch"]["plain"]["seconds"]["median"]
    bars = [_Bar(label, value, f"{value:,.1f} s", is_ours=False) for label, value in seconds.items()]
    ours = results["batch"]["ours"]["seconds"]["median"]
    return [*bars, _Bar(f"batch operator, {workers} threads", ours, f"{ours:,.1f} s", is_ours=True)]


def _outage(results: dict[str, Any]) -> list[_Bar]:
    bars = []
    for each in results["outage"]:
        for who, label in {"plain": "bare requests", "ours": "forced rotation"}.items():
            figures = each["stored"][who]
            value, slow = 1000 * figures["median"], 1000 * figures["p99"]
            away = f"round trip {_ms(each['seconds_of_delay'])}: {label}"
            bars.append(_Bar(away, value, f"{value:.1f} ms", is_ours=who == "ours", slow=slow))
    return bars


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _chart(parts: list[str], at: int, title: str, bars: Sequence[_Bar], *, is_logarithmic: bool = True) -> int:
    """Add a chart, and return its lower end."""
    parts.append(f'<text x="20" y="{at}" font-weight="bold" fill="#212121">{escape(title)}</text>')
    most = max(bar.slow or bar.value for bar in bars)

    def length(value: float) -> float:
        share = math.log10(max(value, 1.0)) / math.log10(max(most, 10.0)) if is_logarithmic else value / most
        return round(share * (_WIDTH - _LEFT - _RIGHT), 1)

    for number, bar in enumerate(bars):
        top = at + 14 + number * _ROW
        middle = top + _ROW // 2
        end = _LEFT + length(bar.value)
        color = _OURS if bar.is_ours else _OTHERS
        parts.append(
            f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end" fill="#212121">{escape(bar.label)}</text>'
        )
        parts.append(
            f'<rect x="{_LEFT}" y="{top + 5}" width="{length(bar.value)}" height="{_ROW - 10}" fill="{color}"/>'
        )
        if bar.slow is not None:
            slow = _LEFT + length(bar.slow)
            parts.append(f'<line x1="{end}" y1="{middle}" x2="{slow}" y2="{middle}" stroke="#212121"/>')
            end = max(end, slow)
        parts.append(f'<text x="{end + 8}" y="{middle + 4}" fill="#212121">{escape(bar.text)}</text>')
    return at + 14 + len(bars) * _ROW + 10
