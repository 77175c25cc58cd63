"""Further parameters of requests to columns: each distinct text once, calls by 64-bit id of it.

A schema of the answer has thousands of characters and is the same in every call of a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from costopt.model.call import Call
from costopt.model.identity import SEED
from costopt.model.request_settings import without_text

if TYPE_CHECKING:
    import pyarrow as pa

RECENT = 10_000
"""Texts remembered so that one is not stored again; the store's own table tells the rest."""


class SettingsBook:
    """Gives ids of settings, and keeps those not seen lately for the next `take`. 0: none."""

    def __init__(self, *, no_content: bool) -> None:
        self._no_content = no_content
        self._ids: dict[str, int] = {"": 0}
        self._new: dict[int, str] = {}

    def ids(self, calls: list[Call]) -> NDArray[np.uint64]:  # [call]
        known = self._ids
        if len(known) >= RECENT:
            known = self._ids = {"": 0}
        found = [known[s] if (s := c.settings) in known else self._add(s) for c in calls]
        return np.array(found, np.uint64)

    def _add(self, settings: str) -> int:
        found = self._ids[settings] = xxh3_64_intdigest(settings.encode(), SEED) or 1
        self._new[found] = without_text(settings) if self._no_content else settings
        return found

    def take(self) -> pa.Table | None:
        """Texts that are new since the last call, as rows of `request_settings`; None: none are."""
        import pyarrow as pa

        if not self._new:
            return None
        new, self._new = self._new, {}
        ids = np.fromiter(new, np.uint64, len(new))
        whole = np.full(len(new), not self._no_content)
        texts = pa.array(list(new.values()), pa.string())
        return pa.table({"id": ids, "whole": whole, "settings": texts})
