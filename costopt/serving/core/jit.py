"""numba's compiler, asked for in one place; imported only where numba is installed (see `run.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compiled at its first call, kept on disk for the next process; holds no interpreter lock.

    The first fleet after an installation compiles for about half a minute. numba keeps the machine code
    beside the module, or in the user's own cache where that place cannot be written.
    """
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
