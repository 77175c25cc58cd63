"""What the usual advice would really have saved, claim by claim, on real logs or on your own.

    python scripts/study.py FOLDER [--markdown docs/what-the-advice-saves.md] [--png docs/images/...]
    python scripts/study.py --log traces.jsonl          # your own log, printed

FOLDER holds `traces/` and `tools/` as described in docs/validation.md. Every figure goes through the
product's own path: read, priced, policy, provider's cache, interval. Seeds are fixed. What is written is
counts, shares and dollars; nothing of what a log says.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from study import chart, page, routing, semantic
from study.logs import LOGS, Log, facts, opened, own

Figures = dict[str, Any]


def main() -> int:
    """Measure, print or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--log", type=Path, nargs="+", default=[], help="your own logs instead")
    parser.add_argument(
        "--markdown", type=Path, help="write the tables between the marks of this file"
    )
    parser.add_argument("--png", type=Path, help="draw the chart into this file")
    parser.add_argument("--keep", type=Path, help="folder for the figures of logs that are done: taken from "
                        "there the next time")  # fmt: skip
    asked = parser.parse_args()
    if (asked.folder is None) == (not asked.log):
        parser.error("give the folder of the study, or --log with your own")
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    made = figures(asked.folder, [own(p) for p in asked.log] or list(LOGS), asked.keep)
    blocks = page.blocks(made)
    if asked.png:
        chart.draw(made, asked.png)
    if asked.markdown:
        page.write(asked.markdown, blocks)
    else:
        print("\n\n".join(f"## {name}\n\n{block}" for name, block in blocks.items()))
    return 0


def figures(folder: Path | None, logs: list[Log], keep: Path | None) -> Figures:
    """Of all claims over all logs that are there."""
    out: Figures = {"logs": {}, **{name: {"logs": {}} for name in page.BY_LOG}}
    for log in logs:
        if folder is not None and not (folder / "traces" / log.name).exists():
            print(f"{log.name}: not there", file=sys.stderr)
            continue
        found = _kept(keep, log.name, partial(_of_log, folder, log))
        out["logs"][log.name] = found["facts"]
        for name in page.BY_LOG:
            out[name]["logs"][log.name] = found[name]
        if "arms" in found:
            out["routing"]["arms"] = found["arms"]
    if folder is not None:
        for name, part in (("semantic", semantic), ("routing", routing)):
            out[name]["sets"] = _kept(keep, f"sets-{name}", partial(part.of_sets, folder))
    return out


def _of_log(folder: Path | None, log: Log) -> Figures:
    with opened(folder, log) as e:
        found = {"facts": facts(e, log)}
        found |= {name: part.of_log(e, log) for name, part in page.BY_LOG.items()}
        if folder is not None and log.name == "tau2-retail":
            found["arms"] = routing.of_arms(e, folder)
        return found


def _kept(keep: Path | None, name: str, make: Any) -> Figures:
    """From the folder if it is there; else made, and kept."""
    path = None if keep is None else keep / f"{name}.json"
    if path is not None and path.exists():
        return dict(json.loads(path.read_text()))
    started = time.perf_counter()
    made: Figures = make()
    print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if path is not None:
        path.write_text(json.dumps(made, indent=1))
    return made


if __name__ == "__main__":
    sys.exit(main())
