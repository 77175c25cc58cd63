"""What this installation has: versions, extras, token ranks, price book, ledger. Read only, offline."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from costopt import __version__
from costopt.errors import CostoptError
from costopt.report.words import dollars, plural

# What each extra brings, by the module that shows it is there.
EXTRAS = {
    "ranks": ("bpe_openai", "exact token counts of OpenAI models without a download"),
    "kernel": ("numba", "compiled cache simulation (the plain one gives the same numbers)"),
}
PARTS = ("duckdb", "pyarrow", "numpy", "genai-prices", "orjson", "tiktoken", "matplotlib")
SAMPLE_MODELS = ("gpt-4o", "gpt-4", "claude-sonnet-4", "gemini-2.5-pro")
"""One model of each tokenizer family, to show which are counted exactly."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at."""

    panel: str
    name: str
    state: Literal["ok", "missing", "problem"]
    text: str
    fix: str = ""


def health(db: Path | None, ranks: Path | None) -> list[Line]:
    """All lines, panel by panel."""
    return [*_installed(), *_extras(), *_prices(), *_tokens(ranks), *_ledger(db), *_samples()]


def _installed() -> list[Line]:
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    lines = [
        Line("Installed", "costopt", "ok", __version__),
        Line("Installed", "python", "ok", python),
    ]
    for name in PARTS:
        try:
            version = importlib.metadata.version(name)
            lines.append(Line("Installed", name, "ok", version))
        except importlib.metadata.PackageNotFoundError:
            fix = "pip install --force-reinstall costopt"
            lines.append(Line("Installed", name, "problem", "missing from this installation", fix))
    return lines


def _extras() -> list[Line]:
    lines = []
    for extra, (module, what) in EXTRAS.items():
        here = importlib.util.find_spec(module) is not None
        fix = "" if here else f'pip install "costopt[{extra}]"'
        text = what if here else f"not installed: {what}"
        lines.append(Line("Extras", extra, "ok" if here else "missing", text, fix))
    return lines


def _prices() -> list[Line]:
    from costopt.prices.book import load_book

    book = load_book()
    text = f"{book.version}; projections use the prices of {book.as_of}"
    return [Line("Prices", "price book", "ok", text, "costopt prices check   # on your own trace")]


def _tokens(ranks: Path | None) -> list[Line]:
    from costopt.accel.tokens import exact_encoder

    lines = []
    for model in SAMPLE_MODELS:
        exact = exact_encoder(model, ranks) is not None
        text = "exact" if exact else "estimated, calibrated on your trace's reported usage"
        lines.append(Line("Token counts of parts", model, "ok" if exact else "missing", text))
    if lines[0].state == "missing":
        fix = 'pip install "costopt[ranks]"   # or --ranks FOLDER'
        lines.append(Line("Token counts of parts", "ranks", "missing", "none at hand", fix))
    lines.append(
        Line("Token counts of parts", "the bill", "ok", "uses reported usage, never these counts")
    )
    return lines


def _ledger(db: Path | None) -> list[Line]:
    from costopt.store.database import DEFAULT_PATH
    from costopt.store.store import Store

    path = db or DEFAULT_PATH
    if not path.exists():
        return [Line("Ledger", str(path), "missing", "not there yet", "costopt audit TRACES")]
    try:
        with Store.open(path, read_only=True) as store:
            last, sets = store.last_dataset(), store.datasets()
            kept = [r.result for r in store.runs() if r.dataset == last and r.result]
    except CostoptError as error:
        return [Line("Ledger", str(path), "problem", error.message, error.hint)]
    text = f"{path.stat().st_size / 1e6:.1f} MB, {plural(len(sets), 'data set')}, last: {last}"
    return [Line("Ledger", str(path), "ok", text), *(_estimated(kept[0]) if kept else [])]


def _estimated(result_json: str) -> list[Line]:
    """What of the last audit rests on estimates, and why."""
    from costopt.report.render.json import read_result

    try:
        result = read_result(result_json.encode(), "ledger")
    except CostoptError:
        fix = "costopt audit"
        return [Line("Last audit", "result", "problem", "written by another version", fix)]
    bill, cache = result.bill, result.prompt_cache
    calls = (
        f"{bill.estimated_calls:,} of {result.trace.calls:,} calls, {dollars(bill.estimated_usd)}"
    )
    lines = [
        Line("Last audit", "usage from text", "ok", f"{calls}: the log reports no usage for them"),
        Line("Last audit", "tokens of parts", "ok", result.coverage.tokens),
    ]
    if bill.missing_usage_calls:
        text = f"{bill.missing_usage_calls:,} calls: neither usage nor text; not in the bill"
        lines.append(Line("Last audit", "unknown cost", "problem", text))
    if bill.unpriced_calls:
        text = f"{bill.unpriced_calls:,} calls: {', '.join(bill.unpriced_models[:5])}"
        lines.append(Line("Last audit", "no price", "problem", text, "costopt prices check"))
    if cache.residual_pp is not None:
        text = f"off by {abs(cache.residual_pp):.1f} pp on sessions it was not fitted on"
        lines.append(Line("Last audit", "cache model", "ok", text))
    return lines


def _samples() -> list[Line]:
    from costopt.wiring.samples import sample_folder

    try:
        sample_folder()
        return [Line("Samples", "costopt demo", "ok", "its sample is here")]
    except CostoptError as error:
        return [Line("Samples", "costopt demo", "problem", error.message, error.hint)]
