"""`costopt explain NAME`: the page of a finding, check, format, layer, assumption or number."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(
    name: Annotated[
        str, typer.Argument(help="A name, or a kind: findings, formats, numbers.")
    ] = "",
) -> None:
    """What a finding, check, format, layer, assumption or number means."""
    from costopt.errors import UsageError, nearest
    from costopt.wiring.pages import all_pages, page

    pages = all_pages()
    kinds = sorted({kind for kind, _ in pages})
    if not name or name in kinds:
        for kind in [name] if name else kinds:
            typer.echo(f"{kind}:")
            for other, title in pages:
                if other == kind:
                    typer.echo(f"  {title}")
        return
    text = page(name)
    if text is None:
        known = [title for _, title in pages]
        raise UsageError(
            f"nothing is called `{name}`.",
            hint=f"{nearest(name, known)} All names: costopt explain".strip(),
        )
    typer.echo(text)
