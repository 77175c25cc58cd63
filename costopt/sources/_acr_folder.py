"""The texts of an AutoCodeRover run: threads of messages in the files beside its `cost.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from costopt.errors import CostoptError
from costopt.model.call import Rejected, Segment
from costopt.sources._runs import History
from costopt.sources.base import SourceFile
from costopt.sources.bodies.parts import mapping
from costopt.sources.files import plain_name, source_files
from costopt.sources.lines import records

Beside = dict[str, SourceFile]
"""Files of one folder by their plain name."""

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


def beside(file: SourceFile) -> Beside:
    """The files of the run's folder by name, packed or not, on disk or in an archive; of a pipe none."""
    path = file.path
    if path is None:
        return {}
    if plain_name(path.name) != plain_name(file.name):
        return _members(str(path), path.stat().st_mtime_ns).get(_folder(file.name), {})
    near = (p for p in sorted(path.parent.iterdir()) if p.is_file() and _matters(p.name))
    return {plain_name(p.name): next(iter(source_files([str(p)]))) for p in near}


@lru_cache(maxsize=4)
def _members(path: str, changed_ns: int) -> dict[str, Beside]:
    """An archive's files by folder and name."""
    found: dict[str, Beside] = {}
    for file in source_files([path]):
        if _matters(file.name):
            found.setdefault(_folder(file.name), {})[plain_name(file.name)] = file
    return found


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _matters(name: str) -> bool:
    plain = plain_name(name)
    return plain in ("cost.json", "info.log") or bool(_TEXT_FILE.fullmatch(plain))


def said_in(near: Beside) -> list[Said]:
    """All answers of the run. A thread grows from round to round: the last round has all of it."""
    rounds: dict[str, dict[int, str]] = {CONVERSATION: {}, PROXY: {}}
    for name in near:
        found = _TEXT_FILE.fullmatch(name)
        if found:
            rounds[found[1] or found[3]][int(found[2] or found[4])] = name
    last = sorted(rounds[CONVERSATION].items())[-1:]
    names = [name for _, name in (*last, *sorted(rounds[PROXY].items()))]
    return [said for name in names for said in _read(near[name], name)]


def _read(file: SourceFile, name: str) -> Iterator[Said]:
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
