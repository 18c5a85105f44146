"""Characters out of bytes: by the byte order mark, by UTF-8's own shape, by what the file declares, else by guess."""

import codecs
import re

from quadrille.errors import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<(?:meta|\?xml)[^>]{1,200}?(?:charset|encoding)\s*=\s*["']?([\w.:-]{2,40})""", re.IGNORECASE
)
_ESCAPES = ((b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"), (b"\x1b$)C", "iso2022_kr"), (b"~{", "hz"))
_LATIN = ("cp1250", "cp1254", "cp1257")  # what else than Windows-1252 is in use
_SAMPLE = 64 * 1024  # bytes; a guess does not get better with more


def decoded(data: bytes) -> str:
    """The characters of a text file. Raises `Unreadable`."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _certain(data, encoding)
    for candidate in _candidates(data):
        text = attempt(data, candidate)
        if text is not None:
            return text
    raise Unreadable("The file is in no character encoding that is known here.")


def attempt(data: bytes, encoding: str | None) -> str | None:
    """The characters, if the encoding is a known one and every byte fits."""
    try:
        return codecs.decode(data, _alias(encoding)) if encoding else None
    except (LookupError, UnicodeError, ValueError, TypeError):
        return None


def _certain(data: bytes, encoding: str) -> str:
    text = attempt(data, encoding)
    if text is None:
        raise Unreadable(f"The file says it is {encoding.removesuffix('-sig').upper()} and is not.")
    return text


def _candidates(data: bytes) -> list[str | None]:
    """Encodings to try in turn; what is certain comes before what is likely."""
    declared = _DECLARED.search(data[:2048])
    name = declared[1].decode("ascii") if declared else None
    by_zeros = _by_zeros(data[:_SAMPLE])
    if by_zeros:
        return [by_zeros]
    escaped = next((encoding for escape, encoding in _ESCAPES if escape in data), None) if data.isascii() else None
    if name and name.lower().startswith(("utf-16", "utf16", "utf-32")):
        name = None  # it could not have been read
    return [escaped, "utf-8", name] if data.isascii() else ["utf-8", name, _guess(data), "cp1252"]


def _by_zeros(sample: bytes) -> str | None:
    """UTF-16 without a mark: most characters of nearly every text have a zero for one of their bytes."""
    pairs = len(sample) // 2
    if pairs < 4 or len(sample) % 2:
        return None
    high, low = sample[0::2].count(0) / pairs, sample[1::2].count(0) / pairs
    if max(high, low) < 0.4 or min(high, low) > 0.05:
        return None
    return "utf-16-be" if high > low else "utf-16-le"


def _guess(data: bytes) -> str | None:
    """What charset-normalizer thinks; None for Western letters, which it cannot tell from their neighbours."""
    import charset_normalizer

    matches = list(charset_normalizer.from_bytes(data[:_SAMPLE], threshold=0.3))
    if not matches:
        return None
    best = matches[0]
    if not _is_latin(str(best)):
        return best.encoding
    western = next((match for match in matches if match.encoding == "cp1252"), None)
    clear = western is None or best.coherence > western.coherence + 0.05
    return best.encoding if clear and best.encoding in _LATIN else None


def _is_latin(text: str) -> bool:
    return not any(ord(character) > 0x24F and character.isalpha() for character in text)


def _alias(encoding: str) -> str:
    """A name as Python knows it, smaller sets as the larger ones they mean (WHATWG's encoding standard)."""
    name = encoding.strip().lower().replace("_", "-").removeprefix("x-")
    larger = {
        "iso-8859-1": "cp1252",
        "latin1": "cp1252",
        "us-ascii": "cp1252",
        "ascii": "cp1252",
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "shift-jis": "cp932",
        "sjis": "cp932",
        "ks-c-5601-1987": "cp949",
        "euc-kr": "cp949",
        "iso-8859-9": "cp1254",
        "utf-8": "utf-8",
        "iso-8859-8-i": "iso-8859-8",
    }
    return larger.get(name, encoding)
