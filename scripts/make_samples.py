"""Write sample_traces/: two weeks of a small company's agents, with real waste in them to be found.

    python scripts/make_samples.py           # needs the `ranks` extra (token counts); about half a minute
    python scripts/make_samples.py --check   # says whether the files are what this script makes

The same seed gives the same bytes. Every text is written for this repository.
"""

from __future__ import annotations

import argparse
import copy
import datetime as dt
import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from samples import coder, desk, digest, exports
from samples.provider import Anthropic, OpenAi, encoder
from samples.trouble import troubled

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "sample_traces"
SEED = 20261005
FIRST_DAY = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)
DAYS = 14
CONVERSATIONS_A_DAY = 3
CODING_DAYS = (1, 3, 8, 10)
EXPORTED_CONVERSATIONS, EXPORTED_NIGHTS = 6, 2

Record = dict[str, Any]


def made() -> dict[str, str]:
    """File name to content."""
    records = company(random.Random(SEED))
    picked = {
        agent: [r for r in records if r["agent"] == agent] for agent in ("coder", "nightly-digest")
    }
    talks = [r for r in records if r["session_id"] in _first_talks(records)]
    first_fix = [r for r in picked["coder"] if r["session_id"] == "fix-000"]
    nights = picked["nightly-digest"][: EXPORTED_NIGHTS * digest.CALLS]
    log = troubled(random.Random(SEED + 1), copy.deepcopy(records))
    return {
        "traces.jsonl": _lines(log),
        "langsmith-support.jsonl": _lines(exports.langsmith(talks)),
        "langfuse-coder.json": json.dumps(exports.langfuse(first_fix), ensure_ascii=False) + "\n",
        "helicone-digest.jsonl": _lines(exports.helicone(nights)),
    }


def company(draw: random.Random) -> list[Record]:
    """All calls of two weeks in time order."""
    encode = encoder().encode
    openai, anthropic = OpenAi(draw, encode), Anthropic(draw, encode)
    records: list[Record] = []
    for day in range(DAYS):
        morning = FIRST_DAY + dt.timedelta(days=day)
        records += digest.night(draw, openai, morning.replace(hour=2))
        if morning.weekday() < 5:
            for slot in range(CONVERSATIONS_A_DAY):
                start = morning.replace(
                    hour=9 + 2 * slot, minute=draw.randint(0, 50), second=draw.randint(0, 59)
                )
                number = len({r["session_id"] for r in records if r["agent"] == "triage"})
                records += desk.conversation(draw, openai, start, number)
        if day in CODING_DAYS:
            records += coder.run(draw, anthropic, morning.replace(hour=15), CODING_DAYS.index(day))
    return sorted(records, key=lambda r: r["timestamp"])


def _first_talks(records: list[Record]) -> set[str]:
    talks = sorted({r["session_id"] for r in records if r["agent"] == "triage"})
    return set(talks[:EXPORTED_CONVERSATIONS])


def _lines(records: Iterable[Record]) -> str:
    return "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in records)


def main() -> int:
    """Write the files, or with --check compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    FOLDER.mkdir(exist_ok=True)
    stale = []
    for name, text in made().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
        print(f"{name}: {len(text) / 1e6:.2f} MB, {text.count(chr(10)):,} lines")
    if check and stale:
        print(f"not what this script makes: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
