"""Reading a page of the web, of the hosts a deployer allows."""

from typing import Annotated

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool


class Address(Arguments):
    """What to fetch."""

    url: Annotated[str, Field(max_length=2_000, description="Such as https://www.example.com/page")]


@tool(untrusted=True, needs="fetch_hosts")
def fetch_url(arguments: Address, use: Use, bench: Workbench) -> Observation:
    """Read a page of the web as text. Only certain hosts can be reached; the refusal of others names them."""
    return Observation(bench.fetcher().fetch(arguments.url))
