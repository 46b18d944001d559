"""The story of the sample's year: what its people do, looked up by application."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.sample.generator import load
from models import Application

Key = tuple[str, str, str]
"""Enterprise, measure, project."""


def key_of(application: Application) -> Key:
    """How the story names an application."""
    return application.enterprise_name, application.measure, application.project


def _key(entry: Mapping[str, str]) -> Key:
    return entry["enterprise"], entry["measure"], entry["project"]


class Story:
    """config/sample/story.yaml."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = load("story")

    @property
    def cycle(self) -> dict[str, Any]:
        """Policy, year, days, yearly settings."""
        found: dict[str, Any] = self._told["cycle"]
        return found

    @property
    def cost_sharing(self) -> dict[str, str]:
        """The county's share by county."""
        return {county: str(shares["county"]) for county, shares in self.cycle["cost_sharing"].items()}

    @property
    def objections(self) -> list[dict[str, Any]]:
        """Objections raised while the list is public."""
        found: list[dict[str, Any]] = self._told["objections"]
        return found

    @property
    def duty_reports(self) -> list[dict[str, str]]:
        """Progress of the non-cash duties."""
        found: list[dict[str, str]] = self._told["duty_reports"]
        return found

    def about(self, part: str, application: Application) -> Iterator[dict[str, Any]]:
        """Entries of a part of the story that concern an application."""
        key = key_of(application)
        return (entry for entry in self._told[part] if _key(entry["application"]) == key)

    def supplement(self, application: Application) -> dict[str, Any]:
        """How a 补正 request is answered; an entry with `lapse` when it is not."""
        return next(self.about("supplements", application), {"lapse": True})

    def county_refusal(self, application: Application) -> str:
        """Why the county refuses; empty when it agrees."""
        return next((str(entry["reason"]) for entry in self.about("county_refusals", application)), "")

    def bureau_refusal(self, application: Application, bureau: str) -> str:
        """Why a bureau refuses; empty when it agrees."""
        entries = self.about("bureau_refusals", application)
        return next((str(entry["reason"]) for entry in entries if entry["bureau"] == bureau), "")

    def silence(self, application: Application, bureau: str) -> str:
        """Why the operator goes on without a bureau that stays silent; empty when it replies."""
        entries = self.about("silent", application)
        return next((str(entry["reason"]) for entry in entries if entry["bureau"] == bureau), "")

    def verified(self, application: Application, again: bool) -> tuple[dict[str, str], dict[str, str]]:
        """Values that bureaus verify otherwise than declared, with reasons; `again` adds what an objection changed."""
        usual = self._told["verified_defaults"].get(application.measure, {})
        values = {name: str(value) for name, value in usual.items()}
        changes = list(self.about("verified", application))
        if again:
            changes += [
                change for entry in self.about("objections", application) for change in entry.get("verified", ())
            ]
        values |= {change["fact"]: str(change["value"]) for change in changes}
        return values, {change["fact"]: str(change["reason"]) for change in changes}

    def finding(self, application: Application, ledger_id: str | None, other: Application | None) -> tuple[str, str]:
        """Verdict and reason for a finding that a person must decide."""
        for entry in self.about("findings", application):
            if entry.get("ledger") == ledger_id if ledger_id else other and _key(entry["other"]) == key_of(other):
                return entry["verdict"], entry["reason"]
        if other is not None:
            for entry in self.about("findings", other):
                if "other" in entry and _key(entry["other"]) == key_of(application):
                    return entry["verdict"], entry["reason"]
        usual = self._told["findings_default"]
        return usual["verdict"], usual["reason"]

    def panel(self, application: Application) -> tuple[str, str]:
        """The panel's figure in yuan and its reason."""
        entry = next(self.about("panel", application))
        return str(entry["amount"]), entry["reason"]

    def failure(self, application: Application) -> str:
        """Why the first payment fails; empty when it is made."""
        return next((str(entry["failure"]) for entry in self.about("payments", application)), "")
