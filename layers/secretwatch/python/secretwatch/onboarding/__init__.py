"""Onboarding: from a secret that a team brings to a provider that resolves, or a clean no; and the way back."""

from secretwatch.onboarding.announcing import Announcing
from secretwatch.onboarding.asking import Asking
from secretwatch.onboarding.beginning import Beginning, switched_off, under_way
from secretwatch.onboarding.creating import Creating
from secretwatch.onboarding.deciding import Deciding, Wish
from secretwatch.onboarding.granting import Done, Granting
from secretwatch.onboarding.inspecting import Inspecting
from secretwatch.onboarding.offboarding import Removing
from secretwatch.onboarding.registering import Registering
from secretwatch.onboarding.seeing import Seeing
from secretwatch.onboarding.verifying import Verifying

__all__ = [
    "Announcing",
    "Asking",
    "Beginning",
    "Creating",
    "Deciding",
    "Done",
    "Granting",
    "Inspecting",
    "Registering",
    "Removing",
    "Seeing",
    "Verifying",
    "Wish",
    "switched_off",
    "under_way",
]
