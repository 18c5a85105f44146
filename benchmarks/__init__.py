"""The benchmarks. They import the package of the core layer, and the languages of OCR, from where they lie."""

import sys

from local.setup import ROOT

sys.path[:0] = [str(ROOT / "layers/core"), str(ROOT / "layers/ocr")]
