"""How a function takes a step of a workflow: the state names it, and what it comes to goes on into the next."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from secretwatch.domain.onboarding.onboarding import Execution
from secretwatch.telemetry import logger, onboarding_step

Event: TypeAlias = Mapping[str, Any]
Step: TypeAlias = Callable[[Execution, Event], dict[str, Any]]


def taken(event: Event, steps: Mapping[str, Step]) -> dict[str, Any]:
    """What the step that the event names came to; raises ValueError for one that there is not."""
    name, given = event["step"], event["execution"]
    execution = Execution(given["id"], given["name"], datetime.fromisoformat(given["startTime"]))
    logger.set_correlation_id(execution.name)
    if (step := steps.get(name)) is None:
        raise ValueError(f"there is no step {name}")
    came_to = step(execution, event)
    onboarding_step(name, execution.name, came_to)
    return came_to
