"""The forest walk, compiled where that pays: a million calls a second, same answers.

`forest.walk_plain` is the specification. Where numba is not installed, `walk` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk, empty_walk, walk_plain

_FEW_USES = 3_000_000
"""Below it the plain twin (400,000 uses a second) is done before the compiled one is: numba takes
10 s to compile for the first time (0.3 s once its cache is there)."""


def walk(rows: Rows) -> Walk:
    """What each call finds of itself in what was sent before; compiled where that pays and can be."""
    kernel = compiled() if len(rows.ids) >= _FEW_USES else None
    return walk_plain(rows) if kernel is None else walk_compiled(rows)


def walk_compiled(rows: Rows) -> Walk:
    """The compiled walk. RuntimeError: numba is not installed."""
    kernel = compiled()
    if kernel is None:
        raise RuntimeError("numba is not installed")
    out: dict[str, Any] = empty_walk(len(rows.root), len(rows.ids))
    n_sessions = int(rows.session.max(initial=-1)) + 1
    pair = rows.root.astype(np.int64) * n_sessions + rows.session
    lineage = np.unique(pair, return_inverse=True)[1].reshape(-1).astype(np.int64)
    parent, seg, creator = kernel(
        rows.order, rows.root, rows.n_roots, rows.session, lineage, rows.at_us, rows.begin_us,
        rows.lifetime_us, rows.input_tokens, rows.offsets, rows.ids, rows.answer_offsets,
        rows.answer_ids, out["depth"], out["count"], out["last_us"], out["source"],
        out["anchor_depth"], out["anchor_tokens"], out["ideal_depth"], out["ideal_source"],
        out["ideal_anchor"], out["concurrent"], out["previous"], out["same_uses"],
        out["parting"], out["node_of_use"],
    )  # fmt: skip
    return Walk(**out, node_parent=parent, node_seg=seg, node_creator=creator)


@cache
def compiled() -> Callable[..., tuple[NDArray[np.int32], ...]] | None:
    """The numba kernel, or None where numba is missing."""
    try:
        from costopt.billing.prompt_cache.compiled import walk_all
    except ImportError:
        return None
    return walk_all
