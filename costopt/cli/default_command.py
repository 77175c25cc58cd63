"""A group whose first word may be left out: what names no subcommand goes to its main job.

Contexts are `Any`: which click they are of, its own or a copy inside typer, is a matter of typer's version.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

MAIN = "fleet"
"""The hidden command that the group itself stands for."""
_HELP = ("-h", "--help")


class DefaultGroup(TyperGroup):
    """`costopt selfhost traces.jsonl --model M` is `costopt selfhost fleet traces.jsonl --model M`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options and paths before any subcommand belong to the main job."""
        first = args[0] if args else ""
        if first == MAIN or (first not in self.commands and first not in _HELP):
            args = [MAIN, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The main job is called as the group is, in its errors too."""
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == MAIN else name), command, rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The group's commands, then the page of its main job."""
        super().format_help(ctx, formatter)
        main = self.commands[MAIN]
        with main.context_class(main, info_name=ctx.info_name, parent=ctx.parent) as own:
            main.format_help(own, formatter)
