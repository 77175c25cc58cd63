"""Equal as JSON: white space and the order of keys do not count, nor does a code fence around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.replay.compare.agreement.base import Pair


@dataclass(frozen=True)
class JsonEqual:
    """Fits where the reference is a JSON object or list. An answer that is none differs."""

    name: str = "json_equal"

    def same(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """[pair]"""
        return [
            pair.answer.is_json and pair.answer.form.key == pair.reference.form.key
            if pair.reference.is_json else None
            for pair in pairs
        ]  # fmt: skip
