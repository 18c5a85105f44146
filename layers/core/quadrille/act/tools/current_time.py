"""What time it is."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool
from quadrille.errors import Invalid


class Place(Arguments):
    """Where."""

    time_zone: Annotated[
        str | None, Field(max_length=64, description="An IANA name such as Europe/Berlin; null means UTC.")
    ] = None


@tool()
def current_time(arguments: Place, use: Use, bench: Workbench) -> Observation:
    """The date, the weekday and the time now, in UTC or in a time zone."""
    now = datetime.fromtimestamp(bench.now(), UTC).astimezone(_zone(arguments.time_zone))
    return Observation(f"{now.isoformat(timespec='seconds')} ({now:%A})")


def _zone(name: str | None) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such zone, or no name of a file at all
        raise Invalid("time_zone", f"{name!r} is no IANA time zone known here; take one like Europe/Berlin") from None
