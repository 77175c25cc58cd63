"""Calendar labels of calls in one stated zone: day, month, hour, weekday. No time: an empty label."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from costopt.errors import UsageError
from costopt.model.trace import NO_TIME, Categorical

# Offsets from UTC change on a quarter of an hour at the finest (Nepal is UTC+5:45).
QUARTER_US = 900_000_000
_FORMATS = {"day": "%Y-%m-%d", "month": "%Y-%m", "hour": "%Y-%m-%dT%H", "weekday": "%a"}
CALENDAR = tuple(_FORMATS)


def zone(name: str) -> dt.tzinfo:
    """The zone of `--tz`. UsageError where the name is not one."""
    if name.upper() == "UTC":
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = "Use a name like Europe/Berlin or UTC."
        raise UsageError(f"there is no time zone `{name}`.", where="--tz", hint=hint) from error


def calendar(at_us: NDArray[np.int64], unit: str, tz: str = "UTC") -> Categorical:
    """A label for each call: `day` 2026-10-31, `month` 2026-10, `hour` 2026-10-31T13, `weekday` Sat."""
    place, pattern = zone(tz), _FORMATS[unit]
    quarters, where = np.unique(at_us // QUARTER_US, return_inverse=True)
    unknown = NO_TIME // QUARTER_US
    labels = [
        "" if q == unknown else _moment(q * QUARTER_US).astimezone(place).strftime(pattern)
        for q in quarters.tolist()
    ]
    values = ("", *sorted({x for x in labels if x}))
    index = {value: code for code, value in enumerate(values)}
    codes = np.array([index[x] for x in labels], np.int32)
    return Categorical(codes[where.reshape(-1)], values)


def _moment(at_us: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at_us)
