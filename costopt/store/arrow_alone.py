"""pyarrow without pandas: a fifth of a second at every start that nothing here has a use for.

The first `pyarrow.array` imports pandas wherever it is installed, to know its series when it sees one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType


class _Hidden:
    """Stands before all finders and says that there is no pandas."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"{name} is not needed here", name=name)


def without_pandas() -> None:
    """Let pyarrow look for pandas now, and find none. A program that has pandas keeps it; `to_pandas`
    and `from_pandas` work all the same, they look again."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    sys.meta_path.insert(0, _Hidden)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_Hidden)
