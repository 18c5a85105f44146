"""Reading: a file of any usual kind becomes text with the positions of its pages, known by its content, in a child.

`contained` is what a stage calls: it reads in a process of its own, with limits. `formats.read` and `ocr.recognise` do
the work.
"""

from quadrille.ingest.reading.contained import depict, open_mail, read, recognise, split
from quadrille.ingest.reading.extracted import (
    Attachment,
    Extracted,
    Limits,
    Missing,
    OpenedMail,
    Page,
    Recognised,
    Written,
)

__all__ = [
    "Attachment",
    "Extracted",
    "Limits",
    "Missing",
    "OpenedMail",
    "Page",
    "Recognised",
    "Written",
    "depict",
    "open_mail",
    "read",
    "recognise",
    "split",
]
