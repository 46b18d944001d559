"""By whose counties the names of enterprises are read: those of the policy."""

from matching import Home, home_of
from policy import Policy


def home_under(law: Policy) -> Home:
    """The prefecture whose policy it is, with its counties and zones."""
    return home_of(law.issuer, [county.name for county in law.counties])
