"""The screen of `costopt selfhost TRACES`: the verdict first, then traffic, bill, fleets and what is assumed.

About 40 lines at 80 columns; also right at 60 and through a pipe. Commands are never cut: they get copied.
"""

from __future__ import annotations

from collections.abc import Iterator

from costopt.layers.parts.self_host_report import STAY_TEXTS
from costopt.model.escape import clean, fit, pad
from costopt.report.render.screen import plural, spread, wrap
from costopt.report.render.selfhost_command import command_lines
from costopt.report.render.selfhost_tables import crossing_table, fleet_table, lookup_table
from costopt.report.selfhost import Fleet, Gain, Quality, SelfHosting
from costopt.report.selfhost_words import assumptions, count_text, money, tokens, verdict, when

MAX_LINES = 40
MAX_WIDTH = 140
PROSE_WIDTH = 100
LEAST_NOTES = 3
HEAD = 9
"""Columns of a block's word."""
REFUSED = 3
RENT_WORDS = {"low": "cheapest", "typical": "middle", "high": "dearest"}


def selfhost_screen(found: SelfHosting, width: int = 80, seconds: float | None = None) -> list[str]:
    """The lines of the screen."""
    width = min(width, MAX_WIDTH)
    prose = min(width, PROSE_WIDTH)
    lines = [*_header(found, prose, seconds), "", *_indented(verdict(found), prose), ""]
    lines += [*_block("TRAFFIC", _traffic(found), prose), *_block("BILL", _bill(found), prose), ""]
    lines += [*fleet_table(found, width), *_refused(found, prose)]
    best = found.best
    if best is not None:
        lines += _best(found, best, prose)
        if found.crossing:
            lines += ["", *crossing_table(found, best, prose)]
    if found.accepted:
        lines += ["", *lookup_table(found, prose)]
    end = ["", *_block("QUALITY", _quality(found.quality), prose)]
    end += _serve(best, width)
    rest = [*found.notes, *assumptions(found)]
    room = MAX_LINES - len(lines) - len(end)
    return [*lines, *end, *_notes(rest, prose, room)]


def _header(found: SelfHosting, width: int, seconds: float | None) -> list[str]:
    took = "" if seconds is None else f"{seconds:.1f} s"
    terms = str(found.settings.get("terms", "")).replace("_", "-")
    line = clean(f"{found.dataset} · {found.model} · {terms} rents of {found.as_of}")
    if len(line) + len(took) < width:
        return [spread(line, took, width)]
    return wrap(line, width, "  ")


def _indented(text: str, width: int) -> list[str]:
    return [f"  {line}" for line in wrap(text, width - 2)]


def _block(word: str, texts: Iterator[str], width: int) -> list[str]:
    """`BILL     ...`, continued under its text."""
    lines: list[str] = []
    for text in texts:
        for i, line in enumerate(wrap(text, width - HEAD)):
            lines.append(f"{'' if lines or i else word:<{HEAD}}{line}")
    return lines


def _traffic(found: SelfHosting) -> Iterator[str]:
    one = found.traffic
    at = f" at {one.scale:g} times today's" if one.scale != 1 else ""
    days = f"{one.days:.3g} day{'' if one.days == 1 else 's'}"
    many = count_text(one.requests_per_day)
    yield (
        f"{one.moved:,} of {plural(one.calls, 'call')} would move{at}: {many} a day"
        f" over {days}, at most {one.peak_per_minute:,.0f} in a minute;"
        f" {tokens(one.input_tokens_per_day)} tokens in, {tokens(one.output_tokens_per_day)} out a day."
    )
    for word, n in one.stay.items():
        yield STAY_TEXTS[word].format(n=n)
    for word, n in one.left_out.items():
        yield f"{n:,} requests of the file are left out: {word}."


def _bill(found: SelfHosting) -> Iterator[str]:
    one = found.bill
    behind = f" -> {money(one.after_usd)} after {', '.join(one.layers)}" if one.layers else ""
    source = (
        f" ({one.policy})"
        if one.layers
        else ", no layer in front of it that is verified"
        if one.unverified
        else ", no other layer in front of it"
    )
    yield f"{money(one.logged_usd)} as logged{behind}{source}."
    if one.unverified:
        names = ", ".join(dict.fromkeys(one.unverified))
        yield f"Not in it, because unverified: {names}; {money(one.after_unverified_usd)} with them."
    scaled = ""
    if one.compared_usd_per_day != one.moved_usd_per_day:
        scaled = f", {money(one.compared_usd_per_day)} at this multiple"
    yield f"The calls that would move: {money(one.moved_usd)}, {money(one.moved_usd_per_day)} a day{scaled}."
    if one.stay_rise_usd > 0.01 * one.moved_usd:
        yield (
            f"Those that stay would cost {money(one.stay_rise_usd)} more: less is in the provider's"
            " prompt cache. That is not in the comparison."
        )


def _refused(found: SelfHosting, width: int) -> list[str]:
    lines = [fit(f"{pad(r.gpu, 12)} cannot: {clean(r.reason)}", width) for r in found.refused]
    if found.fleets and len(lines) > REFUSED:
        more = len(lines) - REFUSED
        lines = [*lines[:REFUSED], f"{plural(more, 'GPU')} more cannot: --json has the reasons"]
    return lines


def _best(found: SelfHosting, best: Fleet, width: int) -> list[str]:
    """What the table has no room for."""
    return [*_block("SIZE", _size(best), width), *_block("PAYS", _pays(best), width),
            *_block("DRAFTS", _drafts(best.speculation), width)]  # fmt: skip


def _size(best: Fleet) -> Iterator[str]:
    parts = []
    for level in best.levels:
        value = "never" if level.value_ms is None else f"{level.value_ms:,.0f} ms"
        parts.append(
            f"{level.limit.upper()} {value} of {level.limit_ms:,.0f} at the {level.percentile:g}th"
            f" percentile, {level.verdict}"
        )
    yield f"{best.name}, {best.precision}: " + ("; ".join(parts) or "no level was asked") + "."
    if not best.sized:
        yield "The number of replicas was given."
    elif best.at_most is None:
        yield f"No size that was tried keeps it for sure; {best.replicas} does on this log."
    elif best.at_least is not None and best.at_least < best.at_most:
        yield f"The log cannot tell {best.at_least} to {best.at_most} replicas apart."
    if best.unserved_calls:
        yield f"{best.unserved_calls:,} requests do not fit into a replica's memory at all."
    if best.prefix_hit_share is not None:
        yield f"The engine's own prefix cache holds {100 * best.prefix_hit_share:.0f} % of the prompts."


def _pays(best: Fleet) -> Iterator[str]:
    """At all rents, and what a token costs now; the verdict has the reason of a never."""
    middle = best.break_even["typical"]
    words = {when(even) for even in best.break_even.values()}
    if best.usd_per_day.low == best.usd_per_day.high:
        text = when(middle)
    elif len(words) == 1 and len(best.break_even) > 1:
        text = f"{words.pop()} at any of the rents"
    else:
        parts = (f"{when(one)} at the {RENT_WORDS[at]} rent" for at, one in best.break_even.items())
        text = ", ".join(parts)
    if middle.multiple is not None and middle.reason:
        text += f" ({middle.reason})"
    yield f"{text}."
    mtok = best.usd_per_mtok
    said = ", ".join(
        f"{name} {'-' if mtok[name] is None else money(mtok[name] or 0.0)}"
        for name in ("input", "output", "blended")
    )
    yield f"A million tokens then cost {said}; rent: {best.rent_source}."
    if best.break_even_note:
        yield f"{best.break_even_note}."


def _drafts(gain: Gain | None) -> Iterator[str]:
    if gain is None:
        return
    cover = f" in {100 * gain.coverage:.0f} % of the steps" if gain.coverage < 1 else ""
    yield (
        f"{gain.method}, {_length(gain)}{cover}, accepted {gain.acceptance:.2f}"
        f" ({gain.basis}): {gain.tokens_per_step:.2f} tokens a step."
    )
    if gain.usd_per_day_without is None:
        yield "Without it no fleet keeps the level."
        return
    less = gain.usd_per_day_without - gain.usd_per_day
    word = (
        "the same rent"
        if not less
        else f"{money(abs(less))} a day {'less' if less > 0 else 'MORE'}"
    )
    if gain.tpot_ms is not None and gain.tpot_ms_without:
        change = 100 * (gain.tpot_ms / gain.tpot_ms_without - 1)
        slower = " SLOWER: at this load it is a loss" if change > 0 else ""
        word += (
            f", TPOT {gain.tpot_ms_without:.3g} -> {gain.tpot_ms:.3g} ms ({change:+.0f} %){slower}"
        )
    yield f"At this load: {word}. The gain falls as more requests run at once."
    ends = [
        f"at {at.acceptance:.2f} "
        + (
            "no fleet keeps the level"
            if at.usd_per_day is None or at.tpot_ms is None
            else f"TPOT {at.tpot_ms:.3g} ms and {money(at.usd_per_day)} a day"
        )
        for at in gain.at
    ]
    if ends:
        yield f"Over the acceptance that is {gain.basis}: {', '.join(ends)}."


def _length(gain: Gain) -> str:
    """`3 tokens`; by load the lengths with the number of running requests up to which each is taken."""
    if not gain.by_load:
        return plural(gain.draft_tokens, "token")
    parts = [f"{many} up to {end:,} running" for _, end, many in gain.by_load[:-1]]
    return ", ".join([*parts, f"then {gain.by_load[-1][2]}" if parts else str(gain.draft_tokens)])


def _quality(one: Quality) -> Iterator[str]:
    if one.status == "measured" and one.loss is not None and one.ci95 and one.judged:
        yield (
            f"A replay of {one.judged:,} calls lost {100 * one.loss:.1f} % of the right answers"
            f" ({100 * one.ci95[0]:.1f} to {100 * one.ci95[1]:.1f})."
        )
        return
    yield (
        "UNVERIFIED: another model would answer. Ask it, with the server up and this layer in policy.yaml:"
        " costopt replay --base-url http://SERVER:8000/v1"
    )
    yield one.layer


def _serve(best: Fleet | None, width: int) -> list[str]:
    lines: list[str] = []
    for name, text in (best.launch if best else {}).items():
        head = "SERVE" if not lines else ""
        if text is None:
            lines += [f"{head:<{HEAD}}{name}:"]
        else:
            lines += command_lines(text, width, f"{head:<{HEAD}}", HEAD)
        for note in best.launch_notes.get(name, []) if best else []:
            room = min(width, PROSE_WIDTH) - HEAD - 2
            lines += [f"{'':<{HEAD}}# {part}" for part in wrap(note, room)]
    return lines


def _notes(texts: list[str], width: int, room: int) -> list[str]:
    """The weightiest in the room that is left, three at least; the others are counted."""
    lines: list[str] = []
    for i, text in enumerate(texts):
        made = _block("ASSUMED", iter([text]), width)
        if i >= LEAST_NOTES and len(lines) + len(made) + 1 > room:
            rest = len(texts) - i
            return [*lines, f"{'':<{HEAD}}and {plural(rest, 'more note')} (--json has all)"]
        lines += made if not lines else [" " * HEAD + made[0][HEAD:], *made[1:]]
    return lines
