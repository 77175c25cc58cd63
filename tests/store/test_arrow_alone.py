"""Opening a store imports no pandas, and pyarrow and pandas still know each other afterwards."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from costopt.store.store import Store
Store.open(None).close()
assert "pandas" not in sys.modules
import pyarrow as pa
assert "pandas" not in sys.modules
table = pa.table({"a": [1.0, None]})
assert pa.Table.from_pandas(table.to_pandas()).column("a").null_count == 1
import pandas
assert pa.array(pandas.Series([1.0, float("nan")])).null_count == 1
"""


def test_pandas_is_not_imported_and_not_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
