"""How many tokens a text has, about."""

_BYTES_PER_TOKEN = 3.8


def estimated(text: str) -> int:
    """Tokens of a text, by its UTF-8 bytes: within a tenth for English prose, more than there are for most else.

    It prices and cuts what the splitter's tokenizer and the provider's bill then count exactly.
    """
    return in_bytes(len(text.encode("utf-8", "surrogatepass")))


def in_bytes(size: int) -> int:
    """Tokens of so many bytes of UTF-8 text."""
    return round(size / _BYTES_PER_TOKEN)
