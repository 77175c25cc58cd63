"""The layers of a replay as a table: projected, now, what was measured, how answers agree, what it says.

Dollars of a column sum to its total as they are shown. Where the columns do not fit side by side, what
was measured stands below each layer.
"""

from __future__ import annotations

from collections.abc import Sequence

from costopt.model.escape import pad, width_of
from costopt.model.replayed import ReplayedLayer, ReplayInfo
from costopt.model.result import Projection
from costopt.report.policy_words import places_of
from costopt.report.render.screen import dollars, percent, wrap
from costopt.report.words import unit_text, units

MAX_NAME = 16
LEAST_MEASURED = 12
SAYS = {"keep": "keep", "drop": "DROP", "more": "more", "not_measured": "—"}
UNPROVEN = "unproven"


def layer_table(info: ReplayInfo, found: Projection, width: int, room: int) -> list[str]:
    """`room`: lines that are left; at 80 columns layers beyond it are summed in one row."""
    if not info.layers:
        return ["The policy has no layers: nothing changes."]
    layers, others = _shown(info.layers, max(3, room - 4) if width >= 80 else len(info.layers))
    places = places_of(found)
    before = _column([_before(x) for x in info.layers], info.projected_savings_usd, places)
    now = _column([_now(x) for x in info.layers], info.now_savings_usd, places)
    before, now = (_fold(texts, values, len(layers), others, places) for texts, values in (
        (before, [_before(x) for x in info.layers]), (now, [_now(x) for x in info.layers]),
    ))  # fmt: skip
    total = (_total(info.projected_savings_usd, places), _total(info.now_savings_usd, places))
    names = _names(info.layers)[: len(layers)] + ([f"{others} others"] if others else [])
    measured = [x.measured or _nothing(x) for x in layers] + [""] * bool(others)
    agree = [agreement_text(x) for x in layers] + [""] * bool(others)
    says = [SAYS.get(x.says, x.says) for x in layers] + [""] * bool(others)
    rooms = (
        min(MAX_NAME, max(map(width_of, [*names, "LAYER"]))),
        max(map(len, [*before, total[0], "projected"])), max(map(len, [*now, total[1], "now"])),
    )  # fmt: skip
    beside = [measured, agree, says]
    rows = list(zip(names, before, now, *beside, strict=True))
    lines = _wide(rows, rooms, width) or _stacked(rows, rooms, width)
    return [*lines, *_sum_lines(info, found, rooms, total, width)]


Row = tuple[str, str, str, str, str, str]


def _wide(rows: Sequence[Row], rooms: tuple[int, int, int], width: int) -> list[str]:
    """All columns side by side; empty: they do not fit."""
    agree = max(len("answers agree"), *(width_of(r[4]) for r in rows))
    says = max(len("says"), *(len(r[5]) for r in rows))
    left = width - sum(rooms) - 2 - agree - says - 6
    if left < LEAST_MEASURED or any(width_of(r[3]) > left for r in rows):
        return []
    title = "cached/len/$"
    used = max(len(title), *(width_of(r[3]) for r in rows))
    lines = [_line("LAYER", "projected", "now", title, "answers agree", "says", rooms, used, agree)]
    lines += [_line(*row, rooms, used, agree) for row in rows]
    return lines


def _line(
    name: str, before: str, now: str, measured: str, agree: str, says: str,
    rooms: tuple[int, int, int], used: int, answers: int,
) -> str:  # fmt: skip
    money = f"{pad(name, rooms[0])} {before:>{rooms[1]}} {now:>{rooms[2]}}"
    return f"{money}  {pad(measured, used)}  {pad(agree, answers)}  {says}".rstrip()


def _stacked(rows: Sequence[Row], rooms: tuple[int, int, int], width: int) -> list[str]:
    """Money and the word on one line, what was measured below it."""
    lines = [f"{pad('LAYER', rooms[0])} {'projected':>{rooms[1]}} {'now':>{rooms[2]}}  says"]
    for name, before, now, measured, agree, says in rows:
        money = f"{pad(name, rooms[0])} {before:>{rooms[1]}} {now:>{rooms[2]}}"
        lines.append(f"{money}  {says}".rstrip())
        below = " · ".join(
            part
            for part in (measured, f"answers {agree}" if agree[:1].isdigit() else agree)
            if part
        )
        lines += [f"    {part}" for part in wrap(below, width - 4)] if below else []
    return lines


def _sum_lines(
    info: ReplayInfo, found: Projection, rooms: tuple[int, int, int], total: tuple[str, str],
    width: int,
) -> list[str]:  # fmt: skip
    """Rules and sums; the share of the bill beside them, or below where there is no room."""
    measured = info.now_savings_usd is not None
    rules = ["-" * rooms[1], "-" * rooms[2] if measured else ""]
    lines = [f"{' ' * rooms[0]} {rules[0]} {rules[1]:>{rooms[2]}}".rstrip()]
    saved, ci = (
        (info.now_savings_usd, info.now_ci95_pct) if measured
        else (info.projected_savings_usd, found.verified_ci95_pct)
    )  # fmt: skip
    base = info.baseline_usd if info.baseline_usd is not None else found.baseline_usd
    share = f"= {100 * (saved or 0.0) / base:.1f} %" if base else percent(saved or 0.0, base)
    share += f" [{ci[0]:.1f}, {ci[1]:.1f}]" if ci else ""
    share += f" of {dollars(base, places_of(found))}"
    line = f"{pad('saved', rooms[0])} {total[0]:>{rooms[1]}} {total[1]:>{rooms[2]}}"
    if width_of(line) + 2 + len(share) <= width:
        return [*lines, f"{line}  {share}"]
    return [*lines, line.rstrip(), *wrap(f"  {share}", width, "  ")]


def _before(layer: ReplayedLayer) -> float | None:
    """None: unproven, so it is not in the sum."""
    return layer.projected_usd if layer.projected_verified else None


def _now(layer: ReplayedLayer) -> float | str | None:
    if layer.says == "drop":
        return "off"
    if layer.now_usd is None:
        return ""
    return layer.now_usd if layer.now_verified else None


def _column(values: Sequence[float | str | None], total: float | None, places: int) -> list[str]:
    """Shown dollars sum to the shown total."""
    known = [v for v in values if isinstance(v, float)]
    counts = iter(units(known, sum(known) if total is None else total, places))
    return [
        unit_text(next(counts), v, places) if isinstance(v, float) else UNPROVEN if v is None else v
        for v in values
    ]  # fmt: skip


def _fold(
    texts: list[str], values: Sequence[float | str | None], shown: int, others: int, places: int
) -> list[str]:
    """Those that are not shown as one amount, from the very units that are shown."""
    if not others:
        return texts
    rest = [t for t, v in zip(texts[shown:], values[shown:], strict=True) if isinstance(v, float)]
    plain = [t.replace("$", "").replace(",", "") for t in rest if not t.startswith("<")]
    units_ = sum(round(float(t) * 10**places) for t in plain)
    return [*texts[:shown], unit_text(units_, units_ / 10**places, places) if rest else ""]


def _total(value: float | None, places: int) -> str:
    return "" if value is None else unit_text(units([value], value, places)[0], value, places)


def _shown(layers: Sequence[ReplayedLayer], room: int) -> tuple[Sequence[ReplayedLayer], int]:
    if len(layers) <= room:
        return layers, 0
    return layers[: room - 1], len(layers) - room + 1


def _names(layers: Sequence[ReplayedLayer]) -> list[str]:
    """The layer's name, with its place where the policy has it twice."""
    names = [x.layer for x in layers]
    return [f"{i} {n}" if names.count(n) > 1 else n for i, n in enumerate(names, 1)]


def _nothing(layer: ReplayedLayer) -> str:
    return "not measured" if layer.requests else ""


def agreement_text(layer: ReplayedLayer) -> str:
    """`96/100 90-98 %` of its headline test; `not replayed` where no answer was compared."""
    found = next((a for a in layer.agreement if a.answers), None)
    if found is None:
        return "not replayed" if not layer.requests else "no answers"
    text = f"{found.agree:,}/{found.answers:,}"
    return f"{text} {100 * found.ci95[0]:.0f}-{100 * found.ci95[1]:.0f} %" if found.ci95 else text
