"""Token counts of segments by model, as one table that the compiled positions read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.model.ports import TokenCounter

UNCOUNTED = -1


@dataclass
class TokenTables:
    """Rows are models, columns the trace's segments; filled where a number needs it."""

    tokens: TokenCounter
    n: int
    """Segments of the trace."""
    names: list[str] = field(default_factory=list)
    table: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0), np.int32))

    def rows_of(self, models: list[str]) -> NDArray[np.int64]:
        """The row of each model; rows are added for new ones."""
        new = [m for m in models if m not in self.names]
        if new:
            more = np.full((len(new), self.n), UNCOUNTED, np.int32)
            self.table = np.concatenate((self.table.reshape(-1, self.n), more))
            self.names += new
        return np.array([self.names.index(m) for m in models], np.int64)

    def fill(self, asked: NDArray[np.bool_]) -> None:
        """Count what is marked. `asked`: [model, segment]."""
        for row in np.flatnonzero(asked.any(axis=1)).tolist():
            segments = np.flatnonzero(asked[row]).astype(np.int32)
            self.table[row, segments] = self.tokens.count(segments, self.names[row])
