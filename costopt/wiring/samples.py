"""The sample traces: packed in the wheel, or in the source tree of a checkout."""

from __future__ import annotations

from pathlib import Path

from costopt.errors import InputError
from costopt.wiring.request import TraceOptions

PACKAGE = Path(__file__).parent.parent


def sample_folder() -> Path:
    """Where the samples stand in this installation."""
    for folder in (PACKAGE / "_samples", PACKAGE.parent / "sample_traces"):
        if (folder / "traces.jsonl").exists():
            return folder
    raise InputError(
        "the packed samples are missing from this installation.", hint="Install again."
    )


def demo_options(json: bool, quiet: bool = False) -> TraceOptions:
    """An audit of the packed sample that keeps nothing on disk."""
    traces = [str(sample_folder() / "traces.jsonl")]
    return TraceOptions(traces=traces, no_store=True, json=json, quiet=quiet)
