"""`costopt explain NAME`: the page of a finding, check, format, layer, assumption or number."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer


def explain(
    name: Annotated[
        str, typer.Argument(help="A name, a kind (findings, checks, formats, numbers), or: schema.")
    ] = "",
) -> None:
    """What a finding, check, format, layer, assumption or number means."""
    from costopt.errors import UsageError, nearest
    from costopt.model.escape import fit
    from costopt.wiring.pages import all_pages, first_line, page

    columns = shutil.get_terminal_size((80, 40)).columns

    if name == "schema":
        from costopt.report.render.schema import PUBLISHED

        typer.echo(PUBLISHED.read_text(encoding="utf-8"), nl=False)
        return
    pages = all_pages()
    kinds = sorted({kind for kind, _ in pages})
    if not name or name in kinds:
        for kind in [name] if name else kinds:
            typer.echo(f"{kind}:")
            mine = [title for other, title in pages if other == kind]
            room = max(len(title) for title in mine)
            for title in mine:
                typer.echo(fit(f"  {title:<{room}}  {first_line(kind, title)}", columns))
        return
    text = page(name)
    if text is None:
        known = [title for _, title in pages]
        raise UsageError(
            f"nothing is called `{name}`.",
            hint=f"{nearest(name, known)} All names: costopt explain".strip(),
        )
    typer.echo(text)
