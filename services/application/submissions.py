"""What an applicant hands in, whichever way it comes: out of a table, the form, another platform."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Submission:
    """What an applicant hands in: who, which measure, the item, contacts, and declared values as canonical text.

    `papers`: whether the evidence on paper is complete; None when the evidence is uploaded.
    """

    enterprise: str
    uscc: str
    kind: str
    county: str
    measure: str
    project: str
    contracts: str
    invoices: str
    contact_name: str
    contact_phone: str
    contact_email: str
    bank_name: str
    bank_account: str
    pledged: bool
    declared: Mapping[str, str | None]
    source: str
    papers: bool | None = True
    legal_person: str = ""
    registered_address: str = ""

    @property
    def item_digest(self) -> str:
        """What tells this item from others of the same enterprise under the same measure."""
        item = [self.project, self.contracts, self.invoices, sorted(self.declared.items())]
        return hashlib.sha256(json.dumps(item, ensure_ascii=False).encode()).hexdigest()
