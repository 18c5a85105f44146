"""Reading: a file of any usual kind becomes text with the positions of its pages, known by its content, in a child.

`contained.read` is what a stage calls: it reads in a process of its own, with limits. `formats.read` does the work.
"""

from quadrille.ingest.reading.contained import read
from quadrille.ingest.reading.extracted import Attachment, Extracted, Limits, Missing, Page

__all__ = ["Attachment", "Extracted", "Limits", "Missing", "Page", "read"]
