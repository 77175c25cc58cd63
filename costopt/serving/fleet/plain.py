"""A routed fleet, replica by replica and step by step: the specification of `kernel.py`.

All replicas are brought to the moment of each arrival before it is routed: a step that began earlier
runs to its end, none begins. A request that has ended by then no longer counts as in flight.
"""

from __future__ import annotations

from collections import deque
from math import ceil, inf, nan

import numpy as np

from costopt.serving.core.plain import PlainReplica, Seq
from costopt.serving.core.terms import Limits, StepCost, Workload
from costopt.serving.fleet.terms import (
    BALANCE_RATIO,
    BALANCE_REQUESTS,
    PREFIX_SHARE,
    Routing,
    Scaling,
    Signal,
)

NOTHING = Workload(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


class Server(PlainReplica):
    """A replica that is sent requests one by one."""

    def __init__(self, cost: StepCost, limits: Limits) -> None:
        super().__init__(NOTHING, cost, limits)
        self.rows: list[int] = []
        """Its requests by their rows in the fleet's workload."""
        self.active, self.draining, self.ready_s = False, False, inf
        self.paid_from, self.paid_s = nan, 0.0

    @property
    def rented(self) -> bool:
        return self.paid_from == self.paid_from

    def send(self, row: int, prompt: int, output: int, ids: list[int], moment: float) -> None:
        """One more request."""
        self.seqs.append(Seq(self.issued, prompt, output, ids))
        for column, empty in ((self.arrive, nan), (self.ready, inf), (self.start, nan),
                              (self.first, nan), (self.end, nan)):  # fmt: skip
            column.append(empty)
        self.hits.append(0)
        self.rows.append(row)
        self.issue(moment)
        self.left += 1

    def until(self, moment: float) -> None:
        """All steps that begin before this moment."""
        while self.left:
            idle = not self.running and not self.waiting
            if max(self.now, self.ready[self.arrived] if idle else self.now) >= moment:
                return
            self.step()

    def in_flight(self, moment: float) -> int:
        """Requests sent and not ended by this moment."""
        return sum(not end <= moment for end in self.end)

    @property
    def waits(self) -> int:
        """Requests sent that the engine has not let in, or has sent back to the queue."""
        return self.issued - self.arrived + len(self.waiting)

    def cached(self, prompt: int, ids: list[int]) -> int:
        """Blocks of a prompt that it has."""
        return len(self.pool.find(ids[: (prompt - 1) // self.limits.block_tokens]))


class PlainFleet:
    """Routes a workload over at most `most` replicas."""

    def __init__(
        self, load: Workload, most: int, cost: StepCost, limits: Limits, routing: Routing,
        scaling: Scaling | None = None,
    ) -> None:  # fmt: skip
        self.load, self.routing, self.scaling = load, routing, scaling
        self.servers = [Server(cost, limits) for _ in range(most)]
        self.turn = most - 1
        self.wishes: deque[tuple[float, int]] = deque()
        self.moves: list[tuple[float, int]] = []
        for server in self.servers[: scaling.minimum if scaling else most]:
            server.active, server.paid_from = True, 0.0

    def run(self, rows: list[int], until_s: float) -> None:
        """These requests; machines are paid until `until_s` or their last answer."""
        offsets, ids = self.load.offsets().tolist(), self.load.block_ids.tolist()
        prompts, outputs = self.load.prompt_tokens.tolist(), self.load.output_tokens.tolist()
        self.next_s = self.scaling.period_s if self.scaling else inf
        for row in rows:
            moment = float(self.load.arrive_s[row])
            self.scale_until(moment)
            self.settle(moment)
            own = (
                ids[offsets[row] : offsets[row + 1]]
                if self.servers[0].limits.prefix_caching
                else []
            )
            server = self.choose(prompts[row], own, moment)
            server.send(row, prompts[row], outputs[row], own, moment)
        self.scale_until(until_s)
        for server in self.servers:
            server.until(inf)
            if server.rented:
                last = max(server.end, default=0.0)
                server.paid_s += max(until_s, last) - server.paid_from

    def settle(self, moment: float) -> None:
        """Everybody at this moment; who has started takes requests."""
        for server in self.servers:
            server.until(moment)
            if server.ready_s <= moment:
                server.active, server.ready_s = True, inf

    def choose(self, prompt: int, ids: list[int], moment: float) -> Server:
        """Who gets the request."""
        turn = [(self.turn + 1 + i) % len(self.servers) for i in range(len(self.servers))]
        open_to = [i for i in turn if self.servers[i].active and not self.servers[i].draining]
        chosen = open_to[0]
        if self.routing != Routing.ROUND_ROBIN:
            loads = {i: self.servers[i].in_flight(moment) for i in open_to}
            chosen = min(open_to, key=lambda i: loads[i])
            if self.routing == Routing.PREFIX_AWARE:
                least, largest = min(loads.values()), max(loads.values())
                uneven = largest - least > BALANCE_REQUESTS and largest > BALANCE_RATIO * least
                hits = {i: self.servers[i].cached(prompt, ids) for i in open_to}
                best = max(open_to, key=lambda i: (hits[i], -loads[i]))
                size = self.servers[best].limits.block_tokens
                if not uneven and hits[best] * size >= PREFIX_SHARE * prompt:
                    chosen = best
        self.turn = chosen
        return self.servers[chosen]

    def scale_until(self, moment: float) -> None:
        """Every decision that falls before this moment."""
        while self.scaling and self.next_s < moment:
            self.settle(self.next_s)
            self.decide(self.scaling, self.next_s)
            self.next_s += self.scaling.period_s

    def decide(self, scaling: Scaling, moment: float) -> None:
        """One look at the signal."""
        for server in self.servers:
            if server.draining and not server.in_flight(moment):
                server.paid_s += moment - server.paid_from
                server.paid_from, server.draining, server.active = nan, False, False
        staying = [s for s in self.servers if s.rented and not s.draining]
        wish = self.wish(scaling, moment, len(staying))
        self.wishes.append((moment, wish))
        while self.wishes[0][0] <= moment - scaling.settle_s:
            self.wishes.popleft()
        if wish > len(staying):
            self.grow(wish - len(staying), moment + scaling.start_s, moment)
        else:
            self.shrink(len(staying) - max(wish for _, wish in self.wishes), moment)
        rented = sum(server.rented for server in self.servers)
        if not self.moves or self.moves[-1][1] != rented:
            self.moves.append((moment, rented))

    def wish(self, scaling: Scaling, moment: float, now: int) -> int:
        """Replicas that the signal asks for."""
        total = 0
        for server in self.servers:
            waits = scaling.signal == Signal.QUEUE
            total += server.waits if waits else server.in_flight(moment)
        wanted = total / scaling.target
        if abs(wanted / now - 1.0) <= scaling.tolerance:
            return now
        return min(max(ceil(wanted), scaling.minimum), len(self.servers))

    def grow(self, more: int, ready_s: float, moment: float) -> None:
        """Those on their way out first, then new ones."""
        for server in self.servers:
            if more and server.draining:
                server.draining = False
                more -= 1
        for server in self.servers:
            if more and not server.rented:
                server.paid_from, server.ready_s = moment, ready_s
                more -= 1

    def shrink(self, fewer: int, moment: float) -> None:
        """The last ones take no more requests; who has not started yet is given up at once."""
        for server in reversed(self.servers):
            if fewer > 0 and server.rented and not server.draining:
                fewer -= 1
                server.draining = server.active
                if not server.active:
                    server.paid_s += moment - server.paid_from
                    server.paid_from, server.ready_s = nan, inf
