"""smolagents' agent with its defaults: `python -m benchmarks.looping.smolagents_peer <models> <key> <steps>`."""

import sys

from smolagents import OpenAIModel, ToolCallingAgent, tool  # type: ignore[import-not-found]

from benchmarks.looping.pages import GOAL, page


@tool  # type: ignore[untyped-decorator]
def read_page(number: int) -> str:
    """Read a page of the register.

    Args:
        number: The page's number.
    """
    return page(number)


def main(url: str, key: str, steps: int) -> None:
    """Work until the agent has an answer."""
    model = OpenAIModel(model_id="m", api_base=url, api_key=key)
    ToolCallingAgent(tools=[read_page], model=model, verbosity_level=0).run(GOAL, max_steps=steps + 5)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
