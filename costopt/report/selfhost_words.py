"""The sentences of `costopt selfhost`: its verdict, and what its figures rest on."""

from __future__ import annotations

from collections.abc import Iterator

from costopt.report.selfhost import Even, Fleet, Rents, SelfHosting
from costopt.report.words import dollars, places_for

WINDOW_H = 24.0
ALL = "all the time"


def money(usd: float) -> str:
    """`$3.10`; three digits where it is little, whole dollars where it is much."""
    return dollars(usd, 0) if abs(usd) >= 1_000 else dollars(usd, min(places_for(usd), 4))


def span(rents: Rents) -> str:
    """`$19-48`, one figure where they are equal."""
    low, high = (f"{money(v)}" if v < 10 else f"${v:,.0f}" for v in (rents.low, rents.high))
    return low if low == high else f"{low}-{high.removeprefix('$')}"


def times(multiple: float) -> str:
    """`21x`, `0.4x`."""
    return f"{multiple:,.0f}x" if multiple >= 10 else f"{multiple:.3g}x"


def count_text(count: float) -> str:
    """`27,000`, `23.6`."""
    return f"{count:,.0f}" if count >= 100 else f"{count:.3g}"


def tokens(count: float) -> str:
    """`1.2B`, `340M`, `12k`: tokens."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= limit:
            value = count / limit
            return f"{value:,.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"
    return f"{count:,.0f}"


def minutes(seconds: float) -> str:
    """`5 minutes`, `6 hours`."""
    if seconds >= 7_200:
        return f"{seconds / 3600:.2g} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def verdict(found: SelfHosting) -> str:
    """What a reader should take away, in two or three sentences."""
    best = found.best
    if best is None:
        return f"{found.model} cannot be served on any of the GPUs asked for."
    rent, api = best.usd_per_day, found.bill.compared_usd_per_day
    fleet = f"{best.name} costs {span(rent)} a day"
    bill = f"the API {money(api)}" + (" after the other layers" if found.bill.layers else "")
    where = (
        f"{found.traffic.scale:g} times this traffic"
        if found.traffic.scale != 1
        else "this traffic"
    )
    if not best.keeps_level:
        return f"The level is missed at {where}: {fleet}, {bill}. {_idle(best)}"
    even = best.break_even["typical"]
    if rent.low >= api:
        head = f"Renting does not pay at {where}: {fleet}, {bill}."
        return " ".join([head, begins(even), _idle(best)])
    if rent.high <= api:
        return f"Renting pays at {where}: {fleet}, {bill}. {_proof(found)} {_idle(best)}"
    head = f"Whether renting pays at {where} hangs on the rent: {fleet}, {bill}."
    return " ".join([head, begins(even), _idle(best)])


def when(even: Even) -> str:
    """`from 21x`, `never`."""
    return "never" if even.multiple is None else f"from {times(even.multiple)}"


def begins(even: Even) -> str:
    """From when on it pays, or why it never does."""
    if even.multiple is None:
        return f"It pays at no traffic: {even.reason}."
    word = "It begins to pay at" if even.multiple > 1 else "It pays from"
    return (
        f"{word} {times(even.multiple)} today's ({tokens(even.tokens_per_day or 0)} tokens a day)."
    )


def _idle(fleet: Fleet) -> str:
    """Hours of the rented time in which nothing is asked."""
    hours = fleet.idle_gpu_hours_per_day
    rented = hours / (1 - fleet.utilisation) if fleet.utilisation < 1 else hours
    return f"Idle {hours:,.1f} of {rented:,.1f} GPU-hours a day."


def _proof(found: SelfHosting) -> str:
    """Dollars say nothing of the answers."""
    quality = found.quality
    if quality.status != "measured" or quality.loss is None:
        return "Whether the answers are as good is UNVERIFIED."
    return f"A replay lost {100 * max(quality.loss, 0.0):.1f} % of the right answers."


def assumptions(found: SelfHosting) -> Iterator[str]:
    """What the figures rest on, the weightiest first."""
    traffic = found.traffic
    if found.assumed:
        yield (
            "The level (TTFT 5 s, TPOT 100 ms, for 95 %) is an assumption: state your own."
            if set(found.assumed) >= {"ttft_ms", "tpot_ms"}
            else (f"Of the level nobody stated {', '.join(found.assumed)}: an assumption.")
        )
    if traffic.source == "log" and traffic.log_hours < WINDOW_H and not traffic.window_is_stated:
        yield (
            f"The log's {traffic.log_hours:.3g} hours count as a whole day, whose rent is charged;"
            f" --hours {max(traffic.log_hours, 1):.0f}: they are traffic as it is all day."
        )
    if traffic.source == "log":
        yield (
            "More traffic is this traffic laid over itself, the copies up to"
            f" {minutes(traffic.copies_apart_s)} apart: its peaks grow with it."
        )
    if traffic.source != "log":
        yield (
            f"Times and lengths are the file's ({traffic.days * 24:.3g} hours, as if they went on all"
            " day), without shared prefixes; its bill is the log's price a token."
        )
    if any(move.get("output_basis") == "assumed" for move in traffic.moves):
        ratio = found.settings.get("output_ratio", 1.0)
        much = "as much" if ratio == 1 else f"{ratio:g} times as much"
        yield f"The model writes {much} as the logged one (not measured): --output-ratio."
    yield f"Texts are counted as the model would: {traffic.counted}."
    yield "Latency is simulated, not measured: costopt selfhost calibrate measures a server."
    yield "Operating the machines is in no rent. Tomorrow's peaks may be higher."
