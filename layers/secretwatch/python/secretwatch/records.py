"""How a function takes its records: one by one, each failure told in one line and left to the queue."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.batch.base import FailureResponse
from aws_lambda_powertools.utilities.batch.exceptions import ExceptionInfo

from secretwatch.domain.change import UnknownChange
from secretwatch.errors import SecretwatchError
from secretwatch.telemetry import change_unreadable, logger


class RecordProcessor(BatchProcessor):
    """Powertools' batch processor; a record that fails leaves a line that says which and why.

    The queue delivers it again, and at last moves it to the dead-letter queue, whose alarm calls a person.
    One that nobody can read is told, counted and done with: it would say the same the next time.
    """

    def __init__(self, event_type: EventType) -> None:
        """A batch in which every record failed is still a batch of failed records, not a failed function."""
        super().__init__(event_type, raise_on_entire_batch_failure=False)

    def failure_handler(self, record: Any, exception: ExceptionInfo) -> FailureResponse:
        """Log the failure; the traceback only of what nobody foresaw."""
        error, name = exception[1], record.raw_event.get("messageId") or record.raw_event.get("eventID")
        if isinstance(error, UnknownChange):
            change_unreadable(name, error)
            return super().success_handler(record, None)
        foreseen = isinstance(error, (SecretwatchError, ValueError))
        logger.error(
            "record failed",
            record=name,
            error=type(error).__name__,
            reason=str(error),
            exc_info=None if foreseen else error,
        )
        return super().failure_handler(record, exception)
