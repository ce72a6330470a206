"""The policy evaluator against an independent engine, @cloud-copilot/iam-simulate.

The engine is AGPL: `make test` installs it into .venv/node from the lock in tests/oracle; nothing of it is imported,
shipped or copied. These tests stand apart from tests/contract because they need Node.js, which `make unit` can spare.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from secretwatch.policy import ABSENT, Context, Decision, Outcome, Policy, Present, Principal, evaluate
from tests.differential import policies
from tests.differential.policies import GATEWAY, OTHER, OWN, ROLE, SECRET, SERVICE, SESSION, Case, Json, Maker

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / ".venv" / "node"
SEED, POLICIES, REQUESTS = 20_261_125, 4_000, 4


def ask_oracle(cases: Sequence[Case]) -> list[Json]:
    """The oracle's answers, from one process."""
    answered = subprocess.run(
        [NODE / "bin" / "node", "--input-type=module", "--eval", (ROOT / "tests/oracle/oracle.mjs").read_text()],
        cwd=NODE / "oracle",  # where its import finds the engine
        env={"PATH": os.environ["PATH"]},
        input="\n".join(json.dumps(asdict(case)) for case in cases),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in answered.stdout.splitlines()]


def decided(case: Case) -> Decision:
    """Our decision, with every key that the request lacks known to be absent."""
    context: Context = {key.name: ABSENT for key in (*policies.SECRET_KEYS, *policies.KMS_KEYS)} | {
        name: Present((value,) if isinstance(value, str) else tuple(value)) for name, value in case.context.items()
    }
    return evaluate(
        [_parsed(json.dumps(case.policy))], Principal.parse(case.principal), case.action, case.resource, context
    )


@lru_cache(maxsize=1)  # its requests follow one another
def _parsed(text: str) -> Policy:
    return Policy.parse(text)


def ours(case: Case) -> str:
    """Our outcome in the oracle's words."""
    decision = decided(case)
    if decision.outcome is Outcome.UNKNOWN and decision.depends_on == (
        Principal.parse(case.principal).identity_policy,
    ):
        return "AllowedForAccount"
    return {
        Outcome.ALLOWED: "Allowed",
        Outcome.DENIED_EXPLICIT: "ExplicitlyDenied",
        Outcome.DENIED_IMPLICIT: "ImplicitlyDenied",
    }.get(decision.outcome, decision.outcome.value)


def theirs(answer: Json) -> str:
    """The oracle's outcome; it tells apart a Deny for the whole account, which denies all the same."""
    return "ExplicitlyDenied" if answer.get("result") == "DeniedForAccount" else str(answer.get("result", answer))


def disagreements(cases: Sequence[Case], outcomes: Sequence[str]) -> list[str]:
    """Where the outcomes are others than the oracle's, or the oracle left out a key."""
    return [
        f"ours {our}, theirs {theirs(answer)}: {json.dumps(asdict(case))}"
        for case, our, answer in zip(cases, outcomes, ask_oracle(cases), strict=True)
        if our != theirs(answer) or answer.get("ignored")
    ]


def test_generated_policies_are_decided_as_the_oracle_decides_them(capsys: pytest.CaptureFixture[str]) -> None:
    maker = Maker(SEED)
    cases = [case for _ in range(POLICIES) for case in maker.cases(REQUESTS)]

    outcomes = [ours(case) for case in cases]
    found, counted = disagreements(cases, outcomes), Counter(outcomes)

    with capsys.disabled():
        told = f"{POLICIES} policies, {len(cases)} requests, {len(found)} disagreements, {dict(counted)}"
        print(f"\nseed {SEED}: {told}")  # noqa: T201 - the seed makes a failure repeatable
    assert found == []
    assert min(counted[each] for each in ("Allowed", "ExplicitlyDenied", "ImplicitlyDenied", "AllowedForAccount")) > 100


# --- by hand


def a_case(
    statement: Json,
    context: dict[str, str | list[str]] | None = None,
    *,
    reader: str = SERVICE,
    effect: str = "Allow",
    version: str = "2012-10-17",
) -> Case:
    """A statement about everybody and everything, but for what is given; a Deny comes with an Allow for all."""
    about = {"Effect": effect, "Resource": "*"}
    about |= {} if "NotPrincipal" in statement else {"Principal": "*"}
    about |= {} if "NotAction" in statement else {"Action": "*"}
    if "NotResource" in statement:
        del about["Resource"]
    everything = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    statements = [about | statement, *([everything] if effect == "Deny" else [])]
    action = "secretsmanager:GetSecretValue"
    return Case({"Version": version, "Statement": statements}, reader, action, SECRET, context or {})


def when(operator: str, key: str, asked: Any) -> Json:
    return {"Condition": {operator: {key: asked}}}


TEAM, TAGS, IP, ARN = "aws:ResourceTag/team", "aws:TagKeys", "aws:SourceIp", "aws:SourceArn"
AGE, TIME, TLS = "aws:MultiFactorAuthAge", "aws:CurrentTime", "aws:SecureTransport"

BY_HAND = [
    # Whom
    (a_case({"Principal": {"Service": SERVICE}}), "Allowed"),
    (a_case({"Principal": {"AWS": "*"}}), "Allowed"),
    (a_case({"Principal": {"Service": "*"}}), "ImplicitlyDenied"),
    (a_case({"Principal": {"Service": [SERVICE, "lambda.amazonaws.com"]}}), "Allowed"),
    (a_case({"Principal": {"AWS": ROLE}}, reader=ROLE), "Allowed"),
    (a_case({"Principal": {"AWS": OWN}}, reader=ROLE), "AllowedForAccount"),
    (a_case({"Principal": {"AWS": f"arn:aws:iam::{OWN}:root"}}, reader=ROLE), "AllowedForAccount"),
    (a_case({"Principal": {"AWS": OTHER}}, reader=ROLE), "ImplicitlyDenied"),
    (a_case({"Principal": {"AWS": OWN}}, reader=ROLE, effect="Deny"), "ExplicitlyDenied"),
    (a_case({"Principal": {"AWS": SESSION}}, reader=SESSION), "Allowed"),
    (a_case({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:role/auditor"}}, reader=SESSION), "Allowed"),
    (a_case({"Principal": {"AWS": "AROAEXAMPLEEXAMPLE12"}}, reader=ROLE), "ImplicitlyDenied"),
    (a_case({"NotPrincipal": {"Service": SERVICE}}, effect="Deny"), "Allowed"),
    (a_case({"NotPrincipal": {"AWS": ROLE}}, effect="Deny"), "ExplicitlyDenied"),
    (a_case({"NotPrincipal": {"AWS": [ROLE, f"arn:aws:iam::{OWN}:root"]}}, reader=ROLE, effect="Deny"), "Allowed"),
    (a_case({"NotPrincipal": {"AWS": ROLE}}), "Allowed"),
    # What
    (a_case({"Action": "SECRETSMANAGER:get*"}), "Allowed"),
    (a_case({"NotAction": "secretsmanager:Delete*"}, effect="Deny"), "ExplicitlyDenied"),
    (a_case({"NotAction": ["kms:*", "secretsmanager:Get*"]}, effect="Deny"), "Allowed"),
    # Which resource
    (a_case({"Resource": "arn:aws:secretsmanager:*"}), "Allowed"),
    (a_case({"Resource": f"{SECRET[:-6]}??????"}), "Allowed"),
    (a_case({"Resource": "arn:aws:secretsmanager:*secret:agents/crm-AbCdEf"}), "ImplicitlyDenied"),
    (a_case({"NotResource": f"{SECRET}*"}, effect="Deny"), "Allowed"),
    (a_case({"Resource": f"{SECRET[:-17]}${{{TEAM}}}/*"}, {TEAM: "agents"}), "Allowed"),
    (a_case({"Resource": f"{SECRET[:-17]}${{{TEAM}}}/*"}), "ImplicitlyDenied"),
    # Missing keys
    (a_case(when("StringNotEquals", TEAM, "a")), "Allowed"),
    (a_case(when("StringEqualsIfExists", TEAM, "a")), "Allowed"),
    (a_case(when("ForAllValues:StringEquals", TAGS, "a")), "Allowed"),
    (a_case(when("ForAnyValue:StringNotEquals", TAGS, "a")), "ImplicitlyDenied"),
    (a_case(when("Null", TEAM, "true")), "Allowed"),
    (a_case(when("Null", TEAM, ["true", "false"])), "Allowed"),
    (a_case(when("Null", TEAM, "yes")), "ImplicitlyDenied"),
    # Several values
    (a_case(when("ForAllValues:StringLike", TAGS, "a*"), {TAGS: ["a", "ab"]}), "Allowed"),
    (a_case(when("ForAnyValue:StringNotEquals", TAGS, ["a", "b"]), {TAGS: ["b", "c"]}), "Allowed"),
    (a_case(when("StringEquals", TAGS, ["a", "b"]), {TAGS: ["a", "b"]}), "ImplicitlyDenied"),
    (a_case(when("StringNotEquals", TAGS, "c"), {TAGS: ["a", "b"]}), "ImplicitlyDenied"),
    (a_case(when("StringNotEquals", TEAM, ["a", "b"]), {TEAM: "b"}), "ImplicitlyDenied"),
    # Operators
    (a_case(when("StringEquals", TEAM, "a*"), {TEAM: "ab"}), "ImplicitlyDenied"),
    (a_case(when("StringLike", TEAM, "a${*}"), {TEAM: "a*"}), "Allowed"),
    (a_case(when("StringLike", TEAM, "a${*}"), {TEAM: "ab"}), "ImplicitlyDenied"),
    (a_case(when("StringEquals", TEAM, "${aws:PrincipalTag/team, 'a'}"), {TEAM: "a"}), "Allowed"),
    (a_case(when("Bool", TLS, True), {TLS: "TRUE"}), "Allowed"),
    (a_case(when("Bool", TLS, "yes"), {TLS: "yes"}), "ImplicitlyDenied"),
    (a_case(when("NumericNotEquals", AGE, "ten"), {AGE: "10"}), "ImplicitlyDenied"),
    (a_case(when("NumericLessThan", AGE, ["5", "20"]), {AGE: "10"}), "Allowed"),
    (a_case(when("DateLessThan", TIME, "2026-01-01T01:00:00+02:00"), {TIME: "2025-12-31T22:59:59Z"}), "Allowed"),
    (a_case(when("IpAddress", IP, "10.9.9.9/8"), {IP: "10.1.1.1"}), "Allowed"),
    (a_case(when("NotIpAddress", IP, "10.0.0.0/99"), {IP: "192.0.2.1"}), "ImplicitlyDenied"),
    (a_case(when("IpAddress", IP, "2001:DB8::/32"), {IP: "2001:db8::1"}), "Allowed"),
    (a_case(when("ArnLike", ARN, "arn:aws:bedrock-agentcore:*"), {ARN: GATEWAY}), "ImplicitlyDenied"),
    (a_case(when("ArnEquals", ARN, f"arn:aws:bedrock-agentcore:*:{OWN}:*"), {ARN: GATEWAY}), "Allowed"),
    (a_case(when("ArnNotLike", ARN, "no ARN"), {ARN: GATEWAY}), "ImplicitlyDenied"),
    (a_case(when("stringequals", TEAM.upper(), "a"), {TEAM: "a"}), "Allowed"),
]


def test_cases_by_hand_are_decided_alike() -> None:
    cases, expected = [case for case, _ in BY_HAND], [outcome for _, outcome in BY_HAND]

    assert [ours(case) for case in cases] == expected
    assert disagreements(cases, expected) == []


@dataclass(frozen=True, slots=True)
class Doubt:
    """Where AWS documents something else than the oracle decides; `document` says where and what."""

    case: Case
    ours: str
    theirs: str
    document: str


VARIABLES = "IAM User Guide, IAM policy elements: Variables and tags"
OPERATORS = "IAM User Guide, IAM JSON policy elements: Condition operators"

DOUBTED = [
    Doubt(
        a_case(when("StringNotEquals", TEAM, "${aws:PrincipalTag/team}"), {TEAM: "a"}),
        "Allowed",
        "ImplicitlyDenied",
        f"{VARIABLES}, Policy variables with no value: inverted operators do match against a null value",
    ),
    Doubt(
        a_case(when("StringNotLike", TEAM, "${aws:PrincipalTag/team}"), {TEAM: "a"}, effect="Deny"),
        "ExplicitlyDenied",
        "Allowed",
        f"{VARIABLES}, Policy variables with no value: its example denies while the principal's tag is not set",
    ),
    Doubt(
        a_case(
            when("StringEquals", TEAM, "${aws:SourceAccount}"),
            {TEAM: "1", "aws:SourceAccount": "1"},
            version="2008-10-17",
        ),
        "ImplicitlyDenied",
        "Allowed",
        f"{VARIABLES}, Introduction: without version 2012-10-17 variables are treated as literal strings",
    ),
    Doubt(
        a_case({"NotResource": f"{SECRET[:-17]}${{aws:PrincipalTag/team}}/*"}),
        "Allowed",
        "ImplicitlyDenied",
        f"{VARIABLES}, Policy variables with no value: such a Resource or NotResource will not match any resource",
    ),
    Doubt(
        a_case(when("ForAnyValue:StringEqualsIfExists", TAGS, "a")),
        "Allowed",
        "ImplicitlyDenied",
        f"{OPERATORS}, ...IfExists: if the key is not present, evaluate the condition element as true",
    ),
    Doubt(
        a_case(when("ForAllValues:StringEquals", TAGS, "a"), {TAGS: [""]}),
        "Allowed",
        "ImplicitlyDenied",
        "IAM User Guide, Set operators for multivalued keys: true for a null data set, such as an empty string",
    ),
    Doubt(
        a_case(when("ForAnyValue:StringNotEquals", TAGS, "a"), {TAGS: [""]}),
        "ImplicitlyDenied",
        "Allowed",
        "IAM User Guide, Set operators for multivalued keys: false for a null data set, such as an empty string",
    ),
    Doubt(
        a_case(when("NullIfExists", TEAM, "true")),
        f"{Outcome.INVALID}",
        "Allowed",
        f"{OPERATORS}, ...IfExists: to any condition operator name except the Null condition",
    ),
    Doubt(
        a_case(when("StringEqualz", TEAM, "a")),
        f"{Outcome.INVALID}",
        "ImplicitlyDenied",
        f"{OPERATORS}: there is no such operator, and AWS refuses the policy",
    ),
    Doubt(
        a_case(when("DateEquals", TIME, "1767225600"), {TIME: "2026-01-01T00:00:00Z"}),
        "Allowed",
        "ImplicitlyDenied",
        f"{OPERATORS}, Date condition operators: ISO 8601 formats, or epoch (UNIX) time, which is in seconds",
    ),
    Doubt(
        a_case(when("IpAddress", IP, "0.0.0.0/0"), {IP: "10.1.1.1"}),
        "Allowed",
        "ImplicitlyDenied",
        f"{OPERATORS}, IP address condition operators: CIDR format (RFC 4632), in which this range is every address",
    ),
    Doubt(
        a_case(when("NotIpAddress", IP, "10.1.2.3"), {IP: "2001:db8::1"}),
        "Allowed",
        "ImplicitlyDenied",
        f"{OPERATORS}, IP address condition operators: all IP addresses except the specified address or range",
    ),
    Doubt(
        a_case(when("StringLike", TEAM, "a*c"), {TEAM: "a\nc"}),
        "Allowed",
        "ImplicitlyDenied",
        f"{OPERATORS}, String condition operators: a multi-character match wildcard, of any characters",
    ),
    Doubt(
        a_case({"Resource": "arn:aws:secretsmanager:*:secret:agents/crm-AbCdEf"}),
        "Allowed",
        "ImplicitlyDenied",
        "IAM User Guide, Resource: a * that is the last character of a segment can match beyond the colon",
    ),
    Doubt(
        a_case({"Resource": "*AbCdEf"}),
        "ImplicitlyDenied",
        "Allowed",
        "IAM User Guide, Resource: wildcards match within segments; only one that ends a segment goes beyond",
    ),
    Doubt(
        a_case({"NotPrincipal": {"AWS": ROLE}}, reader=ROLE, effect="Deny"),
        f"{Outcome.UNKNOWN}",
        "Allowed",
        "IAM User Guide, NotPrincipal: must name the account too, otherwise the policy might deny access",
    ),
    Doubt(
        a_case({"NotPrincipal": {"AWS": OWN}}, reader=ROLE, effect="Deny"),
        f"{Outcome.UNKNOWN}",
        "Allowed",
        "IAM User Guide, NotPrincipal: without the ARN of the role, the effect might be to deny access to it",
    ),
]


def test_where_the_oracle_is_doubted_ours_is_as_aws_documents() -> None:
    """Should the oracle come to agree, the doubt has to go from this table."""
    answers = ask_oracle([doubt.case for doubt in DOUBTED])

    assert [ours(doubt.case) for doubt in DOUBTED] == [doubt.ours for doubt in DOUBTED]
    assert [theirs(answer) for answer in answers] == [doubt.theirs for doubt in DOUBTED]
