"""`costopt report [RESULT] --html F --png DIR --md F`: the result for people who were not there."""

from __future__ import annotations

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
    from costopt.wiring.reading import tell
    from costopt.wiring.writing import told, write_text

    if not (html or png or md or options.json):
        raise UsageError(
            "nothing to write.", hint="costopt report --html report.html --png charts/"
        )
    found = result_of(options)
    if html:
        from costopt.report.render.html import html_report

        write_text(html, html_report(found), quiet=options.quiet)
    if md:
        from costopt.report.render.markdown import markdown_report

        write_text(md, markdown_report(found), quiet=options.quiet)
    if png:
        from costopt.report.render.png import png_report

        with told(png):
            charts = png_report(found, png)
        for path in charts:
            tell(f"wrote {path}", quiet=options.quiet)
    if options.json:
        from costopt.report.render.json import result_json

        typer.echo(result_json(found))
