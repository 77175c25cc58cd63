"""What a worker needs of an evaluator, as files in a folder, and the evaluator made of them again.

Fit, hidden prompts, proven rules and what was decided on the whole trace travel with every part, so
that a part models what the whole would.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.hidden import Hidden
from costopt.billing.prompt_cache.lineage import Lineage
from costopt.billing.prompt_cache.model import CacheModel
from costopt.billing.prompt_cache.token_tables import TokenTables
from costopt.engine.evaluate import Evaluator
from costopt.engine.executors.trace_files import (
    FileTexts,
    read_segments,
    read_trace,
    write_segments,
    write_texts,
    write_trace,
)
from costopt.model.ports import Texts, TokenCounter
from costopt.model.select import select
from costopt.model.trace import Trace

Int = NDArray[np.int64]


class Portable(Protocol):
    """A counter that is tied to a store: it travels without, and is given the files' texts."""

    def portable(self) -> Portable: ...

    def at_work(self, trace: Trace, texts: Texts | None) -> TokenCounter: ...


@dataclass(frozen=True)
class Package:
    """What all parts share and is no column; unpickled only by workers that this process started."""

    names: tuple[str, ...]
    has_texts: bool
    tokens: TokenCounter | Portable
    model: dict[str, Any]
    evaluator: dict[str, Any]
    rest: tuple[dict[str, Any], ...]
    """[part]: of the trace, what is no column."""


def ship(evaluator: Evaluator, parts: list[Int], folder: Path) -> None:
    """Write the evaluator of each part into the folder."""
    model, trace, handed = evaluator.model, evaluator.trace, evaluator.handed
    lineage = model.lineage
    if lineage.texts is not None:
        write_texts(lineage.texts, len(trace.segments), folder)
    rest = tuple(_ship_part(evaluator, rows, folder / str(i)) for i, rows in enumerate(parts))
    portable = getattr(lineage.tokens, "portable", None)
    package = Package(
        write_segments(trace.segments, folder), lineage.texts is not None,
        lineage.tokens if portable is None else portable(),
        {"fit": model.fit, "book": model.book, "compiled": lineage.compiled,
         "exact": lineage.exact_siblings},
        {"prices": evaluator.prices, "builder": handed.builder, "fields": dict(handed.fields),
         "evidence": dict(handed.evidence), "drawn": handed.drawn},
        rest,
    )  # fmt: skip
    (folder / "package").write_bytes(pickle.dumps(package, pickle.HIGHEST_PROTOCOL))


def _ship_part(evaluator: Evaluator, rows: Int, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    hidden = evaluator.model.lineage.hidden
    columns = {"hidden_code": hidden.code[rows], "hidden_tokens": hidden.tokens[rows]}
    return write_trace(select(evaluator.trace, rows), folder, columns)


def unship(folder: Path, part: int) -> Evaluator:
    """The evaluator of a part."""
    package: Package = pickle.loads((folder / "package").read_bytes())
    texts = FileTexts(folder) if package.has_texts else None
    segments = read_segments(folder, package.names)
    trace, more = read_trace(folder / str(part), segments, package.rest[part])
    at_work = getattr(package.tokens, "at_work", None)
    tokens: Any = package.tokens if at_work is None else at_work(trace, texts)
    shared = package.model
    lineage = Lineage(
        trace, tokens, texts, Hidden(more["hidden_code"], more["hidden_tokens"]),
        shared["compiled"], shared["exact"], tables=TokenTables(tokens, len(segments)),
    )  # fmt: skip
    model = CacheModel.on(lineage, shared["fit"], shared["book"])
    return Evaluator(trace, model=model, **package.evaluator)
