"""The work all agents are given: pages to be read one after the other, and facts that stand on some of them."""

import random

GOAL = "Read the pages of the register from 1 on, as many as there are, and say which codes the depots have."
SYSTEM = "You work on a task by calling tools. Read page after page, and answer when you have read the last one."
EVERY = 10  # a page has a fact
_WORDS = (
    "order pallet depot carrier invoice shelf ramp driver seal customs manifest parcel scanner shift route weight "
    "label return claim buyer batch stock crate truck gate permit tariff ledger dock crane"
)


def page(number: int) -> str:
    """A page of 2,000 to 6,000 characters; always the same one."""
    chance = random.Random(number)
    size = chance.randint(2_000, 6_000)
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(" ".join(chance.choices(_WORDS.split(), k=12)).capitalize() + f" {chance.randint(1, 9_999)}.")
    if number % EVERY == 1:
        lines.insert(len(lines) // 2, fact(number))
    return "\n".join(lines)


def fact(number: int) -> str:
    """The fact of a page that has one."""
    return f"The code of depot {number} is {random.Random(-number).getrandbits(32):08x}."


def facts(pages: int) -> list[str]:
    """The facts of so many pages."""
    return [fact(number) for number in range(1, pages + 1) if number % EVERY == 1]
