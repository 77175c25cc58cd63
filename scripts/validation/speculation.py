"""Speculative decoding: published sweeps against the step model, and look-up methods on real agents' texts.

The sweeps stand in `scripts/data/speculation_sweeps.csv`, each with its source. No constant was fitted on
them: target, head and GPU are shapes and data sheets, the acceptance length is the published one of the same
head and draft length, and what an engine did on the host is read from its source. What cannot be predicted
(no draft length, no length, a model without a shape) is counted and still held to the bounds that need no
model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.accel.encodings import O200K
from costopt.accel.ranks import find_encoder
from costopt.model.call import Call
from costopt.serving.speculation.arithmetic import conditional_acceptance, reported_acceptance
from costopt.serving.speculation.costs import TODAY
from costopt.serving.speculation.drafted import Steps, spread
from costopt.serving.speculation.lookup import steps_by_answer
from costopt.serving.speculation.ngram import NGram
from costopt.serving.speculation.suffix import Suffix
from validation.cache_traces import by_source, mini_swe, tau2
from validation.speculation_sweeps import (
    BREAK_EVEN,
    DISPUTED,
    FOUND_BY,
    LATER_URLS,
    Row,
    at_highest_load,
    decoding,
    falls,
    habits_of,
    length_of,
    loss_at_high_load,
    predicted,
    read_sweeps,
    signs,
)
from validation.table import Table

MOST_CALLS = 400
"""Of each trace, the first in time: more change the shares by less than a point."""
RULES = (
    ("n-gram 5 of 2..5", NGram(5, 5, 2)),
    ("n-gram 5 of 5", NGram(5, 5, 5)),
    ("suffix 32", Suffix()),
)


def run(folder: Path, table: Table) -> None:
    """Prints every error; judges bounds, signs and the fall with the load."""
    table.title("Speculation: the arithmetic")
    table.near("a = 0.8, 5 drafted: shown as", 0.5379, reported_acceptance(0.8, 5), 5e-5)
    table.near("and inverted", 0.8, conditional_acceptance(reported_acceptance(0.8, 5), 5), 1e-9)
    rows = read_sweeps()
    _bounds(rows, table)
    _errors(rows, table)
    _texts(folder, table)


def _bounds(rows: Sequence[Row], table: Table) -> None:
    table.title("Speculation: what every published row must obey")
    over = [row for row in rows if row.acceptance_length and row.gain > row.acceptance_length]
    table.equal("gains above the tokens a step, of rows with a length", 0, len(over))
    table.shown(
        "rows with an acceptance length", sum(row.acceptance_length is not None for row in rows)
    )
    told = [len(rows), len({row.sweep for row in rows}), len({row.url for row in rows})]
    table.shown("published rows, sweeps, publications", ", ".join(map(str, told)))


def _errors(rows: Sequence[Row], table: Table) -> None:
    table.title("Speculation: published gains against the step model")
    made = [(row, gain) for row in rows if (gain := predicted(row)) is not None]
    table.shown("rows that can be predicted", len(made), len(rows))
    for sweep in dict.fromkeys(row.sweep for row, _ in made):
        own = [(row, gain) for row, gain in made if row.sweep == sweep]
        for row, gain in own:
            what = f"{sweep}, g {row.draft_tokens}, batch {row.load:g}, {length_of(row):.2f} a step"
            table.shown(what, f"{gain:.2f}x", f"{row.gain_is}{row.gain:.2f}x")
    _medians(made, table)
    _parts(rows, table)
    _signs(made, table)
    steps = [(row, gain) for row in rows if (gain := decoding(row)) is not None]
    table.equal("sweeps whose predicted gain rises with the load", 0, len(falls(steps)))
    table.equal(
        "the same with prompts, by more than 1 %: answers of other lengths end together",
        0, len(falls(made, 0.01)),
    )  # fmt: skip
    table.equal(
        "predicted at a batch of 4,096 with a short cache: still a gain", 0, loss_at_high_load(made)
    )


def _medians(made: Sequence[tuple[Row, float]], table: Table) -> None:
    """By load, method and publication; no constant is fitted on a row."""
    _median("all", made, table)
    _median(
        "engines that draft as today's do",
        [one for one in made if habits_of(one[0]) == TODAY],
        table,
    )
    for name, low, high in (("1 or 2", 0, 2), ("4 to 16", 2, 16), ("above 16", 16, 10_000)):
        _median(f"batch {name}", [one for one in made if low < one[0].load <= high], table)
    for name in dict.fromkeys(row.method for row, _ in made):
        _median(name, [one for one in made if one[0].method == name], table)
    for url in dict.fromkeys(row.url for row, _ in made):
        short = url.removeprefix("https://").removeprefix("github.com/")
        _median(short, [one for one in made if one[0].url == url], table)
    disputed = [row for row in (row for row, _ in made) if row.sweep in DISPUTED]
    other = [(row, predicted(replace(row, gpu="a100_sxm")) or 0.0) for row in disputed]
    _median("table 5 of EAGLE-3 as an A100", other, table)


def _parts(rows: Sequence[Row], table: Table) -> None:
    """Each part with and without, over the rows it changes, those left out that it was found by."""
    table.title("Speculation: what each part of the prediction is worth")

    def beside(what: str, some: Sequence[Row], other: Callable[[Row], float | None]) -> None:
        for name, how in (("with", predicted), ("without", other)):
            made = [(row, gain) for row in some if (gain := how(row)) is not None]
            _median(f"{what}: {name}", made, table)

    def off(**changed: bool) -> Callable[[Row], float | None]:
        return lambda row: predicted(row, replace(habits_of(row), **changed))

    beside("prompts in the throughput, all rows", rows, decoding)
    later = [row for row in rows if row.url in LATER_URLS]
    beside("the same, publications read when the prediction was finished", later, decoding)
    today = [row for row in rows if habits_of(row) == TODAY]
    beside(
        "a step's bookkeeping once for a drafter's passes, engines like today's",
        today,
        off(graphed=False),
    )
    waiting = [row for row in rows if habits_of(row).waits and row.url != FOUND_BY["waits"]]
    beside("waiting for what was accepted, SGLang of 2025 but the paper", waiting, off(waits=False))
    mapped = [
        row for row in rows
        if row.method == "eagle3" and not habits_of(row).graphed and row.url != FOUND_BY["graphed"]
    ]  # fmt: skip
    beside("EAGLE-3's mapping in every pass, vLLM of 2025 but the issue", mapped, off(graphed=True))


def _signs(made: Sequence[tuple[Row, float]], table: Table) -> None:
    table.title("Speculation: gain or loss")
    for what, right, all_of in signs(made):
        table.shown(f"published {what} that are predicted as such", right, all_of)
    for what, right, all_of in signs(at_highest_load(made)):
        table.shown(f"the same at the highest load of a sweep, {what}", right, all_of)
    clear = [(row, gain) for row, gain in at_highest_load(made) if abs(row.gain - 1) > BREAK_EVEN]
    wrong = sum(all_of - right for _, right, all_of in signs(clear))
    what = (
        f"wrong signs there among the {len(clear)} further than {BREAK_EVEN:.0%} from breaking even"
    )
    table.equal(what, 0, wrong)


def _median(name: str, made: Sequence[tuple[Row, float]], table: Table) -> None:
    errors = np.array([gain / row.gain - 1 for row, gain in made if row.gain_is == "="])
    if len(errors):
        told = f"{np.median(np.abs(errors)):.1%} ({np.median(errors):+.1%})"
        table.shown(f"median absolute (and signed) error, {name}, {len(errors)} rows", told)


def _texts(folder: Path, table: Table) -> None:
    table.title("Speculation: look-up methods measured on real agents' answers")
    encoder = find_encoder(O200K, None, allow_download=False)
    if encoder is None:
        table.note("no encoder on this machine: pip install 'costopt[ranks]'")
        return
    traces: tuple[tuple[str, Callable[[], list[Call]]], ...] = (
        ("tau2-retail", lambda: tau2(folder)),
        ("miniswe-gemini3", lambda: mini_swe(folder)),
        ("sweagent-java", lambda: by_source(folder / "traces" / "sweagent-java")),
        ("taubench-gpt4o-airline", lambda: by_source(folder / "traces" / "taubench-gpt4o-airline")),
    )
    for name, load in traces:
        calls = _first(load())
        pairs = list(_exchanges(calls, encoder.encode))
        keys = [call.session_id or call.key for call in calls]
        sessions = np.unique(keys, return_inverse=True)[1].tolist()
        for rule, settings in RULES:
            parts = list(steps_by_answer(pairs, settings))
            found = spread(parts, sessions)
            error = f" +-{found.standard_error:.2f}" if found else ""
            table.shown(f"{name}, {rule}: {len(pairs)} answers", _told(Steps.joined(parts), error))


def _told(steps: Steps, error: str) -> str:
    length, reported = steps.acceptance_length, steps.reported_acceptance
    if length is None or reported is None:
        return "nothing drafted"
    drafted = f"{steps.coverage:.0%} drafted, {reported:.0%} accepted"
    return f"{steps.tokens_per_step:.2f}{error} a step, {drafted}"


def _exchanges(
    calls: list[Call], encode: Callable[[str], list[int]]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Prompt and answer ids; a block is encoded once."""
    known: dict[str, NDArray[np.int64]] = {}

    def ids(texts: list[str]) -> NDArray[np.int64]:
        for text in texts:
            if text not in known:
                known[text] = np.array(encode(text), np.int64)
        return np.concatenate([known[text] for text in texts] or [np.zeros(0, np.int64)])

    for call in calls:
        yield ids([s.text for s in call.request or ()]), ids([s.text for s in call.response or ()])


def _first(calls: list[Call]) -> list[Call]:
    """Calls with texts, the first in time."""
    told = [call for call in calls if call.request and call.response]
    return sorted(told, key=lambda call: call.at_us or 0)[:MOST_CALLS]
