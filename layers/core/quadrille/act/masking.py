"""Arguments of calls as they are shown: without what looks like a secret."""

import json
import re
from collections.abc import Mapping
from typing import Any

_NAMES = re.compile(
    r"(?i)pass(word|wd|phrase)|secret|token|api[-_]?key|authorization|credential|cookie|private[-_]?key"
)
_VALUES = re.compile(
    r"\b(sk-[\w-]{16,}|qk_[0-9a-f]{16}_[\w-]{43}|(AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)|(?<=[Bb]earer )\S{8,}|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END)?"
)
_MASK = "***"


def masked(value: Any, name: str = "") -> Any:
    """A JSON value with `***` for what a name or its own shape says is secret."""
    if isinstance(value, Mapping):
        return {key: masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, name) for item in value]
    if _NAMES.search(name) and value not in (None, "", True, False):
        return _MASK
    return _VALUES.sub(_MASK, value) if isinstance(value, str) else value


def masked_arguments(text: str) -> Any:
    """The same of a model's JSON text; the text, if it is none."""
    try:
        return masked(json.loads(text))
    except (ValueError, RecursionError):
        return masked(text)
