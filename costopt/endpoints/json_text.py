"""JSON as servers send it: half a surrogate pair, which a model's cut emoji leaves in an answer, included."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_HALF = re.compile("[\ud800-\udfff]")


def loads(raw: bytes) -> Any:
    """Raises ValueError where it is no JSON."""
    try:
        return orjson.loads(raw)
    except ValueError:
        if b"\\ud" not in raw and b"\\uD" not in raw:
            raise
    try:
        return _whole(json.loads(raw, parse_constant=_refuse))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _whole(value: Any) -> Any:
    """With the mark of what cannot be shown in place of a half: nothing behind this could write it."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(one) for name, one in value.items()}
    return value


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
