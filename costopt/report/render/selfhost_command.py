"""A shell command on as few lines as the screen allows, broken only where a shell lets it be."""

from __future__ import annotations

from costopt.model.escape import clean, width_of

BREAK = " \\\n  "


def command_lines(text: str, width: int, head: str, indent: int) -> list[str]:
    """Lines that can be copied: an option stays with its value, lines end with a backslash."""
    out: list[str] = []
    for i, one in enumerate(_commands(text)):
        pieces = [clean(piece) for piece in one.split(BREAK)]
        lines = [(head if i == 0 else " " * indent) + pieces[0]]
        for piece in pieces[1:]:
            if width_of(lines[-1]) + width_of(piece) + 3 <= width:
                lines[-1] += f" {piece}"
            else:
                lines.append(" " * (indent + 2) + piece)
        out += [f"{line} \\" for line in lines[:-1]] + lines[-1:]
    return out


def _commands(text: str) -> list[str]:
    """One a line; a continued one is one."""
    marked = text.replace(BREAK, "\0")
    return [line.replace("\0", BREAK) for line in marked.rstrip("\n").split("\n")]
