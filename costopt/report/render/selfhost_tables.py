"""Tables of `costopt selfhost`: a row a GPU, a row a multiple of the traffic, a row a task of look-ups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from costopt.model.escape import clean, fit, pad, width_of
from costopt.report.render.screen import plural
from costopt.report.selfhost import Fleet, Point, SelfHosting
from costopt.report.selfhost_words import money, span, times, tokens

MOST_ROWS = 8
TASK_ROWS = 5
POINT_ROWS = 7
LAST_ROOM = 7
EVEN_SHARE = 1e-3
"""As good as equal: whole requests never make the multiple exactly."""


@dataclass(frozen=True)
class _Column:
    head: str
    cell: Callable[[Fleet], str]
    rank: int
    """The highest goes first where there is no room."""


def fleet_table(found: SelfHosting, width: int) -> list[str]:
    """Cheapest first; columns leave from the least needed on until the rest fits."""
    if not found.fleets:
        return []
    p = f"p{found.settings.get('percentile', 95.0):g}"
    columns = [
        _Column("GPU", lambda f: f.gpu, 0),
        _Column("fleet", _fleet, 0),
        _Column(f"TTFT {p}", lambda f: _level(f, "ttft"), 3),
        _Column(f"TPOT {p}", lambda f: _level(f, "tpot"), 4),
        _Column(f"E2E {p}", lambda f: _level(f, "e2e"), 9),
        _Column("level", lambda f: "kept" if f.keeps_level else "MISSED", 2),
        _Column("tok/s/GPU", lambda f: _number(f.tokens_per_s_per_gpu), 8),
        _Column("used", lambda f: _share(f.utilisation), 5),
        _Column("idle h", lambda f: f"{f.idle_gpu_hours_per_day:,.1f}", 7),
        _Column("$ a day", lambda f: money(f.usd_per_day.typical), 0),
        _Column("low-high", lambda f: span(f.usd_per_day), 1),
        _Column("$/M in", lambda f: _usd(f, "input"), 11),
        _Column("$/M out", lambda f: _usd(f, "output"), 10),
        _Column("$/M tok", lambda f: _usd(f, "blended"), 6),
        _Column("pays at", _pays, 0),
    ]  # fmt: skip
    shown = found.fleets[:MOST_ROWS]
    lines = _fitted(columns, shown, width)
    if more := len(found.fleets) - len(shown):
        lines.append(f"{plural(more, 'dearer GPU')} more: --json has all")
    return lines


def _fitted(columns: list[_Column], fleets: Sequence[Fleet], width: int) -> list[str]:
    while True:
        cells = [[c.head for c in columns], *([c.cell(f) for c in columns] for f in fleets)]
        rooms = [max(width_of(row[i]) for row in cells) for i in range(len(columns))]
        last = max(columns, key=lambda c: c.rank)
        if sum(rooms) + 2 * (len(rooms) - 1) <= width or not last.rank:
            return [fit(_line(row, rooms), width) for row in cells]
        columns = [c for c in columns if c is not last]


def _line(row: list[str], rooms: list[int]) -> str:
    cells = [pad(row[0], rooms[0]), *(f"{c:>{r}}" for c, r in zip(row[1:], rooms[1:], strict=True))]
    return "  ".join(cells).rstrip()


def _fleet(one: Fleet) -> str:
    return (
        f"{one.replicas} x {one.gpus_per_replica}"
        if one.gpus_per_replica > 1
        else f"{one.replicas}"
    )


def _level(one: Fleet, limit: str) -> str:
    """At the level's percentile where it is limited, else at the 95th."""
    for level in one.levels:
        if level.limit == limit:
            return "never" if level.value_ms is None else _ms(level.value_ms)
    known: dict[str, dict[str, float] | None] = {
        "ttft": one.ttft_ms, "tpot": one.tpot_ms, "e2e": one.e2e_ms,
    }  # fmt: skip
    found = known[limit]
    return "-" if found is None else f"({_ms(found['p95'])})"


def _ms(value: float) -> str:
    return f"{value / 1000:,.1f} s" if value >= 10_000 else f"{value:,.0f} ms"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def _share(value: float) -> str:
    return "<0.1 %" if 0 < value < 0.001 else f"{100 * value:.1f} %"


def _usd(one: Fleet, part: str) -> str:
    value = one.usd_per_mtok[part]
    return "-" if value is None else money(value)


def _pays(one: Fleet) -> str:
    even = one.break_even["typical"]
    return "never" if even.multiple is None else times(even.multiple)


def crossing_table(found: SelfHosting, best: Fleet, width: int) -> list[str]:
    """Traffic, API and smallest fleet; which of the two is cheaper is said in words."""
    rows = [["MORE TRAFFIC", "tokens a day", "API a day", best.gpu, "rent a day", "cheaper"]]
    for p in _few(found.crossing, best):
        if p.rent is None or p.replicas is None:
            cells = ["-", "-", "no fleet keeps the level"]
        else:
            many = p.replicas * best.gpus_per_replica
            word = _cheaper(p.api_usd_per_day, p.rent.typical)
            cells = [f"{many:,} GPU{'' if many == 1 else 's'}", f"{money(p.rent.typical)}", word]
        rows.append([times(p.multiple), tokens(p.tokens_per_day), money(p.api_usd_per_day), *cells])
    rooms = [max(width_of(row[i]) for row in rows) for i in range(5)]
    if sum(rooms) + 2 * len(rooms) + LAST_ROOM > width:  # tokens follow from the multiple
        rows, rooms = [[row[0], *row[2:]] for row in rows], [rooms[0], *rooms[2:]]
    return [fit(f"{_line(row[:-1], rooms)}  {row[-1]}", width) for row in rows]


def _cheaper(api: float, rent: float) -> str:
    """In words; at the break-even itself neither is."""
    if abs(rent - api) <= EVEN_SHARE * api:
        return "even"
    return "rent" if rent < api else "API"


def _few(points: Sequence[Point], best: Fleet) -> list[Point]:
    """Of a chart's many points some: today, the break-even, those between and the end."""
    if len(points) <= POINT_ROWS:
        return list(points)
    last, even = len(points) - 1, best.break_even["typical"].multiple
    kept = {round(i * last / (POINT_ROWS - 3)) for i in range(1, POINT_ROWS - 2)}
    for asked in (1.0, even):
        if asked is not None:
            kept.add(min(range(len(points)), key=lambda i: abs(points[i].multiple - asked)))
    return [points[i] for i in sorted(kept)]


def lookup_table(found: SelfHosting, width: int) -> list[str]:
    """What drafting by look-up does on the user's own answers, task by task."""
    rows = [["MEASURED ON YOUR ANSWERS", "answers", "has a draft", "accepted", "tokens a step"]]
    for one in found.accepted[:TASK_ROWS]:
        error = "" if one.standard_error is None else f" +-{2 * one.standard_error:.2f}"
        rows.append([
            fit(clean(one.task) or "(no task)", 24), f"{one.answers:,}", f"{100 * one.coverage:.0f} %",
            "-" if one.acceptance is None else f"{one.acceptance:.2f}",
            f"{one.tokens_per_step:.2f}{error}",
        ])  # fmt: skip
    rooms = [max(width_of(row[i]) for row in rows) for i in range(5)]
    lines = [fit(_line(row, rooms), width) for row in rows]
    if more := len(found.accepted) - TASK_ROWS:
        lines += [f"{plural(more, 'task')} more: --json has all"] if more > 0 else []
    return lines
