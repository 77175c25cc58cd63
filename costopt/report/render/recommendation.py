"""The screen of `costopt recommend`: what it was fitted on beside what it had not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from costopt.engine.recommend import Figures, Recommendation
from costopt.layers.discover import name_of
from costopt.model.escape import clean
from costopt.money import usd_float
from costopt.report.render.screen import dollars, packed, places_for, plural, wrap

MAX_WIDTH = 100
MAX_LEFT_OUT = 12
NAME_ROOM, ROOM = 24, 17


def recommendation_screen(
    found: Recommendation, settings: Sequence[str], width: int = 80, *, head: str = "",
    next_commands: Sequence[str] = (), not_tried: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """`settings`: of each recommended layer, as the policy writes them. `head`: what was read.

    `not_tried`: layers that only the user can add to the candidates.
    """
    width = min(width, MAX_WIDTH)
    limit = f"at most {100 * found.max_risk:g} % of answers at risk"
    tried = f"{found.tried:,} {'policy' if found.tried == 1 else 'policies'} tried"
    first = " · ".join(filter(None, (head, limit, tried)))
    lines = [*wrap(first, width, "  "), ""]
    lines += [*_figures(found, width), ""] if found.in_sample and found.out_of_sample else []
    lines += _layers(found, settings, width)
    lines += _left_out(found, width)
    lines += [part for note in found.notes for part in wrap(f"NOTE     {note}", width, "         ")]
    if not_tried:
        text = f"NOTE     Not among those tried, because they need your choices: {', '.join(not_tried)}."
        lines += wrap(
            f"{text} Put them into a policy and name it with --policy.", width, "         "
        )
    return [*lines, "", *packed("Next  ", list(next_commands), width)] if next_commands else lines


def _figures(found: Recommendation, width: int) -> list[str]:
    """Two columns: in-sample and out-of-sample."""
    inside, outside = found.in_sample, found.out_of_sample
    if inside is None or outside is None:
        return []
    places = max(_places(inside), _places(outside))
    rows: list[tuple[str, Callable[[Figures], str]]] = [
        ("sessions", lambda f: f"{f.sessions:,}"),
        ("calls", lambda f: f"{f.calls:,}"),
        ("bill", lambda f: dollars(usd_float(f.baseline_pusd), places)),
        ("saved", lambda f: dollars(usd_float(f.savings_pusd), places)),
        ("", lambda f: "" if f.savings_pct is None else f"{f.savings_pct:.1f} %"),
        ("95 % interval", _interval),
        ("answers at risk, up to", lambda f: f"{100 * f.risk:.2f} %"),
    ]
    lines = [f"{'':{NAME_ROOM}}{'fitted on':>{ROOM}}{'not seen before':>{ROOM}}"]
    lines += [f"{n:{NAME_ROOM}}{text(inside):>{ROOM}}{text(outside):>{ROOM}}" for n, text in rows]
    why = outside.ci_reason or inside.ci_reason
    if why:
        lines += wrap(f"No interval: {why}.", width, "  ")
    return lines + wrap("The right column is the one to believe: it was not used to choose.", width)


def _places(figures: Figures) -> int:
    bill = places_for(usd_float(figures.baseline_pusd))
    return max(bill, min(bill + 4, places_for(usd_float(figures.savings_pusd))))


def _interval(figures: Figures) -> str:
    ends = figures.ci95_pct
    return f"[{ends[0]:.1f}, {ends[1]:.1f}] %" if ends else "not known"


def _layers(found: Recommendation, settings: Sequence[str], width: int) -> list[str]:
    if not found.policy.layers:
        return wrap(
            "No layer saves on later sessions within that risk: keep things as they are.", width
        )
    lines = ["LAYERS"]
    for i, (layer, text) in enumerate(zip(found.policy.layers, settings, strict=True), 1):
        lines += wrap(clean(f"{i} {name_of(layer)}: {text}"), width, "    ")
    return lines


def _left_out(found: Recommendation, width: int) -> list[str]:
    lines: list[str] = []
    for dropped in found.dropped[:MAX_LEFT_OUT]:
        lines += wrap(clean(f"LEFT OUT {dropped.layer}: {dropped.reason}"), width, "         ")
    more = len(found.dropped) - MAX_LEFT_OUT
    return lines + ([f"         and {plural(more, 'more layer')} (--json)"] if more > 0 else [])
