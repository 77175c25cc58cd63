"""Parts sum to the whole, exactly: what a layer does to a call depends on no call outside its part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import namespace_codes
from costopt.engine.evaluate import Evaluator
from costopt.engine.executors.gathered import put_together, sessions_of
from costopt.engine.executors.shipped import ship, unship
from costopt.engine.outcome import outcome
from costopt.engine.partition import parts_of
from costopt.layers.base import Partition, partition_of
from costopt.model.select import select
from costopt.model.view import View
from tests.laws.test_composition import equal
from tests.laws.trials import Trial, each, each_on_a_world, flags

Int = NDArray[np.int64]
MOST_PARTS = 5


def rows_apart(trial: Trial) -> list[Int]:
    """The rows in parts as the layer allows; bills need whole cache namespaces beside that."""
    view, after = trial.view(), trial.after()
    n, whole = view.trace.n, partition_of(trial.layer)
    if whole is Partition.ROWS:
        return [np.arange(i, n, 3) for i in range(min(3, n))]
    links: list[NDArray[Any]] = [view.trace.session]
    if whole is Partition.NAMESPACE:
        links += [namespace_codes(view), namespace_codes(after)]
    return components(links, n)


def components(links: Sequence[NDArray[Any]], n: int) -> list[Int]:
    """Rows that share a code in any of the columns stay together; a few parts in all."""
    label = np.arange(n)
    while True:
        before = label.copy()
        for code in links:
            least = np.full(int(code.max(initial=0)) + 1, n)
            np.minimum.at(least, code, label)
            label = np.minimum(label, least[code])
        if np.array_equal(before, label):
            break
    roots, which = np.unique(label, return_inverse=True)
    which = which.reshape(-1) % MOST_PARTS
    return [np.flatnonzero(which == i) for i in range(min(MOST_PARTS, len(roots)))]


def part_of(evaluator: Evaluator, rows: Int) -> Evaluator:
    """The same prices, hidden prompts and fit over some of the calls."""
    trace = select(evaluator.trace, rows)
    handed = evaluator.handed
    return Evaluator(
        trace, evaluator.prices, evaluator.model.part(trace, rows), builder=handed.builder,
        fields=handed.fields, evidence=handed.evidence,
    )  # fmt: skip


def told(view: View, row: int) -> list[object]:
    """All that a view says of a call, by content: segments are numbered otherwise in a part."""
    digest = view.segments.digest
    out: list[object] = [view.leaves[row].tolist(), view.sent[row], view.max_tokens[row]]
    out += [int(view.at_us[row])]
    for name in ("provider", "model", "service_tier", "region"):
        column = getattr(view, name)
        out.append(column.values[column.codes[row]])
    for block in (view.request, view.response):
        out += [digest[block.row(row)].tolist(), flags(block, row)]
    return out


@each
def test_parts_do_what_the_whole_does(trial: Trial) -> None:
    """Views call by call, and tallies in sum."""
    if partition_of(trial.layer) is Partition.WHOLE or trial.case.before:
        return
    after, tally, touched = trial.after(), Counter[str](), 0
    for rows in rows_apart(trial):
        part = part_of(trial.evaluator, rows)
        effect, view = part.effect(trial.layers), part.state(trial.layers).view
        tally.update(effect.tally)
        touched += 0 if effect.touched is None else int(effect.touched.sum())
        for i, row in enumerate(rows.tolist()):
            assert told(view, i) == told(after, row), f"call {trial.evaluator.trace.id[row]}"
    whole = trial.effect()
    assert {k: v for k, v in tally.items() if v} == {k: v for k, v in whole.tally.items() if v}
    assert touched == (0 if whole.touched is None else int(whole.touched.sum()))


@each
def test_bills_of_parts_sum_to_the_whole(trial: Trial) -> None:
    """Where a part holds whole sessions and whole cache namespaces, before and behind the layer."""
    if partition_of(trial.layer) is Partition.WHOLE or trial.case.before:
        return
    evaluator, view, after = trial.evaluator, trial.view(), trial.after()
    links: list[NDArray[Any]] = [
        view.trace.session, namespace_codes(view), namespace_codes(after),
    ]  # fmt: skip
    parts = components(links, view.trace.n)
    if len(parts) < 2:
        return
    found = [part_of(evaluator, rows) for rows in parts]
    assert sum(p.value(trial.layers) for p in found) == evaluator.value(trial.layers)
    assert sum(p.value(()) for p in found) == evaluator.value(())


@each_on_a_world
def test_what_workers_read_gives_the_whole_outcome(trial: Trial, tmp_path: Path) -> None:
    """Parts as an executor makes them, written, read again and put together: the same bytes."""
    evaluator, layers = trial.evaluator, trial.layers
    parts = parts_of(evaluator.trace, layers, 3)
    if len(parts) < 2:
        assert (
            any(partition_of(layer) is Partition.WHOLE for layer in layers) or evaluator.trace.n < 2
        )
        return
    ship(evaluator, parts, tmp_path)
    found = [outcome(unship(tmp_path, i), layers) for i in range(len(parts))]
    sessions, n = sessions_of(evaluator.trace, parts), len(evaluator.trace.sessions)
    assert equal(put_together(found, sessions, n), outcome(evaluator, layers))


def test_the_worlds_have_parts() -> None:
    """Or the law above would say nothing."""
    from tests.laws.worlds import world

    trace = world("agents").trace
    view = View.of(trace)
    assert len(components([trace.session, namespace_codes(view)], trace.n)) > 2


def test_components_are_what_is_linked() -> None:
    a, b = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 3])
    assert [p.tolist() for p in components([a, b], 5)] == [[0, 1, 2, 3], [4]]
