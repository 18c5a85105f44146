"""The text of a page's picture, by Tesseract, whichever side of it is up."""

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from quadrille.errors import Unreadable
from quadrille.ingest.reading.extracted import Limits, Recognised, cleaned
from quadrille.ingest.reading.pictures import picture

if TYPE_CHECKING:
    from PIL.Image import Image
    from tesserocr import PyTessBaseAPI

# Tesseract turns a page that lies on its side by itself and cannot tell which end is up. Upside down it is sure of
# its words to 0-45 of 100, upright to 60-96 (docs/quality.md).
_TURNS = (0, 180, 90, 270)
_SURE = 70
_DOTS = 300
_BLANK = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")


def recognise(data: bytes, page: int, languages: str, limits: Limits) -> Recognised:
    """The text of a page, counted from 1, of a PDF or an image. Raises `Unreadable` and `TooLarge`.

    `languages` are Tesseract's, joined by "+". The page is turned until it reads well; else the turn that reads best
    counts.
    """
    image, engine = picture(data, page, limits), _engine(languages)
    best, most = Recognised("", 0), 0
    for turn in _TURNS:
        found = _read(image.rotate(turn, expand=True), engine)
        weight = found.confidence * len(found.text)
        if weight > most:
            best, most = found, weight
        if best.confidence >= _SURE:
            break
    return best


def _read(image: "Image", engine: "PyTessBaseAPI") -> Recognised:
    engine.SetImageBytes(image.tobytes(), image.width, image.height, 1, image.width)
    engine.SetSourceResolution(_DOTS)
    text = _BLANK.sub("\n\n", cleaned(engine.GetUTF8Text())).strip()
    return Recognised(text, engine.MeanTextConf() if text else 0)


@cache
def _engine(languages: str) -> "PyTessBaseAPI":
    from tesserocr import OEM, PSM, PyTessBaseAPI

    place = import_module("tessdata").__path__[0]  # a folder of the layer
    try:
        return PyTessBaseAPI(path=place, lang=languages, psm=PSM.AUTO, oem=OEM.LSTM_ONLY)
    except RuntimeError as error:
        raise Unreadable(f"OCR has no data of all of the languages {languages!r}.") from error
