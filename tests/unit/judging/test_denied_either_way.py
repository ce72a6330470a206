"""What is denied whatever an unknown context key turns out to be, is denied."""

from secretwatch.domain.finding import Code, Verdict
from secretwatch.domain.judging import judge
from secretwatch.domain.rules import Rules
from secretwatch.policy import Policy
from tests.fakes import a_document, a_reference, a_statement, facts

MAYBE_DENIED = a_statement(Sid="Maybe", Effect="Deny", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})


def codes(*statements: dict[str, object]) -> tuple[Verdict | None, list[Code]]:
    judgement = judge(a_reference(), facts(policies=(Policy.parse(a_document(*statements)),)), Rules())
    return judgement.verdict, [finding.code for finding in judgement.findings]


def test_nothing_allows_and_something_may_deny() -> None:
    assert codes(MAYBE_DENIED) == (Verdict.BROKEN, [Code.READER_NOT_ALLOWED])


def test_something_allows_and_something_may_deny() -> None:
    assert codes(a_statement(), MAYBE_DENIED) == (Verdict.DEGRADED, [Code.READER_DEPENDS])
