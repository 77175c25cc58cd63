"""`policy.yaml` to a checked policy: every complaint names the line and the nearest valid word."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from costopt.engine.policy import Policy
from costopt.errors import nearest
from costopt.layers.base import Layer
from costopt.layers.discover import USUAL_ORDER, layer_names
from costopt.model.escape import clean
from costopt.model.trace import DIMS
from costopt.wiring.policy.lined import At, Lined, lined, read_lined
from costopt.wiring.policy.problems import PolicyError, Problem
from costopt.wiring.policy.replay import Replay
from costopt.wiring.policy.settings import layer_of, said

VERSION = 1
KEYS = ("version", "name", "fields", "layers", "replay")
PARTS = (*DIMS, "session")
"""Parts that `fields:` may give to a logged field."""
MAX_LAYERS = 100


def load_policy(path: Path) -> Policy:
    """Read and check a file. Raises UsageError naming file and line."""
    return _policy(read_lined(path))


def parse_policy(text: str, name: str = "policy.yaml") -> Policy:
    """The same from a text."""
    return _policy(lined(text, name))


def _policy(document: Lined) -> Policy:
    reader = _Reader(document)
    policy = reader.policy()
    if reader.problems:
        raise PolicyError(document.name, reader.problems)
    return policy


class _Reader:
    """Collects problems, so that a user sees all of them at once."""

    def __init__(self, document: Lined) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def wrong(self, at: At, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.document.line(*at), message, hint))

    def policy(self) -> Policy:
        top = self.document.value
        if not isinstance(top, dict):
            self.wrong((), "must be a mapping with `version:` and `layers:`.")
            return Policy(())
        self._only((), top, KEYS, "a policy", "section")
        self._version(top)
        name = top.get("name", shown_path(self.document.name))
        if not isinstance(name, str) or not name:
            self.wrong(("name",), "`name` must be a text.")
        layers, at_of = self._layers(top)
        lines = {(i, *k[2:]): v for i, at in enumerate(at_of)
                 for k, v in self.document.lines.items() if k[:2] == at}  # fmt: skip
        lines |= {k: v for k, v in self.document.lines.items() if k[:1] == ("fields",)}
        return Policy(
            layers, str(name), self._fields(top), self._replay(top), lines, self.document.name
        )

    def _only(
        self, at: At, node: Mapping[str, Any], valid: tuple[str, ...], what: str, kind: str
    ) -> None:
        for key in node:
            if key not in valid:
                hint = f"{nearest(key, valid)}  All {kind}s: {', '.join(valid)}".strip()
                self.wrong((*at, key), f"{what} has no {kind} `{clean(key)}`.", hint)

    def _version(self, top: Mapping[str, Any]) -> None:
        if "version" not in top:
            self.wrong((), "says no `version`.", f"Begin with: version: {VERSION}")
        elif top["version"] != VERSION or isinstance(top["version"], bool):
            said = clean(str(top["version"]))
            self.wrong(("version",), f"version {said} is not known.", f"This reads {VERSION}.")

    def _section(self, top: Mapping[str, Any], section: str) -> dict[str, Any]:
        node = top.get(section)
        if node is None or isinstance(node, dict):
            return node or {}
        self.wrong((section,), f"`{section}` must be a mapping.")
        return {}

    def _fields(self, top: Mapping[str, Any]) -> dict[str, str]:
        node = self._section(top, "fields")
        self._only(("fields",), node, PARTS, "`fields`", "part")
        found = {}
        for part, column in node.items():
            if isinstance(column, str) and column.strip():
                found[part] = column.strip()
            else:
                self.wrong(("fields", part), f"`{clean(part)}` must name a logged field.",
                           "agent, metadata.flow")  # fmt: skip
        return found

    def _replay(self, top: Mapping[str, Any]) -> dict[str, Any]:
        node = self._section(top, "replay")
        self._only(("replay",), node, tuple(Replay.model_fields), "`replay`", "setting")
        known = {k: v for k, v in node.items() if k in Replay.model_fields}
        try:
            checked = Replay.model_validate_json(json.dumps(known), strict=True)
        except ValidationError as error:
            for found in error.errors(include_url=False):
                at = tuple(found["loc"])
                name = f"`{at[0]}`: " if at else ""
                self.wrong(("replay", *at), clean(f"`replay`: {name}{said(found)}."))
            return {}
        return checked.model_dump(exclude_unset=True)

    def _layers(self, top: Mapping[str, Any]) -> tuple[tuple[Layer, ...], list[At]]:
        node = top.get("layers")
        if "layers" not in top:
            self.wrong((), "says no `layers`.", "layers: []  is a policy that changes nothing.")
        elif node is not None and not isinstance(node, list):
            self.wrong(("layers",), "`layers` must be a list.", "- window: {turns: 8}")
        items = node if isinstance(node, list) else []
        if len(items) > MAX_LAYERS:
            self.wrong(("layers",), f"{len(items)} layers are more than {MAX_LAYERS}.")
            items = []
        found = [
            (layer, ("layers", i)) for i, item in enumerate(items) for layer in self._layer(i, item)
        ]
        return tuple(layer for layer, _ in found), [at for _, at in found]

    def _layer(self, index: int, item: Any) -> Iterator[Layer]:
        at: At = ("layers", index)
        if isinstance(item, str):
            item = {item: None}
        if not isinstance(item, dict) or len(item) != 1:
            hint = "- window: {turns: 8}  (settings indented or in braces)"
            self.wrong(at, "every item of `layers` is one layer.", hint)
            return
        ((name, values),) = item.items()
        if name not in layer_names():
            self.wrong((*at, name), *_no_layer(name))
        elif values is not None and not isinstance(values, dict):
            said = f"the settings of layer `{name}` must be a mapping."
            self.wrong((*at, name), said, f"All settings: costopt explain {name}")
        else:
            made = layer_of(name, values or {})
            if not isinstance(made, list):
                yield made
                return
            for problem in made:
                self.wrong((*at, name, *problem.at), problem.message, problem.hint)


def shown_path(name: str) -> str:
    """For results that others read: from the working folder, never this machine's folders."""
    path = os.path.relpath(name)
    return Path(name).name if path.startswith("..") else path


def _no_layer(name: str) -> tuple[str, str]:
    if name in USUAL_ORDER:
        return f"layer `{name}` is not part of this version.", "Take it out to go on."
    names = layer_names()
    hint = f"{nearest(name, names)}  All layers: {', '.join(names)}".strip()
    return f"there is no layer `{clean(name)}`.", hint
