"""Prompts are files beside this one; a missing variable raises."""

from functools import cache
from importlib.resources import files
from string import Template


@cache
def _template(name: str) -> Template:
    return Template(files(__name__).joinpath(f"{name}.md").read_text())


def prompt(name: str, **variables: str) -> str:
    """The prompt `name`, its `$variables` filled in. Raises `KeyError` for one that is not given."""
    return _template(name).substitute(variables)
