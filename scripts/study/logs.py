"""The logs of the study, and how each is read: by the product, as a user's log is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from validation.windows import traces

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.model.leaf import CACHE_READS, INPUT
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare

HAIKU, MINI = "claude-3-5-haiku-20241022", "gpt-4o-mini"
"""The small models that the article names, of the logged model's own maker where it names one. Neither
reasons, so their output is not a guess."""


@dataclass(frozen=True)
class Log:
    """One log. `path`: a file or folder of the user's own; None: a trace of the folder, by its name."""

    name: str
    what: str
    licence: str
    usage: str = "reported"
    """`estimated`: the log has no token counts; they were counted from its text."""
    results_as_user: bool = False
    """The agent sends the results of its tools as user messages."""
    path: Path | None = None


LOGS = (
    Log("miniswe-gemini3", "mini-swe-agent fixes bugs; gemini-3-pro-preview, Nov 2025", "MIT",
        results_as_user=True),
    Log("tau2-retail", "a shop's help desk against a simulated customer; four models, Feb 2026", "MIT"),
    Log("claudecode-vsla", "Claude Code at work; Opus 4 and Sonnet 4, 2025", "MIT"),
    Log("acr-gpt4", "AutoCodeRover fixes bugs; gpt-4-0125-preview, Apr 2024", "figures only",
        results_as_user=True),
    Log("sweagent-java", "SWE-agent fixes bugs; gpt-4o and gpt-4o-mini, Aug 2024", "figures only",
        "estimated", results_as_user=True),
    Log("taubench-gpt4o-airline", "an airline's help desk against a simulated customer; gpt-4o", "MIT",
        "estimated"),
    Log("langfuse-frameworks", "14 small demos through 14 frameworks, 2025", "MIT"),
)  # fmt: skip


def own(path: Path) -> Log:
    """A log of the user's."""
    return Log(path.name, "your log", "yours", "as the log has it", path=path)


@contextmanager
def opened(folder: Path | None, log: Log) -> Iterator[Evaluator]:
    """Read and priced. InputError: it cannot be read."""
    if log.path is not None:
        yield read([log.path])
    elif folder is not None:
        with traces(folder, log.name) as paths:
            yield read(paths)


def read(paths: list[Path]) -> Evaluator:
    """Through ingest, prices, cache model: what `costopt simulate` stands on."""
    options = TraceOptions(
        traces=[str(p) for p in paths], no_store=True, quiet=True, offline=True
    )  # fmt: skip
    return prepare(options, Policy(())).evaluator


def facts(e: Evaluator, log: Log) -> dict[str, Any]:
    """What the page says of a log: counts and dollars, nothing of its content."""
    rows = e.charged & e.known
    leaves = e.trace.leaves[rows]
    whole = int(leaves[:, INPUT].sum())
    read_tokens = int(leaves[:, list(CACHE_READS)].sum())
    return {
        "what": log.what, "licence": log.licence, "usage": log.usage,
        "calls": int(rows.sum()), "sessions": int(len(np.unique(e.trace.session[rows]))),
        "usd": e.baseline.total_pusd / 1e12, "cached_share": read_tokens / whole if whole else 0.0,
        "as_of": e.prices.as_of.isoformat(),
    }  # fmt: skip


def small_model(e: Evaluator) -> str:
    """What the article would move simple calls of this log to."""
    names = e.trace.dims["model"].texts()
    return HAIKU if sum("claude" in n for n in names) > len(names) / 2 else MINI
