"""`--evidence PATH`: deployment files read as data, recognised by their shape, turned into facts.

YAML is loaded without constructors, sizes are capped, nothing is executed or fetched.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

from costopt.checklist.evidence import Evidence, Fact, Kind
from costopt.errors import InputError
from costopt.wiring.deployment import datadog, engine, grafana, litellm, prometheus

MAX_BYTES = 4_000_000
"""The largest dashboards are below 2 MB."""
MAX_FILES = 200
READERS: tuple[ModuleType, ...] = (litellm, prometheus, grafana, datadog, engine)
_SUFFIXES = (".yaml", ".yml", ".json", ".sh", ".txt", ".args", ".conf", ".env")
ACCEPTED = (
    "LiteLLM config, vLLM or SGLang arguments (script, compose, Kubernetes), Prometheus rules,"
    " Grafana dashboard or alert rules, Datadog monitor"
)


def read_evidence(paths: list[Path]) -> Evidence:
    """Facts of all files, in order. Raises InputError with the file and the reason."""
    facts: list[Fact] = []
    kinds: list[Kind] = []
    for path in paths:
        for file, required in _files(path):
            found = _file_facts(file)
            if found is None and required:
                raise InputError(
                    "no kind of deployment file that is known here.",
                    where=str(file), hint=f"Known: {ACCEPTED}.",
                )  # fmt: skip
            if found is not None:
                kinds += found[0]
                facts += found[1]
    return Evidence(tuple(facts), tuple(kinds))


def _files(path: Path) -> list[tuple[Path, bool]]:
    """(file, whether it must be recognised): a folder's other files are passed over."""
    if not path.is_dir():
        return [(path, True)]
    found = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
    if len(found) > MAX_FILES:
        raise InputError(
            f"this folder has {len(found)} files, more than {MAX_FILES}.",
            where=str(path), hint="Name the files themselves.",
        )  # fmt: skip
    return [(p, False) for p in found]


def _file_facts(path: Path) -> tuple[list[Kind], list[Fact]] | None:
    kinds: list[Kind] = []
    facts: list[Fact] = []
    for document in _documents(path):
        for reader in READERS:
            if reader.recognised(document):
                kinds.append(reader.KIND)
                facts += reader.facts(document, path.name)
                break
    return (kinds, facts) if kinds else None


def _documents(path: Path) -> list[Any]:
    """The file's documents: parsed JSON or YAML, or the text itself."""
    text = _text(path)
    if path.suffix == ".json" or text.lstrip()[:1] in ("{", "["):
        return [_json(text, path)]
    if path.suffix in (".yaml", ".yml"):
        return _yaml(text, path)
    return [text]


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{size:,} bytes, more than {MAX_BYTES:,}.", where=str(path))
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError("is no UTF-8 text.", where=str(path)) from error


def _json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"is no JSON: {error.msg}.", where=f"{path}:{error.lineno}") from error
    except RecursionError as error:
        raise InputError("is nested too deeply.", where=str(path)) from error


def _yaml(text: str, path: Path) -> list[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return list(YAML(typ="safe", pure=True).load_all(text))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise InputError(f"is no YAML: {problem}.", where=f"{path}{line}") from error
    except RecursionError as error:
        raise InputError("is nested too deeply.", where=str(path)) from error
