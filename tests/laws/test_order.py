"""The same calls, read in another order or numbered otherwise, come to the same."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from costopt.engine.outcome import InProcess
from costopt.model.build import trace_of
from costopt.model.trace import Categorical, Ragged, SegmentTable, Trace
from tests.laws.test_composition import equal
from tests.laws.trials import Trial, each_on_a_world
from tests.laws.worlds import KINDS, LawBook
from tests.layers.context import Builders, Kept, evaluator_of, texts_of


def renumbered(trace: Trace, texts: Kept, seed: int) -> tuple[Trace, Kept]:
    """Segments in another order, as a store numbers them that read the files in another order."""
    old = np.random.default_rng(seed).permutation(len(trace.segments))
    new = np.empty_like(old)
    new[old] = np.arange(len(old))
    s = trace.segments
    table = SegmentTable(
        s.digest[old], s.kind[old], Categorical(s.name.codes[old], s.name.values), s.n_bytes[old],
        s.tokens[old], s.has_text[old],
    )  # fmt: skip
    request, response = (
        Ragged(block.offsets, new[block.ids].astype(np.int32), block.flags)
        for block in (trace.request, trace.response)
    )
    moved = replace(trace, segments=table, request=request, response=response)
    return moved, Kept(tuple(texts.texts[i] for i in old.tolist()))


@each_on_a_world
def test_numbers_of_segments_do_not_matter(trial: Trial) -> None:
    """They follow from the order in which files were read."""
    assert trial.world is not None
    trace, texts = renumbered(trial.world.trace, trial.world.texts, 3)
    case = trial.case
    other = evaluator_of(
        trace, texts=texts, prices=LawBook(), fields=case.fields, builder=Builders(case.builders),
        evidence=trial.evaluator.handed.evidence,
    )  # fmt: skip
    before, after = InProcess(trial.evaluator), InProcess(other)
    assert equal(before.outcomes([trial.layers])[0], after.outcomes([trial.layers])[0])


def test_the_order_of_lines_does_not_matter() -> None:
    """Calls shuffled are the same trace, to the byte."""
    for kind, make in KINDS.items():
        if kind == "timeless":
            continue  # there the order of lines is all the time there is
        calls, shuffled = make(1), make(1)
        random.Random(4).shuffle(shuffled)
        a, b = trace_of(calls), trace_of([*shuffled, *make(1)[:3]])
        assert a.id == b.id and a.sessions == b.sessions, kind
        assert np.array_equal(a.leaves, b.leaves) and np.array_equal(a.request.ids, b.request.ids)
        assert np.array_equal(a.segments.digest, b.segments.digest)
        assert texts_of(a, calls) == texts_of(b, shuffled)
