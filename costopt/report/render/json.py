"""The result as JSON, and back."""

from __future__ import annotations

import re

from costopt.model.result import SCHEMA, Result

# JSON escapes the controls below U+0020 itself; these act on a terminal as well.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def result_json(result: Result) -> str:
    """Indented, in the order of the interface; the same result gives the same bytes."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    return harmless(orjson.dumps(result, option=options).decode())


def harmless(text: str) -> str:
    """JSON whose strings hold nothing that acts on a terminal; it reads back the same."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def read_result(data: bytes, name: str) -> Result:
    """A result written by `result_json`. Raises InputError where it is none, or of another version."""
    from pydantic import TypeAdapter, ValidationError

    from costopt.errors import InputError

    try:
        result = TypeAdapter(Result).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"this is no costopt result: {place or 'the document'}: {first['msg']}", where=name,
            hint="Make one: costopt audit traces.jsonl --json > result.json",
        ) from error  # fmt: skip
    if result.schema != SCHEMA:
        raise InputError(
            f"its schema is {result.schema!r}, this version reads {SCHEMA!r}.", where=name
        )
    return result
