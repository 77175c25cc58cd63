"""The prompt cache against real logs: shares, residuals on sessions left out, and four hard tests.

Fits never see what judges them. The mark beside each figure is `ten_lines.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.accel.tokens import token_counter
from costopt.billing.prompt_cache.fit import CacheFit, Served, fit_cache
from costopt.billing.prompt_cache.ideal import ideal_block_share
from costopt.billing.prompt_cache.model import CacheModel, rebill_leaves
from costopt.billing.prompt_cache.report import cache_report, half_of_sessions
from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind
from costopt.model.trace import Trace
from costopt.model.usage import Counts, inside
from costopt.model.view import View
from costopt.prices.book import load_book
from costopt.prices.contract import PriceBook
from validation import cache_edits
from validation.cache_traces import Loaded, by_source, loaded, mini_swe, mooncake, tau2
from validation.table import Table
from validation.ten_lines import CLASSES, TenLines, log_loss, previous_prompt

SPLITS = 50
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """A trace under the model, its calls grouped by model and agent."""

    name: str
    log: Loaded
    model: CacheModel
    group: NDArray[np.str_]  # [call]

    @classmethod
    def of(cls, name: str, calls: list[Call], prices: PriceBook) -> Case:
        log = loaded(calls)
        counter = token_counter(log.trace, log.texts)
        model = CacheModel.of(log.trace, prices, counter, log.texts)
        dims = log.trace.dims
        pairs = zip(dims["model"].texts(), dims["agent"].texts(), strict=True)
        return cls(name, log, model, np.array([f"{m} {a}".strip() for m, a in pairs]))

    @property
    def trace(self) -> Trace:
        return self.log.trace

    def fitted(self, rows: Rows) -> CacheFit:
        recorded = self.model.recorded
        return fit_cache(View.of(self.trace), recorded.prefix, recorded.rules, rows)

    def served(self, fit: CacheFit) -> Served:
        recorded = self.model.recorded
        return fit.served(recorded.prefix, recorded.rules, View.of(self.trace))

    def share(self, tokens: NDArray[np.float64] | NDArray[np.int64], rows: Rows) -> float:
        return float(tokens[rows].sum() / self.trace.input_tokens[rows].sum())

    def residual_pp(self, tokens: NDArray[np.float64], rows: Rows) -> float:
        return 100.0 * (self.share(tokens, rows) - self.share(self.trace.cache_read, rows))


def run(shared: Path, table: Table) -> None:
    """All of it; a few minutes, most of them the fits of the random halves."""
    prices = load_book()
    swe = Case.of("miniswe", mini_swe(shared), prices)
    retail = Case.of("tau2", tau2(shared), prices)
    code = Case.of("Claude Code", by_source(shared / "traces" / "claudecode-vsla"), prices)
    _shares(swe, retail, code, table)
    for case in (retail, swe, code):
        _halves(case, table)
    _transfer(swe, retail, table)
    _clocks(swe, retail, prices, table)
    _broken(code, table)
    _laws((swe, retail, code), table)
    _never_cached(shared, prices, table)
    _blocks(shared, table)
    _speed(retail, prices, table)


def _shares(swe: Case, retail: Case, code: Case, table: Table) -> None:
    table.title("recorded and ideal share of input read from the cache")
    every = np.ones(swe.trace.n, np.bool_)
    table.near("miniswe recorded", 0.815, swe.share(swe.trace.cache_read, every), 0.0005)
    table.near("miniswe ideal (96.3 % over two slices)", 0.963, _ideal(swe, every), 0.01)
    every = np.ones(code.trace.n, np.bool_)
    table.near("Claude Code recorded, claudecode-vsla", 0.957, _recorded(code, every), 0.0005)
    for name, low, high in (("gpt", 0.74, 0.80), ("gemini", 0.41, 0.46)):
        rows = np.char.startswith(retail.group, name) & np.char.endswith(retail.group, "_agent")
        middle, half = (low + high) / 2, (high - low) / 2
        table.near(f"tau2 {name} recorded", middle, _recorded(retail, rows), half)
        table.near(f"tau2 {name} ideal inside sessions", 0.885, _ideal(retail, rows, False), 0.015)
        table.shown(f"tau2 {name} ideal, hidden prompt shared too", f"{_ideal(retail, rows):.3f}")
    gemini = np.char.startswith(retail.group, "gemini")
    _, gap = previous_prompt(retail.trace)
    missed = (retail.trace.cache_read == 0)[gemini & (gap > 0)].mean()
    table.near("tau2 gemini: later calls that hit nothing", 0.30, float(missed), 0.06)
    for case in (swe, retail, code):
        _by_gap(case, table)


def _by_gap(case: Case, table: Table) -> None:
    _, gap = previous_prompt(case.trace)
    for number, title in enumerate(CLASSES):
        rows = gap == number
        if rows.any():
            hits = (case.trace.cache_read[rows] > 0).mean()
            shares = _recorded(case, rows), case.share(case.model.recorded.served.tokens, rows)
            text = f"hit {hits:.3f} share {shares[0]:.3f}"
            table.shown(f"{case.name} {title}, {rows.sum()} calls", text, f"model {shares[1]:.3f}")


def _recorded(case: Case, rows: Rows) -> float:
    return case.share(case.trace.cache_read, rows)


def _ideal(case: Case, rows: Rows, first_calls: bool = True) -> float:
    """Without first calls: a session reads nothing that another one sent."""
    _, gap = previous_prompt(case.trace)
    ideal = case.model.recorded.prefix.ideal_tokens
    return case.share(ideal if first_calls else np.where(gap == 0, 0, ideal), rows)


def _halves(case: Case, table: Table) -> None:
    table.title(
        f"{case.name}: fitted on half of the sessions, judged on the other, {SPLITS} splits"
    )
    ours: dict[str, list[tuple[float, float]]] = {}
    mark: dict[str, list[tuple[float, float]]] = {}
    for seed in range(SPLITS):
        half = half_of_sessions(case.trace, seed)
        served, ten = case.served(case.fitted(half)), TenLines.fitted(case.trace, case.group, half)
        expected, chance = ten.tokens(case.trace, case.group), ten.chance(case.trace, case.group)
        for name, rows in _judged(case, ~half):
            hit = case.trace.cache_read[rows] > 0
            one = case.residual_pp(served.tokens, rows), log_loss(served.hit[rows], hit)
            two = case.residual_pp(expected, rows), log_loss(chance[rows], hit)
            ours.setdefault(name, []).append(one)
            mark.setdefault(name, []).append(two)
    for name in ours:
        pair = np.array(ours[name]), np.array(mark[name])
        residual = [np.median(np.abs(p[:, 0])) for p in pair]
        worst = [np.abs(p[:, 0]).max() for p in pair]
        loss = [p[:, 1].mean() for p in pair]
        limit = 2.0 if "gpt" in name else 3.0
        what = f"{name}: |residual| pp"
        if case.name == "Claude Code":  # six sessions, one of them half of all: no fair halves
            table.shown(what, f"{residual[0]:.2f}", f"ten lines {residual[1]:.2f}")
        else:
            table.at_most(f"{what} (ten lines {residual[1]:.2f})", limit, residual[0])
        table.shown(f"{name}: worst split pp", f"{worst[0]:.1f}", f"ten lines {worst[1]:.1f}")
        if name.startswith("all"):
            table.at_most(f"{name}: log loss of hit or miss (mark: ten lines)", loss[1], loss[0])
        else:
            table.shown(f"{name}: log loss", f"{loss[0]:.3f}", f"ten lines {loss[1]:.3f}")


def _judged(case: Case, left_out: Rows) -> list[tuple[str, Rows]]:
    """Each model by agent, each model, and all calls, of the sessions left out."""
    model = np.array(case.trace.dims["model"].texts())
    parts = [(name, case.group == name) for name in np.unique(case.group).tolist()]
    parts += [(f"{name} (all agents)", model == name) for name in np.unique(model).tolist()
              if len(np.unique(case.group[model == name])) > 1]  # fmt: skip
    parts.append(("all calls", np.ones(case.trace.n, np.bool_)))
    return [(name, rows & left_out) for name, rows in parts if (rows & left_out).any()]


def _transfer(swe: Case, retail: Case, table: Table) -> None:
    table.title("transfer: fitted on miniswe, judged on tau2's Gemini")
    rows = np.char.startswith(retail.group, "gemini")
    served = retail.served(swe.model.fit)
    same, other = np.full(swe.trace.n, "any"), np.full(retail.trace.n, "any")
    ten = TenLines.fitted(swe.trace, same, np.ones(swe.trace.n, np.bool_))
    hit = retail.trace.cache_read[rows] > 0
    ours = log_loss(served.hit[rows], hit)
    theirs = log_loss(ten.chance(retail.trace, other)[rows], hit)
    table.at_most("log loss (mark: ten lines)", theirs, ours)
    residual = abs(retail.residual_pp(served.tokens, rows))
    mark = abs(retail.residual_pp(ten.tokens(retail.trace, other), rows))
    table.at_most("|residual| pp (mark: ten lines)", mark, residual)
    # This model serves nothing from about 8,000 to 16,400 tokens, which no other log can tell.
    size = retail.trace.input_tokens
    served_sizes = rows & ((size < 8000) | (size > 17400))
    text = f"{abs(retail.residual_pp(served.tokens, served_sizes)):.2f}"
    mark_text = f"{abs(retail.residual_pp(ten.tokens(retail.trace, other), served_sizes)):.2f}"
    table.shown("|residual| pp at sizes that are cached at all", text, f"ten lines {mark_text}")


def _clocks(swe: Case, retail: Case, prices: PriceBook, table: Table) -> None:
    table.title("a clock, new on every call, at position p of one session")
    for case in (swe, retail):
        for position in (1, 2, 5, 12):
            done = [cache_edits.clock(case.log, prices, s, position) for s in range(0, 40, 8)]
            what = f"{case.name} p={position}, {sum(d.calls for d in done)} calls"
            table.equal(f"{what}: read beyond p", 0, sum(d.above_p for d in done))
            table.equal(f"{what}: other calls moved", 0, sum(d.others_moved for d in done))
            read = sum(d.cached_before for d in done), sum(d.cached_after for d in done)
            table.shown(f"{what}: cached tokens", f"{read[0]:,} -> {read[1]:,}")


def _broken(code: Case, table: Table) -> None:
    table.title("Claude Code: fitted on unbroken sessions, judged on those that compaction broke")
    breaks = _leaves_history(code)
    broken = np.isin(code.trace.session, code.trace.session[breaks])
    served = code.served(code.fitted(~broken))
    ten = TenLines.fitted(code.trace, np.full(code.trace.n, "any"), ~broken)
    mark = ten.tokens(code.trace, np.full(code.trace.n, "any"))
    table.shown(
        "sessions broken / unbroken", f"{_sessions(code, broken)} / {_sessions(code, ~broken)}"
    )
    residual = [abs(code.residual_pp(t, broken)) for t in (served.tokens, mark)]
    table.at_most("|residual| pp there (mark: ten lines)", max(residual[1], 2.0), residual[0])
    read = code.trace.cache_read[breaks].sum()
    off = [abs(t[breaks].sum() / read - 1.0) for t in (served.tokens, mark)]
    table.at_most(f"cached tokens at the breaks, share off (ten lines {off[1]:.2f})", 0.15, off[0])


def _leaves_history(case: Case) -> NDArray[np.int64]:
    """Calls that do not begin with the last request of their session, agent and model."""
    trace, last, found = case.trace, {}, []
    keys = zip(trace.session.tolist(), case.group.tolist(), strict=True)
    for call, key in enumerate(keys):
        before = trace.request.row(last[key]) if key in last else trace.request.row(call)[:0]
        if not np.array_equal(trace.request.row(call)[: len(before)], before):
            found.append(call)
        last[key] = call
    return np.array(found, np.int64)


def _sessions(case: Case, rows: Rows) -> int:
    return len(np.unique(case.trace.session[rows]))


def _laws(cases: tuple[Case, ...], table: Table) -> None:
    table.title("laws on real traces")
    for case in cases:
        view = View.of(case.trace)
        same = rebill_leaves(view, view.edited(request=view.request), case.model)
        moved = int((same.leaves != case.trace.leaves).sum())
        table.equal(f"{case.name}: leaves that an empty edit moves", 0, moved)
    openai = np.char.startswith(cases[1].group, "gpt")
    odd = int((cases[1].trace.cache_read[openai] % 128 > 0).sum())
    table.equal("OpenAI reads that are no multiple of 128", 0, odd)
    limit = cases[1].model.recorded.limit[openai]
    table.equal("OpenAI limits of the model that are none", 0, int((limit % 128 > 0).sum()))


def _never_cached(shared: Path, prices: PriceBook, table: Table) -> None:
    table.title("models that never had a prompt cache")
    for name in ("acr-gpt4", "sweagent-java"):
        log = loaded(by_source(shared / "traces" / name))
        report = cache_report(log.trace, prices, token_counter(log.trace, log.texts), log.texts)
        for what in ("recorded_share", "modelled_share"):
            share = getattr(report, what)
            table.equal(f"{name} {what}", 0.0, 0.0 if share is None else share)


def _blocks(shared: Path, table: Table) -> None:
    table.title("blocks: unlimited memory, no expiry")
    view = View.of(loaded(mooncake(shared)).trace)
    started = time.perf_counter()
    share = ideal_block_share(view)
    table.near("Mooncake ideal share of blocks", 0.3664, share, 0.00005)
    table.in_time("the replay of it", 10.0, time.perf_counter() - started)
    rows = [[1, 2, 3, 4], [9, 2, 3, 4], [1, 2, 9, 4], [1, 2, 3, 5]]
    view = View.of(trace_of([_of_blocks(i, row) for i, row in enumerate(rows)]))
    table.equal("generated trace: longest prefix", 5 / 16, ideal_block_share(view))
    seen: set[int] = set()
    reused = 0
    for row in rows:
        reused += sum(b in seen for b in row)
        seen |= set(row)
    table.equal("generated trace: any block, which no provider serves", 10 / 16, reused / 16)


def _of_blocks(number: int, row: list[int]) -> Call:
    blocks = [Segment(SegmentKind.BLOCK, "", tokens=512, digest=b.to_bytes(16, "big")) for b in row]
    used = inside(Counts(input=512 * len(row)))
    return Call(key=str(number), usage=used, at_us=number * 10**6, source_line=number + 1,
                request=blocks, response=[])  # fmt: skip


def _speed(retail: Case, prices: PriceBook, table: Table) -> None:
    table.title("speed")

    def report() -> object:
        counter = token_counter(retail.trace, retail.log.texts)
        return cache_report(retail.trace, prices, counter, retail.log.texts)

    table.in_time("cache_report of tau2, 3,228 calls", 3.0, _seconds(report))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
