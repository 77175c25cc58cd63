"""Where the files of a replay stand: beside its store, so that they can be forgotten with it."""

from __future__ import annotations

import shutil
from pathlib import Path

from costopt.store.database import DEFAULT_PATH

FOLDER = "replay"


def replay_folder(store: Path | None, run: int) -> Path | None:
    """`.costopt/replay/12` for the usual store, another one's runs under its own name; None: a store in
    memory keeps no files."""
    if store is None:
        return None
    usual = store.parts[-2:] == DEFAULT_PATH.parts
    name = FOLDER if usual else f"{store.stem}.{FOLDER}"
    return store.parent / name / str(run)


def drop_folder(folder: Path | None) -> None:
    """Remove a run's files. A folder that is a link is left alone: it leads to what is not ours."""
    if folder is not None and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
