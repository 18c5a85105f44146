"""Tokens for usage and `max_tokens`: a regular expression instead of a vocabulary, about 1.3 tokens a word.
The pieces of a text put together again are the text; only their number differs from a real tokenizer's."""

import re
from itertools import islice

# Words of up to ten Latin letters are one token with the space before them, as in OpenAI's vocabularies; numbers go by
# three digits, marks by two, ideographs and kana one by one, letters of other scripts by four.
PIECE = re.compile(
    r" ?[A-Za-z]{1,10}|\d{1,3}|[\u3040-\u30ff\u3400-\u9fff]| ?[^\W\d_\u3040-\u30ff\u3400-\u9fff]{1,4}|[^\W_]"
    r"| ?[^\w\s]{1,2}|_+|\s+"
)


def split_pieces(text: str) -> list[str]:
    """The tokens of `text`, white space included."""
    found: list[str] = PIECE.findall(text)
    return found


def count_tokens(text: str) -> int:
    return len(PIECE.findall(text))


def first_tokens(text: str, most: int) -> str:
    """The beginning of `text` that is `most` tokens long at most."""
    return "".join(match.group() for match in islice(PIECE.finditer(text), most))
