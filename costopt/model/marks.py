"""The mark of a batch job: the name that we give it before the provider gives its own.

A mark stands in the ledger before the job is submitted, so that a crash between submitting and noting
leaves a name to look for. It says when the job was made and how many lines it has: a provider that
keeps no name of ours (Anthropic) is searched by these.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

_FORM = re.compile(
    r"costopt-(?P<run>\d+)-(?P<at>[0-9a-f]{8,12})-(?P<lines>\d+)-(?P<token>[0-9a-f]{16})"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One batch job of one run. As text at most 64 characters of [a-z0-9-]: fits a metadata value."""

    run: int
    at_s: int
    """Before the job was submitted, unix seconds of this machine's clock."""
    lines: int
    token: str
    """16 hex digits of run, lines and time in microseconds: no two jobs share them."""

    @classmethod
    def of(cls, run: int, items: Sequence[str], now_us: int) -> Mark:
        """The mark of a job that is about to be submitted. `items`: ids of its lines."""
        told = repr((run, list(items), now_us)).encode()
        return cls(
            run, now_us // 1_000_000, len(items), hashlib.blake2b(told, digest_size=8).hexdigest()
        )

    @classmethod
    def read(cls, text: str) -> Mark:
        """Raises ValueError on text that is no mark."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"not the mark of a batch job: {text!r}")
        return cls(int(found["run"]), int(found["at"], 16), int(found["lines"]), found["token"])

    def __str__(self) -> str:
        return f"costopt-{self.run}-{self.at_s:08x}-{self.lines}-{self.token}"
