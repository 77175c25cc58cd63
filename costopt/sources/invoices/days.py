"""The UTC day of a line, from a date, a moment, or seconds since 1970."""

from __future__ import annotations

import datetime as dt

from costopt.errors import InputError

_HINT = "Write dates as 2026-10-31."


def day_of(value: object, where: str) -> str:
    """ISO date in UTC; a moment without a zone is UTC. InputError: it is no date."""
    text = str(value).strip()
    try:
        if text.isdecimal() and len(text) >= 9:  # seconds since 1970; 20261031 is a date
            return dt.datetime.fromtimestamp(int(text), dt.UTC).date().isoformat()
        moment = dt.datetime.fromisoformat(text)
        return (moment.astimezone(dt.UTC) if moment.tzinfo else moment).date().isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"{text[:40]!r} is no date.", where=where, hint=_HINT) from error
