"""What a user asked for, as typed: the one argument of everything in `wiring`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_POLICY = Path("policy.yaml")
"""Written by an audit, read by what tries or proves a policy."""


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """The shared options of commands that read a trace; parsing and checking happen here in `wiring`."""

    traces: list[str] = field(default_factory=list)
    db: Path | None = None
    no_store: bool = False
    no_content: bool = False
    input_format: str | None = None
    since: str | None = None
    until: str | None = None
    tz: str = "UTC"
    where: list[str] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    sample_rate: float | None = None
    prices: Path | None = None
    as_of: str | None = None
    ranks: Path | None = None
    rejected: Path | None = None
    json: bool = False
    quiet: bool = False
    offline: bool = False
    seed: int = 0
    yes: bool = False
