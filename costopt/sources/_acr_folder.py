"""The texts of an AutoCodeRover run: threads of messages in the files beside its `cost.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costopt.errors import CostoptError
from costopt.model.call import Rejected, Segment
from costopt.sources._runs import History
from costopt.sources.base import SourceFile
from costopt.sources.bodies.parts import mapping
from costopt.sources.files import plain_name, source_files
from costopt.sources.lines import records

CONVERSATION, PROXY = "conversation", "agent_proxy"
_TEXT_FILE = re.compile(r"(conversation)_round_(\d+)\.json|(agent_proxy)_(\d+)\.json")


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of a thread, and what stood before it."""

    agent: str
    request: list[Segment]
    response: list[Segment]


def agent_of(name: str) -> str:
    """Whose text a file holds, by its name; empty: no text of a run."""
    found = _TEXT_FILE.fullmatch(plain_name(name))
    return (found[1] or found[3]) if found else ""


def folder_of(file: SourceFile) -> Path | None:
    """Where the file's neighbours are; None for a pipe or a member of an archive."""
    path = file.path
    if path is None or plain_name(path.name) != plain_name(file.name):
        return None
    return path.parent


def neighbour(folder: Path, name: str) -> SourceFile | None:
    """A file of that name, packed or not."""
    for packing in ("", ".gz", ".zst"):
        path = folder / f"{name}{packing}"
        if path.is_file():
            return next(iter(source_files([str(path)])))
    return None


def said_in(folder: Path) -> list[Said]:
    """All answers of the run. A thread grows from round to round: the last round has all of it."""
    rounds: dict[str, dict[int, str]] = {CONVERSATION: {}, PROXY: {}}
    for path in folder.iterdir():
        found = _TEXT_FILE.fullmatch(plain_name(path.name))
        if found and path.is_file():
            agent, number = found[1] or found[3], int(found[2] or found[4])
            rounds[agent][number] = plain_name(path.name)
    last = sorted(rounds[CONVERSATION].items())[-1:]
    names = [name for _, name in (*last, *sorted(rounds[PROXY].items()))]
    return [said for name in names for said in _read(folder, name)]


def _read(folder: Path, name: str) -> Iterator[Said]:
    file = neighbour(folder, name)
    if file is None:
        return
    try:
        with file.open() as stream:
            values = [value for _, value in records(stream) if not isinstance(value, Rejected)]
    except (OSError, CostoptError):  # a damaged neighbour costs its text, never the bill
        return
    yield from said_by(agent_of(name), values)


def said_by(agent: str, values: list[Any]) -> Iterator[Said]:
    """Answers of a file: it holds one thread, or a list of threads."""
    threads = [v for v in values if isinstance(v, list)] or [values]
    for thread in threads:
        history = History()
        for index, message in enumerate(thread):
            history.add(message)
            if mapping(message).get("role") == "assistant":
                yield Said(agent, history.before(index), history.message(index))
