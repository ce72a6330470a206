"""Repairing: from a reference that lost access to a policy that lets its readers in again, or to a reason why not."""

from secretwatch.repairing.applying import Applying
from secretwatch.repairing.deciding import Answer, Deciding, Wish
from secretwatch.repairing.looking import Look, Looking
from secretwatch.repairing.planning import Repairing

__all__ = ["Answer", "Applying", "Deciding", "Look", "Looking", "Repairing", "Wish"]
