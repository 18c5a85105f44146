"""Where the large results of a task's tools are kept: in the bucket, under names the model never chooses freely."""


def result_key(tenant: str, task_id: str, result: str) -> str:
    """The object key of a result, by an id such as `r12-0`."""
    return f"results/_passing/{tenant}/{task_id}/{result}"


def window(text: str, start: int, characters: int, *, limit: int) -> str:
    """A stretch of a text, at most `limit` characters, under a line that says where it lies and how to go on."""
    end = min(len(text), start + min(characters, limit))
    place = f"Characters {min(start, end)} to {end} of {len(text)}"
    after = f"; go on with from_character {end}" if end < len(text) else ""
    return f"[{place}{after}]\n{text[start:end]}"
