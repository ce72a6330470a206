"""A waiver holds for one code on one secret or provider, and never without end."""

from datetime import timedelta

import pytest

from secretwatch.domain.finding import Code, Finding
from secretwatch.domain.waiver import Waiver, waivable, waived
from tests.fakes import NOON, a_reference, secret_arn

HOUR = timedelta(hours=1)
FINDING = Finding(Code.ROTATION_OFF, "rotation is required", "Switch it on.")
REFERENCE = a_reference()


def a_waiver(subject: str = REFERENCE.secret_arn, code: Code = Code.ROTATION_OFF, *, hours: float = 1) -> Waiver:
    return Waiver(subject, code, "the vendor is slow", "somebody", NOON, NOON + hours * HOUR)


def test_a_finding_can_be_waived_on_its_secret_or_on_its_provider() -> None:
    assert list(waivable(REFERENCE, [FINDING])) == [
        (REFERENCE.secret_arn, Code.ROTATION_OFF),
        (REFERENCE.provider_arn, Code.ROTATION_OFF),
    ]


@pytest.mark.parametrize(
    ("waivers", "hours"),
    [
        pytest.param([a_waiver()], 1, id="on the secret"),
        pytest.param([a_waiver(REFERENCE.provider_arn)], 1, id="on the provider"),
        pytest.param([a_waiver(hours=2), a_waiver(REFERENCE.provider_arn)], 2, id="the one that ends last"),
        pytest.param([], None, id="none"),
        pytest.param([a_waiver(code=Code.ROTATION_OVERDUE)], None, id="another code"),
        pytest.param([a_waiver(secret_arn("other"))], None, id="another secret"),
        pytest.param([a_waiver(hours=0)], None, id="one that has just ended"),
    ],
)
def test_a_finding_is_waived_until_the_last_of_the_waivers_that_hold_for_it(
    waivers: list[Waiver], hours: float | None
) -> None:
    (finding,) = waived([FINDING], waivers, REFERENCE, at=NOON)

    assert finding.waived_until == (None if hours is None else NOON + hours * HOUR)


def test_a_waiver_that_ended_leaves_no_mark() -> None:
    (before,) = waived([FINDING], [a_waiver()], REFERENCE, at=NOON)

    assert waived([before], [a_waiver()], REFERENCE, at=NOON + HOUR) == (FINDING,)
