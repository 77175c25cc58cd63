"""`costopt report [RESULT] --html F --png DIR --md F`: the result for people who were not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from costopt.cli.options import reads_traces
from costopt.wiring.request import TraceOptions


@reads_traces
def report(
    options: TraceOptions,
    *,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the charts into this folder.")] = None,
    md: Annotated[Path | None, typer.Option(help="Write Markdown.")] = None,
) -> None:
    """HTML, PNG charts and Markdown of a result; from traces too.

    TRACES may be a result JSON (a file, or - for stdin) or traces. None: the last audit.
    """
    from costopt.errors import UsageError
    from costopt.wiring.auditing import result_of

    if not (html or png or md or options.json):
        raise UsageError(
            "nothing to write.", hint="costopt report --html report.html --png charts/"
        )
    found = result_of(options)
    if html:
        from costopt.report.render.html import html_report

        _write(html, html_report(found), options.quiet)
    if md:
        from costopt.report.render.markdown import markdown_report

        _write(md, markdown_report(found), options.quiet)
    if png:
        from costopt.report.render.png import png_report

        with _told(png):
            charts = png_report(found, png)
        for path in charts:
            _wrote(path, options.quiet)
    if options.json:
        from costopt.report.render.json import result_json

        typer.echo(result_json(found))


def _write(path: Path, text: str, quiet: bool) -> None:
    if str(path) == "-":
        sys.stdout.write(text)
        return
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _wrote(path, quiet)


def _wrote(path: Path, quiet: bool) -> None:
    from costopt.wiring.reading import tell

    tell(f"wrote {path}", quiet=quiet)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the disk refuses, as a sentence."""
    from costopt.errors import UsageError

    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}.", where=str(path)) from error
