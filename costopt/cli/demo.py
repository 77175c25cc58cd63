"""`costopt demo`: an audit of a packed sample; no export, no key, no network, nothing written."""

from __future__ import annotations

import time
from typing import Annotated

import typer


def demo(
    json: Annotated[bool, typer.Option("--json", help="The result JSON alone on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no hints.")] = False,
) -> None:
    """An audit of a packed sample: no export, no key, no network."""
    from costopt.cli.show_result import print_result
    from costopt.wiring.auditing import audit as run
    from costopt.wiring.samples import demo_options

    started = time.perf_counter()
    options = demo_options(json, quiet)
    done = run(options, [])
    print_result(done.result, options, time.perf_counter() - started, sample=True)
