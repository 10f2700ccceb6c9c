"""Multi-document YAML and JSON: read fast, found again by line, and written."""

from globaldns.documents.positions import locate
from globaldns.documents.reading import iterate_documents, read_documents
from globaldns.documents.writing import format_documents, format_yaml

__all__ = [
    "format_documents",
    "format_yaml",
    "iterate_documents",
    "locate",
    "read_documents",
]
