"""The outputs of a cycle: documents (HTML, DOCX, PDF) and workbooks (XLSX), written from the record."""

from services.documents.errors import NotYetError, TemplateProblemError
from services.documents.registry import KINDS, Kind, kind_of
from services.documents.writing import write, write_all

__all__ = ["KINDS", "Kind", "NotYetError", "TemplateProblemError", "kind_of", "write", "write_all"]
