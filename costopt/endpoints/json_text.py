"""JSON as servers send it: half a surrogate pair, which a model's cut emoji leaves in an answer, included."""

from __future__ import annotations

import json
from typing import Any

import orjson


def loads(raw: bytes) -> Any:
    """Raises ValueError where it is no JSON."""
    try:
        return orjson.loads(raw)
    except ValueError:
        if b"\\ud" not in raw and b"\\uD" not in raw:
            raise
    try:
        return json.loads(raw, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dumps(value: object) -> str:
    """Escaped where it holds half a surrogate pair."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
