"""The compiled walk and its plain twin say the same, over traces made at random."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.billing.prompt_cache.forest import Rows, Walk, walk_plain
from costopt.billing.prompt_cache.kernel import walk, walk_compiled
from costopt.model.trace import NO_TIME


def rows_at_random(seed: int, n: int) -> Rows:
    """Sessions that grow, break, repeat each other; some calls are not sent, some have no time."""
    rng = np.random.default_rng(seed)
    histories: dict[int, list[int]] = {}
    ids, answers, session, root = [], [], [], []
    for _ in range(n):
        s = int(rng.integers(0, max(2, n // 8)))
        history = histories.setdefault(s, [int(rng.integers(0, 2))])
        if rng.random() < 0.1 and len(history) > 1:
            history[int(rng.integers(0, len(history)))] = int(rng.integers(0, 9))
        answer = [int(a) for a in rng.integers(0, 9, int(rng.integers(0, 3)))]
        ids.append(list(history))
        answers.append(answer)
        session.append(s)
        root.append(int(rng.integers(0, 2)))
        history += [*answer, int(rng.integers(0, 9))]
    at = np.sort(rng.integers(0, n * 40, n)).astype(np.int64)
    at[rng.random(n) < 0.03] = NO_TIME
    kept = np.flatnonzero(rng.random(n) < 0.9)
    return Rows(
        order=kept[np.argsort(at[kept], kind="stable")], root=np.array(root, np.int32), n_roots=2,
        session=np.array(session, np.int32), at_us=at, begin_us=rng.integers(0, 90, n),
        lifetime_us=np.full(n, 300, np.int64), input_tokens=rng.integers(1, 5000, n),
        offsets=offsets(ids), ids=np.array([i for r in ids for i in r], np.int32),
        answer_offsets=offsets(answers),
        answer_ids=np.array([i for r in answers for i in r], np.int32),
    )  # fmt: skip


def offsets(rows: list[list[int]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.concatenate(([0], np.cumsum([len(r) for r in rows]))).astype(np.int64)


def assert_same(a: Walk, b: Walk) -> None:
    for name in Walk.__slots__:
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


@pytest.mark.parametrize("seed", range(40))
def test_compiled_equals_plain(seed: int) -> None:
    pytest.importorskip("numba")
    rows = rows_at_random(seed, 20 + 11 * seed)
    assert_same(walk_compiled(rows), walk_plain(rows))


def test_no_calls_at_all() -> None:
    assert len(walk(rows_at_random(0, 0)).node_parent) == 2


def test_without_numba_the_plain_twin_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from costopt.billing.prompt_cache import kernel

    monkeypatch.setattr(kernel, "compiled", lambda: None)
    monkeypatch.setattr(kernel, "_FEW_USES", 0)
    rows = rows_at_random(3, 50)
    assert_same(kernel.walk(rows), walk_plain(rows))
    with pytest.raises(RuntimeError, match="numba"):
        kernel.walk_compiled(rows)
