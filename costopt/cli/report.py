"""`costopt report [RESULT] --html F --png DIR --md F`: the result for people who were not there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def report(
    result: Annotated[
        str | None,
        typer.Argument(help="A result JSON, a trace, or - for stdin. None: the last audit's set."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write the charts into this folder.")] = None,
    md: Annotated[Path | None, typer.Option(help="Write Markdown.")] = None,
    db: Annotated[Path | None, typer.Option(help="Ledger of the last audit.")] = None,
) -> None:
    """HTML, PNG charts and Markdown of a result; from traces too."""
    from costopt.errors import UsageError
    from costopt.wiring.auditing import result_of

    if not (html or png or md):
        raise UsageError(
            "nothing to write.", hint="costopt report --html report.html --png charts/"
        )
    found = result_of(result, db)
    if html:
        from costopt.report.render.html import html_report

        _write(html, html_report(found))
    if md:
        from costopt.report.render.markdown import markdown_report

        _write(md, markdown_report(found))
    if png:
        from costopt.report.render.png import png_report

        for path in png_report(found, png):
            typer.echo(f"wrote {path}", err=True)


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        sys.stdout.write(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {path}", err=True)
