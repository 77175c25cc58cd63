"""YAML as plain values with the line of each key and item. The file may be hostile.

Built from parser events: nothing is constructed by a tag, no alias is followed, nothing recurses
deeper than `MAX_DEPTH`. Scalars follow the core schema, https://yaml.org/spec/1.2.2/#103-core-schema
(checked 2026-11-24): `yes` is a text, `0.50` a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from costopt.errors import UsageError
from costopt.model.escape import clean
from costopt.wiring.policy.problems import PolicyError, Problem

MAX_BYTES = 1_000_000
"""A policy has some kilobytes; more is another file, or an attempt to fill the memory."""
MAX_DEPTH = 20
LONGEST_NUMBER = 40
At = tuple[str | int, ...]
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True)
class Lined:
    """A document, and where everything in it stands."""

    name: str
    value: Any
    lines: Mapping[At, int] = field(default_factory=dict)
    """Path of a key or item to its line, from 1."""

    def line(self, *at: str | int) -> int:
        """Line of a place, or of the nearest one around it that is in the document."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)


def read_lined(path: Path) -> Lined:
    """A file as values. Raises UsageError with the line of what is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(
            f"cannot be read: {reason}.", where=clean(str(path)),
            hint="costopt policy init TRACES  proposes one.",
        ) from error  # fmt: skip
    if len(data) > MAX_BYTES:
        raise UsageError(f"is larger than {MAX_BYTES:,} bytes.", where=clean(str(path)))
    return lined(text, str(path))


def lined(text: str, name: str) -> Lined:
    """A text as values. Raises PolicyError with the line of what is wrong."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = _Reader(name)
    try:
        reader.read(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise reader.wrong(line, f"is not valid YAML: {error.problem or error.context}.") from error
    except (YAMLError, ValueError) as error:  # ValueError: a character outside of Unicode
        raise reader.wrong(1, f"is not valid YAML: {str(error).splitlines()[0]}.") from error
    return Lined(name, reader.value, reader.lines)


def scalar(text: str) -> Any:
    """A plain scalar by the core schema; ValueError where a number is too large to be one."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= LONGEST_NUMBER:
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                raise ValueError(f"{text} is too large")
            return number
    return text


class _Reader:
    """Takes the events of one document."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value: Any = None
        self.lines: dict[At, int] = {}

    def wrong(self, line: int, message: str, hint: str = "") -> PolicyError:
        return PolicyError(self.name, [Problem(line, message, hint)])

    def read(self, events: Iterator[Any]) -> None:
        documents = 0
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise self.wrong(_line(event), "holds more than one document.")
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                self.lines[()] = _line(event)
                self.value = self._node(event, events, ())

    def _node(self, event: Any, events: Iterator[Any], at: At) -> Any:
        self._allowed(event, at)
        kind = type(event).__name__
        if kind == "ScalarEvent":
            return self._scalar(event)
        if kind == "SequenceStartEvent":
            return list(self._items(events, at))
        return dict(self._pairs(events, at))

    def _allowed(self, event: Any, at: At) -> None:
        line = _line(event)
        if type(event).__name__ == "AliasEvent" or event.anchor:
            raise self.wrong(
                line, "anchors (&) and aliases (*) are not read here.", "Write it out."
            )
        if event.tag:
            raise self.wrong(line, "tags (!) are not read here.", "Quote the text that begins so.")
        if len(at) > MAX_DEPTH:
            raise self.wrong(line, f"is nested more than {MAX_DEPTH} deep.")

    def _scalar(self, event: Any) -> Any:
        if event.style:  # quoted or a block: always a text
            return event.value
        try:
            return scalar(event.value)
        except ValueError as error:
            raise self.wrong(_line(event), f"{error}.") from error

    def _items(self, events: Iterator[Any], at: At) -> Iterator[Any]:
        for index, event in enumerate(events):
            if type(event).__name__ == "SequenceEndEvent":
                return
            self.lines[(*at, index)] = _line(event)
            yield self._node(event, events, (*at, index))

    def _pairs(self, events: Iterator[Any], at: At) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for event in events:
            if type(event).__name__ == "MappingEndEvent":
                return
            key, line = self._key(event, at), _line(event)
            if key in seen:
                raise self.wrong(line, f"`{key}` stands twice.", f"First on line {seen[key]}.")
            seen[key] = self.lines[(*at, key)] = line
            yield key, self._node(next(events), events, (*at, key))

    def _key(self, event: Any, at: At) -> str:
        self._allowed(event, at)
        if type(event).__name__ != "ScalarEvent":
            raise self.wrong(_line(event), "a key must be a text.")
        return str(event.value)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
