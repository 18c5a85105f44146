"""LangGraph's agent with its defaults: `python -m benchmarks.looping.langgraph_peer <models> <key> <steps>`."""

import sys

from langchain.agents import create_agent  # type: ignore[import-not-found]
from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]

from benchmarks.looping.pages import GOAL, SYSTEM, page


def read_page(number: int) -> str:
    """Read a page of the register."""
    return page(number)


def main(url: str, key: str, steps: int) -> None:
    """Work until the agent has an answer."""
    agent = create_agent(ChatOpenAI(model="m", api_key=key, base_url=url), tools=[read_page], system_prompt=SYSTEM)
    agent.invoke({"messages": [{"role": "user", "content": GOAL}]}, {"recursion_limit": 3 * steps + 10})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
