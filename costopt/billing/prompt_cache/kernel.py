"""The forest walk, compiled where that pays: a million calls a second, same answers.

`forest.walk_plain` is the specification. Where numba is not installed, `walk` runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk, empty_walk, walk_plain
from costopt.billing.prompt_cache.namespace import dense

S = TypeVar("S", bound=np.generic)
_FEW_USES = 1_000_000
"""Below it the plain twins are done before the compiled ones are: numba takes 12 s to compile for the
first time, and a backtest asks some thirty views of half a microsecond a use."""
_FEW_USES_ONCE_COMPILED = 40_000
"""The same where an earlier run has left the machine code on disk: 0.5 s to load it."""


def walk(rows: Rows) -> Walk:
    """What each call finds of itself in what was sent before; compiled where that pays and can be."""
    return walk_compiled(rows) if pays(len(rows.ids)) else walk_plain(rows)


def pays(uses: int) -> bool:
    """Whether numba is there and the kernels are sooner done than the plain twins."""
    few = _FEW_USES_ONCE_COMPILED if _is_on_disk() else _FEW_USES
    return uses >= few and compiled() is not None


def _is_on_disk() -> bool:
    """numba keeps its machine code beside the source. Elsewhere (a folder that nobody may write to)
    it is not looked for: then the plain twin runs a little longer than it had to."""
    here = Path(__file__).parent / "__pycache__"
    return any(here.glob("compiled.walk_all-*.nbi"))


def walk_compiled(rows: Rows) -> Walk:
    """The compiled walk. RuntimeError: numba is not installed."""
    kernel = compiled()
    if kernel is None:
        raise RuntimeError("numba is not installed")
    rows = _of_one_kind(rows)
    out: dict[str, Any] = empty_walk(len(rows.root), len(rows.ids))
    n_sessions = int(rows.session.max(initial=-1)) + 1
    pair = rows.root.astype(np.int64) * n_sessions + rows.session
    lineage = dense(pair)
    parent, seg, creator = kernel(
        rows.order, rows.root, rows.n_roots, rows.session, lineage, rows.at_us, rows.begin_us,
        rows.lifetime_us, rows.input_tokens, rows.offsets, rows.ids, rows.answer_offsets,
        rows.answer_ids, out["depth"], out["count"], out["last_us"], out["source"],
        out["anchor_depth"], out["anchor_tokens"], out["ideal_depth"], out["ideal_source"],
        out["ideal_anchor"], out["concurrent"], out["previous"], out["same_uses"],
        out["parting"], out["node_of_use"],
    )  # fmt: skip
    return Walk(**out, node_parent=parent, node_seg=seg, node_creator=creator)


def _of_one_kind(rows: Rows) -> Rows:
    columns = [name for name in Rows.__slots__ if name != "n_roots"]
    opened: dict[str, Any] = {name: for_kernel(getattr(rows, name)) for name in columns}
    return replace(rows, **opened)


def for_kernel(array: NDArray[S]) -> NDArray[S]:
    """The same numbers as an array that numba takes for writable; the kernels only read it.

    For a sealed array it would compile anew, and a copy of all segment uses is 100 MB a view.
    """
    array = np.ascontiguousarray(array)
    return array if array.flags.writeable or not array.size else np.asarray(_Opened(array))


class _Opened:
    """The same memory without the seal: https://numpy.org/doc/stable/reference/arrays.interface.html"""

    def __init__(self, sealed: NDArray[Any]) -> None:
        self._sealed = sealed  # kept alive
        at = sealed.__array_interface__["data"][0]
        self.__array_interface__ = {**sealed.__array_interface__, "data": (at, False)}


@cache
def compiled() -> Callable[..., tuple[NDArray[np.int32], ...]] | None:
    """The numba kernel, or None where numba is missing."""
    try:
        from costopt.billing.prompt_cache.compiled import walk_all
    except ImportError:
        return None
    return walk_all
