"""What the exports of observability tools share: pages of rows, text in text, amounts, labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from costopt.model.call import Call, Record, Rejected, Usage, UsageContradiction
from costopt.sources._heads import head_records
from costopt.sources._tables import csv_header, csv_rows, is_parquet, parquet_names, parquet_rows
from costopt.sources.base import Head, SourceFile
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.build import flat
from costopt.sources.bodies.parts import items, mapping, number, text
from costopt.sources.lines import Parsed, parse, records, rejected

Row = dict[str, Any]
MAX_LABEL_CHARS = 300
"""Metadata longer than this is content, not a label, and is left out."""


def head_rows(head: Head, pages: Collection[str]) -> list[Row]:
    """The first rows of a file, for `sniff`; a table gives one row of its column names."""
    names = parquet_names(head) if is_parquet(head) else csv_header(head)
    if names:
        return [dict.fromkeys(names)]
    found = [row for value in head_records(head, 64) for _, row in page_rows(1, value, pages)]
    return [row for row in found if isinstance(row, dict)]


def packed_parquet(head: Head, words: Collection[str]) -> bool:
    """A Parquet file whose columns lie out of reach (inside an archive): told by its name."""
    hidden = is_parquet(head) and not parquet_names(head)
    return hidden and any(word in head.name.lower() for word in words)


def rows(file: SourceFile, pages: Collection[str]) -> Iterator[Parsed]:
    """Every row of an export: JSON lines, an array, pages (`{"data": [...]}`), CSV or Parquet."""
    with file.open() as stream:
        start = Head(file.name, stream.peek(65_536) if hasattr(stream, "peek") else b"", True)
        if is_parquet(start):
            yield from parquet_rows(file, stream)
        elif csv_header(start):
            yield from csv_rows(stream)
        else:
            for line, value in records(stream):
                yield from page_rows(line, value, pages)


def page_rows(line: int, value: Any, pages: Collection[str]) -> Iterator[Parsed]:
    """The rows of one JSON value: itself, or the elements of a page that holds them."""
    found = value if isinstance(value, list) else None
    if isinstance(value, dict):
        found = next((value[p] for p in pages if isinstance(value.get(p), list)), None)
    if found is None:
        yield line, value
        return
    for place, element in enumerate(found, 1):
        yield (line if line > 1 else place), element


Reader = Callable[[int, Row], Iterable[Record]]


def guarded(line: int, value: Any, reader: Reader) -> Iterator[Record]:
    """What `reader` makes of one row; a row that is none, or that cannot be true, is refused."""
    if isinstance(value, Rejected):
        yield value
    elif not isinstance(value, dict):
        yield rejected(line, f"a {type(value).__name__}, not an object", value)
    else:
        try:
            yield from list(reader(line, value))
        except UsageContradiction as error:
            yield rejected(line, str(error), value)
        except RecursionError:
            yield rejected(line, "nested too deeply")


def decoded(value: Any) -> Any:
    """The value behind JSON text, which tools encode once or twice; text that is no JSON stays."""
    for _ in range(3):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
            return value
        try:
            inner = parse(value.encode("utf-8", "surrogatepass"))
        except ValueError:
            return value
        if isinstance(inner, str) and value.lstrip()[:1] == '"' and not inner:
            return inner
        value = inner
    return value


def as_map(value: Any) -> Mapping[str, Any]:
    """An object, or JSON text of one; anything else is empty."""
    return mapping(decoded(value))


def first(row: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that says something."""
    for name in names:
        value = row.get(name)
        if value is not None and value != "":
            return value
    return None


def numeric(value: object) -> float | None:
    """A finite number, also as text."""
    if not isinstance(value, str):
        return number(value)
    try:
        return number(float(value))
    except ValueError:
        return None


def parameter(value: object) -> int | None:
    """A positive whole number, also as text (`max_tokens`); -1 and the like mean none."""
    found = numeric(value)
    return int(found) if found is not None and 0 < found < 2**31 and found == int(found) else None


def plain(value: Any) -> Any:
    """A parameter that a tool keeps as text: a number, a switch, an object again."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    found = numeric(value)
    return decoded(value) if found is None else int(found) if found == int(found) else found


def amount(*values: object) -> str | None:
    """Recorded dollars. A zero in these tools means "no price" as often as "free": none recorded."""
    found = money_text(*(v for v in values if v != ""))
    return found if found is not None and any(c in "123456789" for c in found) else None


def counted(of_body: Usage, found: Usage) -> Usage:
    """Counts from beside the body, with the searches that only the body can show."""
    found.web_searches = found.web_searches or of_body.web_searches
    return found


def span_ms(begin_us: int | None, end_us: int | None) -> float | None:
    """Milliseconds between two times; None where one is missing or they are in the wrong order."""
    if begin_us is None or end_us is None or end_us < begin_us:
        return None
    return (end_us - begin_us) / 1000


def labels(value: Any, without: Collection[str] = ()) -> dict[str, str]:
    """Metadata as flat text, without what is content rather than a label."""
    kept = {k: v for k, v in as_map(value).items() if k not in without}
    return {k: v for k, v in flat(kept).items() if len(v) <= MAX_LABEL_CHARS}


def texts(value: Any) -> tuple[str, ...]:
    """Tags: a list, JSON text of one, or one word."""
    value = decoded(value)
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(filter(None, map(text, items(value))))


# Columns a user may name in metadata, and how else they are called. Not region or speed: those change
# the price, and a user's "region" is seldom the provider's.
_NAMES = (
    ("agent", ("agent", "agent_name", "agentName", "lc_agent_name", "agent_id")),
    ("task", ("task", "task_id", "taskId", "step")),
    ("tenant", ("tenant", "tenant_id", "team", "customer", "customer_id", "organization")),
    ("workflow", ("workflow", "workflow_name")),
    ("user_segment", ("user_segment", "segment", "plan")),
    ("user", ("user", "user_id", "userId")),
    ("project", ("project", "project_id")),
    ("workspace", ("workspace", "workspace_id")),
)


def add_labels(call: Call, metadata: dict[str, str]) -> None:
    """Keep metadata for `--where metadata.x`, and fill empty columns from what bears their name."""
    call.metadata = {**call.metadata, **metadata}
    for column, names in _NAMES:
        if not getattr(call, column):
            setattr(call, column, next((metadata[n] for n in names if metadata.get(n)), ""))


SESSION_NAMES = ("session_id", "thread_id", "conversation_id", "sessionId", "threadId",
                 "conversationId")  # fmt: skip


def session_of(metadata: Mapping[str, str]) -> str:
    """The conversation a user named in metadata; else empty."""
    return next((metadata[n] for n in SESSION_NAMES if metadata.get(n)), "")
