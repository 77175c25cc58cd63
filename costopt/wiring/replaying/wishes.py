"""What `costopt replay` was typed with; what is None is taken from the policy's `replay:` section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wishes:
    """The command's own options, as typed."""

    base_url: str | None = None
    api: str | None = None
    api_key_env: str | None = None
    live: bool = False
    """Send to the providers' own public addresses."""
    model_map: Sequence[str] = ()
    """`logged=endpoint` each."""
    sample: int | None = None
    target_ci: float | None = None
    budget: str | None = None
    """Dollars."""
    concurrency: int | None = None
    max_output_tokens: int | None = None
    cold: bool = False
    judge: str | None = None
    embedder: str | None = None
    resume: bool = False
    fresh: bool = False
    retry_in_doubt: bool = False
    isolate: bool = True
    batch: bool | None = None
    """Use the endpoint's batch API; None: where it is the provider's own."""
    batch_patience: str = "10m"
    plan_only: bool = False
    out: Path | None = None
    """Folder for the run's files; None: beside the store."""
