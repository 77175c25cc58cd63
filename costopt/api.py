"""The small Python surface: the audit's result, and the ledger as a data frame.

```python
from costopt import api

result = api.audit("traces.jsonl")
print(result.bill.total_usd, result.findings[0].title)
projected = api.simulate("traces.jsonl", policy="policy.yaml").projection
frame = api.ledger("traces.jsonl")
frame.dropna(subset="usd").groupby("agent", observed=True)["usd"].sum()  # unknown is missing, not 0
```

Nothing is kept on disk and nothing leaves the machine. What goes wrong is a `CostoptError` with a hint.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from costopt.wiring.request import TraceOptions

if TYPE_CHECKING:
    import pandas as pd

    from costopt.model.result import Result

Traces = str | os.PathLike[str]


def audit(
    *traces: Traces, prices: Traces | None = None, evidence: tuple[Traces, ...] = ()
) -> Result:
    """What `costopt audit TRACES --json` prints, as objects. Raises InputError, UsageError."""
    from costopt.wiring.auditing import audit as run

    done = run(_options(traces, prices), [Path(e) for e in evidence])
    done.reading.store.close()
    return done.result


def simulate(*traces: Traces, policy: Traces, prices: Traces | None = None) -> Result:
    """What `costopt simulate TRACES --policy F --json` prints, as objects. Raises InputError, UsageError."""
    from costopt.wiring.simulating import simulate as run

    done = run(_options(traces, prices), Path(policy))
    done.reading.store.close()
    return done.result


def ledger(*traces: Traces, prices: Traces | None = None) -> pd.DataFrame:
    """One row a call with the columns of `costopt calls`; dollars are exact, and missing where unknown.

    Raises InputError, UsageError.
    """
    from costopt.report.ledger.columns import ledger_table
    from costopt.wiring.ledger import priced

    found = priced(_options(traces, prices))
    frame = ledger_table(found.trace, found.bill).to_pandas()
    found.reading.store.close()
    return _with_decimals(frame)


def _with_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    """Dollars come as exact decimal text: a float column would lose the cent that sums are made of."""
    from decimal import Decimal

    for name in ("usd", "list_usd", "discount_usd", "recorded_usd"):
        frame[name] = frame[name].map(Decimal, na_action="ignore").astype(object)
    return frame


def _options(traces: tuple[Traces, ...], prices: Traces | None) -> TraceOptions:
    return TraceOptions(
        traces=[os.fspath(t) for t in traces],
        prices=None if prices is None else Path(prices),
        no_store=True,
        quiet=True,
    )
