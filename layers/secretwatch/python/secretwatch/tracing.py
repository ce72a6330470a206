"""Traces of what the functions do, in AWS X-Ray. Imported only where they are on: the SDK slows every cold start."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from aws_lambda_powertools import Tracer
from aws_xray_sdk.core import xray_recorder

P = ParamSpec("P")
T = TypeVar("T")

# Calls of AWS, which botocore makes; what lies below them would say each call twice.
tracer = Tracer(patch_modules=["botocore"])


def traced(handler: Callable[P, T]) -> Callable[P, T]:
    """A handler whose every invocation is a part of the trace; what it returns is not kept there."""
    return tracer.capture_lambda_handler(handler, capture_response=False)


def annotate(what: str, **annotations: str) -> None:
    """Add a part of that name, by whose annotations traces are found; none of them may be an identifier."""
    with xray_recorder.in_subsegment(what) as part:
        for name, value in annotations.items():
            part.put_annotation(name, value)


class TracedPool(Executor):
    """A pool whose work belongs to the trace of whoever handed it in: what X-Ray knows, it knows of one thread only."""

    def __init__(self, pool: Executor) -> None:
        """`pool` does the work."""
        self._pool = pool

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Hand in work, as of the trace of this thread."""
        return self._pool.submit(_within, xray_recorder.get_trace_entity(), partial(fn, *args, **kwargs))


def _within(entity: Any, work: Callable[[], T]) -> T:
    xray_recorder.set_trace_entity(entity)
    try:
        return work()
    finally:
        xray_recorder.clear_trace_entities()
