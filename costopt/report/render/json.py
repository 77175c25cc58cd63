"""The result as JSON, and back."""

from __future__ import annotations

from costopt.model.result import SCHEMA, Result


def result_json(result: Result) -> str:
    """Indented, in the order of the interface; the same result gives the same bytes."""
    import orjson

    return orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()


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
