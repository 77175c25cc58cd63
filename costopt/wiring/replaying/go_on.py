"""The exact command that sends a plan, or goes on with a run that was stopped."""

from __future__ import annotations

import shlex
from pathlib import Path

from costopt.wiring.replaying.wishes import Wishes
from costopt.wiring.request import DEFAULT_POLICY, TraceOptions


def command(options: TraceOptions, policy: Path | None, wishes: Wishes, *more: str) -> str:
    """As it is typed again, without `--plan-only`; names of variables, never a key."""
    words = ["costopt replay"]
    if options.no_store or options.db is None:
        words += [shlex.quote(t) for t in options.traces]
    flags: list[tuple[str, object]] = [
        ("--policy", policy if policy is not None and policy != DEFAULT_POLICY else None),
        ("--base-url", wishes.base_url), ("--api", wishes.api), ("--api-key-env", wishes.api_key_env),
        *(("--model-map", m) for m in wishes.model_map), ("--sample", wishes.sample),
        ("--target-ci", wishes.target_ci), ("--budget", wishes.budget),
        ("--concurrency", wishes.concurrency), ("--max-output-tokens", wishes.max_output_tokens),
        ("--judge", wishes.judge), ("--embedder", wishes.embedder),
        ("--batch-patience", wishes.batch_patience if wishes.batch_patience != "10m" else None),
        ("--out", wishes.out), ("--db", options.db), ("--since", options.since), ("--until", options.until),
        *(("--where", w) for w in options.where), ("--tz", options.tz if options.tz != "UTC" else None),
        ("--prices", options.prices), ("--as-of", options.as_of), ("--ranks", options.ranks),
        ("--seed", options.seed or None),
    ]  # fmt: skip
    words += [f"{flag} {shlex.quote(str(value))}" for flag, value in flags if value is not None]
    switches = (
        ("--live", wishes.live), ("--cold", wishes.cold), ("--no-isolate", not wishes.isolate),
        ("--batch", wishes.batch is True), ("--no-batch", wishes.batch is False),
        ("--no-store", options.no_store),
    )  # fmt: skip
    return " ".join([*words, *(flag for flag, given in switches if given), *more])
