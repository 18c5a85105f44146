"""Office files: which program's they are, by the part that is the document."""

from quadrille.errors import Unreadable
from quadrille.ingest.reading import docx, pptx, xlsx
from quadrille.ingest.reading.archive import part
from quadrille.ingest.reading.extracted import Extracted, Limits
from quadrille.ingest.reading.kinds import SUPPORTED
from quadrille.ingest.reading.ooxml import DAMAGED, Package, local

_OTHERS = {"application/epub+zip": "an EPUB book", "application/vnd.oasis.opendocument": "an OpenDocument file"}


def read(data: bytes, limits: Limits) -> Extracted:
    """The text of an Office file. Raises `Unreadable` and `TooLarge`."""
    package = Package.of(data, limits)
    main = package.main()
    if not main:
        raise Unreadable(f"The file is {_other(package)}; {SUPPORTED}.")
    root = package.root(main)
    match local(root) if root is not None else "":
        case "document":
            return docx.read(package, main, limits)
        case "presentation":
            return pptx.read(package, main, limits)
        case "workbook":
            return xlsx.read(data, package, limits)
    raise Unreadable(DAMAGED)


def _other(package: Package) -> str:
    """What else an archive may be."""
    kind = (part(package.archive, "mimetype") or b"").decode("ascii", "replace")
    return next((name for prefix, name in _OTHERS.items() if kind.startswith(prefix)), "a ZIP archive")
