"""`costopt store`: list, forget, make smaller."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson

from costopt.model.escape import clean
from costopt.report.words import plural
from costopt.store.database import DEFAULT_PATH
from costopt.store.store import DatasetInfo, Store
from costopt.wiring.reading import dataset_name, open_store


def _open(db: Path | None) -> Store:
    return open_store(db or DEFAULT_PATH, must_exist=True)


def listing(db: Path | None) -> list[str]:
    """The data sets for people."""
    with _open(db) as store:
        sets = store.datasets()
    path = db or DEFAULT_PATH
    told = [f"{path}  {path.stat().st_size / 1e6:,.1f} MB"]
    told += [_line(info) for info in sets] or ["  no data set"]
    return [clean(line) for line in told]


def _line(info: DatasetInfo) -> str:
    parts = [plural(info.calls, "call"), plural(info.files, "file")]
    if info.rejected:
        parts.append(f"{info.rejected:,} refused")
    if info.sample_rate is not None:
        parts.append(f"sampled at {info.sample_rate:g}")
    return f"  {info.name}  {', '.join(parts)}"


def listing_json(db: Path | None) -> str:
    """The data sets as JSON."""
    with _open(db) as store:
        sets = [asdict(info) for info in store.datasets()]
    path = db or DEFAULT_PATH
    told = {"schema": "costopt.store/1", "db": str(path), "bytes": path.stat().st_size,
            "datasets": sets}  # fmt: skip
    return orjson.dumps(told).decode()


def forget(db: Path | None, names: list[str]) -> list[str]:
    """Remove data sets by name, or by the TRACES they were read from. Returns their names."""
    with _open(db) as store:
        known = {info.name for info in store.datasets()}
        wanted = [
            n if n in known or dataset_name([n]) not in known else dataset_name([n]) for n in names
        ]
        for name in wanted:
            store.remove(name)
    return wanted


def compacted(db: Path | None) -> tuple[int, int]:
    """Bytes of the store's file before and after."""
    path = db or DEFAULT_PATH
    with _open(db) as store:
        before = path.stat().st_size
        store.compact()
    return before, path.stat().st_size
