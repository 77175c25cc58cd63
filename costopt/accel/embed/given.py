"""Vectors that the user computed: `column:FILE.parquet/COLUMN`.

COLUMN holds a list of numbers a row. The rows are found by a column `id` (the call's id in the log) or
`text_sha256` (hex SHA-256 of the key's text in UTF-8). A text without a row is alike to nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from costopt.accel.artifacts.content import digest_of
from costopt.accel.embed import Vectors, normalised
from costopt.errors import InputError


@dataclass(frozen=True, eq=False)
class Given:
    """Rows of the file in the order of the texts that will be asked for."""

    vectors: Vectors
    row_of: dict[str, int]
    by_text: bool
    name: str
    version: str
    call_ids: Sequence[Sequence[str]] = ()
    """[text] the calls that ask with each text."""
    keeps: bool = False
    """The file keeps its vectors itself."""

    @classmethod
    def read(cls, rest: str) -> Given:
        """InputError: no such file or column."""
        path, column = _place(rest)
        table = _table(path, column)
        key = "id" if "id" in table.column_names else "text_sha256"
        names = [str(k) for k in table[key].to_pylist()]
        vectors = normalised(_matrix(table[column].to_pylist(), rest))
        version = f"column-{digest_of(vectors, *names).hex()}"
        rows = {name: i for i, name in enumerate(names)}
        return cls(vectors, rows, key == "text_sha256", f"vectors of {path.name}", version)

    def asked_by(self, call_ids: Sequence[Sequence[str]]) -> Given:
        """The same vectors, for texts that these calls ask with. `call_ids`: [text]."""
        found = replace(self, call_ids=call_ids)
        if not self.by_text:
            lost = sum(not any(c in self.row_of for c in ids) for ids in call_ids)
            if lost:
                found = replace(
                    found, name=f"{self.name} ({lost} of {len(call_ids)} keys have none)"
                )
        return found

    def embed(self, texts: Sequence[str]) -> Vectors:
        found = np.array([self._row(i, text) for i, text in enumerate(texts)], np.int64)
        if len(found) and (found < 0).all():
            raise InputError(
                f"None of {len(found)} texts has a vector in the file.", where=self.name,
                hint="Its column `id` must hold the log's call ids, or `text_sha256` the hash of the key.",
            )  # fmt: skip
        padded = np.concatenate((self.vectors, np.zeros((1, self.vectors.shape[1]), np.float32)))
        return np.asarray(padded[found])

    def _row(self, i: int, text: str) -> int:
        if self.by_text:
            raw = text.encode("utf-8", "surrogatepass")
            return self.row_of.get(hashlib.sha256(raw).hexdigest(), -1)
        ids = self.call_ids[i] if i < len(self.call_ids) else ()
        return next((self.row_of[c] for c in ids if c in self.row_of), -1)


def _place(rest: str) -> tuple[Path, str]:
    file, _, column = rest.rpartition("/")
    if not file or not column:
        raise InputError(
            f"`{rest}` names no column.", where="embedder",
            hint="Write column:vectors.parquet/embedding",
        )  # fmt: skip
    return Path(file).expanduser(), column


def _table(path: Path, column: str) -> Any:  # a pyarrow.Table
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"This Parquet file cannot be read: {error}", where=str(path)) from error
    named = [c for c in ("id", "text_sha256") if c in table.column_names]
    if column not in table.column_names or not named:
        raise InputError(
            f"It has the columns {', '.join(table.column_names)}.", where=str(path),
            hint=f"Needed: `{column}` (lists of numbers) and `id` or `text_sha256`.",
        )  # fmt: skip
    return table


def _matrix(rows: list[Sequence[float] | None], where: str) -> Vectors:
    """All rows as one array; a row without a vector is zeros."""
    widths = {len(r) for r in rows if r is not None}
    if len(widths) != 1 or 0 in widths:
        raise InputError(
            f"The vectors have the lengths {sorted(widths)}, not one.", where=where,
            hint="Every row needs as many numbers.",
        )  # fmt: skip
    width = widths.pop()
    return np.array([r if r is not None else [0.0] * width for r in rows], np.float32)
