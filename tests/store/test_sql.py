"""All SQL lives in .sql files, each query says what a row is, and each one binds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import costopt.store
from costopt.store.sql import queries, run
from costopt.store.store import Store
from tests.store.making import ListStream, random_calls

FOLDER = Path(costopt.store.__file__).parent
# Bound views, by an empty query of the same columns.
VIEWS = {
    "batch": "select * from stage",
    "files": "select * from sources",
    "fresh": "select * from segments",
    "said": "select * from request_settings",
    "wanted": "select id, 0::bigint as place from segments",
    "contents": "select 0::bigint as \"row\", ''::blob as content",
    "wrappers": 'select 0::bigint as "row"',
    "priced": "select 0::ubigint as key_hi, 0::ubigint as key_lo, * exclude (dataset, call) from call_costs",
}  # fmt: skip
FOUND = {
    "refused_add": "select * from rejections",
    "passed_add": "select * from links",
}
NO_PLAN = ("checkpoint", "memory_only")


@pytest.fixture(scope="module")
def store() -> Store:
    made = Store.open(None)
    made.ingest([ListStream(random_calls(1))], "d")
    made.load(None)
    run(made._connection, "facts_of_ingest")
    for name, text in VIEWS.items():
        made._connection.register(name, made._connection.sql(text).limit(0).to_arrow_table())
    return made


@pytest.mark.parametrize("name", sorted(queries()))
def test_every_query_binds(store: Store, name: str) -> None:
    text, connection = queries()[name], store._connection
    if name in NO_PLAN:
        connection.execute(text)
        return
    if name in FOUND:
        empty = connection.sql(FOUND[name]).limit(0)
        connection.register("found", empty.to_arrow_table())
    bound = dict.fromkeys(re.findall(r"\$(\w+)", text))
    assert connection.execute(f"explain {text}", bound or None).fetchall()


@pytest.mark.parametrize("name", sorted(queries()))
def test_every_query_says_what_it_gives(name: str) -> None:
    assert queries()[name].startswith("-- ")


def test_there_is_no_sql_in_the_code() -> None:
    sql = re.compile(
        r"""["'](select|insert|update|delete|create|drop|alter) .*(from|into|table|set) """
    )
    for path in FOLDER.rglob("*.py"):
        assert not sql.search(path.read_text()), path


def test_every_query_is_used() -> None:
    code = "".join(p.read_text() for p in FOLDER.rglob("*.py"))
    unused = [n for n in queries() if n not in code and not n.startswith("dataset_drop")]
    assert not unused
