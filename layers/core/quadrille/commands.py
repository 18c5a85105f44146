"""Commands: what a function without a route is told by whom IAM lets invoke it."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from quadrille.errors import Invalid, NotFound

T = TypeVar("T")


def obey(commands: TypeAdapter[T], event: Any, run: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """What `run` answers to the command, or `error` with what was wrong: a mistake is not worth a retry."""
    try:
        return run(commands.validate_python(event))
    except ValidationError as error:
        first = error.errors()[0]
        return {"error": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"}
    except (Invalid, NotFound) as error:
        return {"error": str(error)}
