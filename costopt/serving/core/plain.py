"""One replica, step by step: continuous batching as vLLM V1 schedules it. The specification.

Each turn is one engine step: running sequences first (decodes one token, prompts what the budget of
`max_num_batched_tokens` leaves), then waiting ones in order of arrival, chunked to fit. Where blocks
run out the sequence admitted last gives its own back and is computed anew later. `kernel.py` gives
the same with equal steps taken at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil, floor, inf, nan

from costopt.serving.core.blocks import PlainBlocks
from costopt.serving.core.terms import Limits, Pace, StepCost, Workload, paces

DONE = 1e-9
"""Rounding of fractional tokens (speculation gains 2.4 a step)."""


@dataclass(slots=True, eq=False)
class Seq:
    """A request inside the engine."""

    row: int
    prompt: int
    output: int
    ids: list[int]
    produced: float = 0.0
    computed: int = 0
    decoding: bool = False
    blocks: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Tokens known: the prompt and what was produced."""
        return self.prompt + floor(self.produced + DONE)


def windowed_pairs(before: int, tokens: int, window: int) -> int:
    """Pairs of `tokens` after `before` others when each looks back at most `window`, itself included."""
    growing = min(tokens, max(window - before, 0))
    return growing * before + growing * (growing + 1) // 2 + (tokens - growing) * window


def at(table: list[float], index: float) -> float:
    """A table's entry, a straight line between two; beyond its end the last slope goes on."""
    low = min(int(index), len(table) - 2)
    return table[low] + (index - low) * (table[low + 1] - table[low])


def draft_share(decodes: int, verified: float) -> int:
    """What one more decoding sequence takes of a step's budget: whole tokens, their mean exact."""
    each = 1.0 + verified
    return ceil((decodes + 1) * each - DONE) - ceil(decodes * each - DONE)


class PlainReplica:
    """Runs a workload; the columns are those of `Run`."""

    def __init__(self, load: Workload, cost: StepCost, limits: Limits) -> None:
        self.limits, self.load = limits, load
        self.paces = paces(cost, limits)
        self.tables = [(p.cost.tokens_s.tolist(), p.cost.head_s.tolist()) for p in self.paces]
        self.level = 0
        self.pool = PlainBlocks(limits.kv_blocks)
        offsets, ids = load.offsets().tolist(), load.block_ids.tolist()
        sizes = zip(load.prompt_tokens.tolist(), load.output_tokens.tolist(), strict=True)
        self.seqs = [
            Seq(i, p, o, ids[offsets[i] : offsets[i + 1]] if limits.prefix_caching else [])
            for i, (p, o) in enumerate(sizes)
        ]
        self.arrive, self.ready = [nan] * load.n, [inf] * load.n
        self.start, self.first, self.end = [nan] * load.n, [nan] * load.n, [nan] * load.n
        self.hits = [0] * load.n
        self.running: list[Seq] = []
        self.waiting: deque[Seq] = deque()
        self.issued, self.arrived, self.now, self.reader_free = 0, 0, 0.0, -inf
        self.steps = self.preemptions = self.prefill_tokens = self.peak = 0
        self.busy_s = 0.0
        self.left = load.n

    @property
    def pace(self) -> Pace:
        """How sequences draft in this step."""
        return self.paces[self.level]

    def run(self) -> None:
        """Until every request has ended."""
        if self.load.concurrency:
            for _ in range(min(self.load.concurrency, self.load.n)):
                self.issue(0.0)
        else:
            for moment in self.load.arrive_s.tolist():
                self.issue(moment)
        while self.left:
            self.step()

    def issue(self, moment: float) -> None:
        """The next request leaves its client; the one process in front of the engine reads it."""
        row = self.issued
        cost_s = self.limits.frontend_s + self.limits.frontend_token_s * self.seqs[row].prompt
        self.reader_free = max(moment, self.reader_free) + cost_s
        self.arrive[row], self.ready[row] = moment, self.reader_free
        self.issued += 1

    def arrivals(self) -> None:
        """Who is there by now joins the queue; an idle engine waits for the next one."""
        if not self.running and not self.waiting:
            self.now = max(self.now, self.ready[self.arrived])
        while self.arrived < self.issued and self.ready[self.arrived] <= self.now:
            self.waiting.append(self.seqs[self.arrived])
            self.arrived += 1

    def step(self) -> None:
        """Schedule, compute, hand out tokens."""
        self.arrivals()
        work, preempted = self.schedule_running()
        if not preempted and len(work) == len(self.running):
            self.schedule_waiting(work)
        self.peak = max(self.peak, self.limits.kv_blocks - len(self.pool.free))
        spent = self.cost_of(work)
        self.now += spent
        self.busy_s += spent
        self.steps += 1
        for seq, tokens in work:
            self.advance(seq, tokens)

    def schedule_running(self) -> tuple[list[tuple[Seq, int]], bool]:
        """Tokens for those that run already; whether one of them had to go."""
        budget, work, preempted = self.limits.max_num_batched_tokens, [], False
        running, decodes = len(self.running), 0
        self.level = max(i for i, one in enumerate(self.paces) if one.running <= running)
        for seq in list(self.running):
            wanted = seq.length - seq.computed
            tokens = min(wanted, budget) if self.limits.chunked else wanted
            upto = seq.computed + tokens
            if seq.decoding:
                tokens = draft_share(decodes, self.pace.verified)
                upto = seq.length + self.pace.draft_tokens
            if tokens == 0 or (seq.decoding and tokens > budget) or seq not in self.running:
                break
            while not self.grow(seq, upto) and seq in self.running:
                self.preempt()
                preempted = True
            if seq not in self.running:
                break
            work.append((seq, tokens))
            budget -= tokens
            decodes += seq.decoding
        return work, preempted

    def grow(self, seq: Seq, tokens: int) -> bool:
        """Blocks for so many tokens; False where there are not enough."""
        new = -(-tokens // self.limits.block_tokens) - len(seq.blocks)
        if not self.pool.fits(new, ()):
            return False
        seq.blocks.extend(self.pool.take() for _ in range(new))
        if not seq.decoding:
            self.remember(seq, tokens)
        return True

    def remember(self, seq: Seq, tokens: int) -> None:
        """The full blocks of the first `tokens` tokens can be found from now on."""
        full = tokens // self.limits.block_tokens
        for block, one in zip(seq.blocks[:full], seq.ids, strict=False):
            self.pool.name(block, one)

    def release(self, seq: Seq) -> None:
        """All blocks go back; what of the answer was computed can be found."""
        if seq.decoding:
            self.remember(seq, seq.length - 1)
        self.pool.give_back(seq.blocks)
        seq.blocks, seq.computed, seq.decoding = [], 0, False

    def preempt(self) -> None:
        """The last admitted goes back to the front of the queue and loses what it computed."""
        seq = self.running.pop()
        self.release(seq)
        self.waiting.appendleft(seq)
        self.preemptions += 1

    def schedule_waiting(self, work: list[tuple[Seq, int]]) -> None:
        """Admit in order while tokens, seats and blocks last; the first that cannot stops the rest."""
        budget = self.limits.max_num_batched_tokens - sum(tokens for _, tokens in work)
        size = self.limits.block_tokens
        while self.waiting and budget > 0 and len(self.running) < self.limits.max_num_seqs:
            seq = self.waiting[0]
            found = self.pool.find(seq.ids[: (seq.length - 1) // size])
            known = len(found) * size
            tokens = seq.length - known
            if tokens > budget and not self.limits.chunked and work:
                return
            tokens = min(tokens, budget) if self.limits.chunked else tokens
            if not self.pool.fits(-(-(known + tokens) // size) - len(found), found):
                return
            self.admit(seq, found)
            self.grow(seq, known + tokens)
            work.append((seq, tokens))
            budget -= tokens

    def admit(self, seq: Seq, found: list[int]) -> None:
        """Out of the queue, with what the cache has of it."""
        self.waiting.popleft()
        for block in found:
            self.pool.hold(block)
        seq.blocks, seq.computed = list(found), len(found) * self.limits.block_tokens
        self.running.append(seq)
        if self.start[seq.row] != self.start[seq.row]:
            self.start[seq.row], self.hits[seq.row] = self.now, seq.computed

    def cost_of(self, work: list[tuple[Seq, int]]) -> float:
        """Seconds of a step; the sum of the pace's `StepCost`."""
        cost, window = self.pace.cost, self.pace.cost.window
        decodes = [seq for seq, _ in work if seq.decoding]
        prompts = [(seq, tokens) for seq, tokens in work if not seq.decoding]
        ends = sum(seq.computed + tokens == seq.length for seq, tokens in prompts)
        context = sum(seq.prompt + seq.produced for seq in decodes)
        near = sum(min(seq.prompt + seq.produced, window) for seq in decodes)
        pairs = sum(n * seq.computed + n * (n + 1) // 2 for seq, n in prompts)
        near_pairs = sum(windowed_pairs(seq.computed, n, window) for seq, n in prompts)
        positions = len(decodes) * (1.0 + self.pace.verified)
        tokens_s, head_s = self.tables[self.level]
        return (
            cost.base_s
            + (cost.mixed_s if prompts else 0.0)
            + cost.seq_s * len(work)
            + at(tokens_s, positions + sum(tokens for _, tokens in prompts))
            + at(head_s, positions + ends)
            + cost.kv_s * context
            + cost.kv_window_s * near
            + cost.pair_s * pairs
            + cost.pair_window_s * near_pairs
        )

    def advance(self, seq: Seq, tokens: int) -> None:
        """What a step gives a sequence."""
        if seq.decoding:
            seq.produced += self.pace.tokens_per_step
        else:
            seq.computed += tokens
            self.prefill_tokens += tokens
            if seq.computed < seq.length:
                return
            seq.decoding = True
            seq.produced += 1.0
            if self.first[seq.row] != self.first[seq.row]:
                self.first[seq.row] = self.now
        if seq.produced >= seq.output - DONE:
            self.running.remove(seq)
            self.release(seq)
            self.end[seq.row] = self.now
            self.left -= 1
            if self.load.concurrency and self.issued < self.load.n:
                self.issue(self.now)
