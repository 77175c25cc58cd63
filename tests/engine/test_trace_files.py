"""A part of a trace on disk: what was written is what is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from costopt.engine.executors.trace_files import (
    read_segments,
    read_trace,
    write_segments,
    write_trace,
)
from costopt.model.build import trace_of
from costopt.model.select import select
from tests.store.making import assert_same, random_calls


def test_a_part_comes_back_with_every_column(tmp_path: Path) -> None:
    whole = trace_of(random_calls(4))
    part = select(whole, np.arange(whole.n)[::3])
    assert len(set(part.settings.texts())) > 1
    assert part.settings.texts() == whole.settings.texts()[::3]
    rest = write_trace(part, tmp_path, {"more": np.arange(part.n)})
    names = write_segments(part.segments, tmp_path)
    found, more = read_trace(tmp_path, read_segments(tmp_path, names), rest)
    assert_same(part, found, ())
    assert np.array_equal(more["more"], np.arange(part.n))
