"""Made segments among siblings: many at once go back to the trace as each alone does."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.billing.view_tokens import ViewTokens
from costopt.model.build import trace_of
from costopt.model.made import Made
from tests.billing.small import LetterTokens, call, usage


@pytest.mark.parametrize("seed", range(5))
def test_roots_of_many_are_those_of_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trace = trace_of([call(f"{k}", [f"user:{'word' * k}{k}"], usage()) for k in range(1, 8)])
    n, made = len(trace.segments), Made.none(trace.segments)
    for step in range(3):
        k = 5
        source = rng.integers(-1, n + len(made), k).astype(np.int32)
        text = [f"written {step} {i}" for i in range(k)] if step == 1 else None
        size = rng.integers(0, 9, k)
        made, _ = made.added(
            kind=np.zeros(k, np.int8), name=np.zeros(k, np.int32), tokens=size, source=source,
            head=size, tail=np.zeros(k, np.int64), mark=f"test {step}", text=text,
        )  # fmt: skip
    tokens = ViewTokens(LetterTokens(trace.segments, ["x"] * n), made)
    asked = np.arange(n + len(made))
    root, most = tokens.roots(asked)
    each = [tokens._root(s) for s in asked.tolist()]
    assert list(zip(root.tolist(), most.tolist(), strict=True)) == each
