"""Incidents: one a cause, however many references share it; and what is told of them, once."""

from secretwatch.domain.incident.cause import Cause, Part, parts_of
from secretwatch.domain.incident.digest import Digest, FirstLook
from secretwatch.domain.incident.incident import Brief, Incident, IncidentState, advance, follow, opened
from secretwatch.domain.incident.rules import AlertRules
from secretwatch.domain.incident.telling import Delivery, Kind, Telling

__all__ = [
    "AlertRules",
    "Brief",
    "Cause",
    "Delivery",
    "Digest",
    "FirstLook",
    "Incident",
    "IncidentState",
    "Kind",
    "Part",
    "Telling",
    "advance",
    "follow",
    "opened",
    "parts_of",
]
