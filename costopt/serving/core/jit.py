"""numba's compiler, asked for in one place; imported only where numba is installed (see `run.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compiled at its first call, kept on disk for the next process; holds no interpreter lock."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
