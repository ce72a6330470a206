"""What AWS documents, sentence by sentence, each with the smallest policy that hangs on it.

The ids are the IAM User Guide's pages: `operators` is "Condition operators", `multivalued` "Single-valued vs.
multivalued context keys", `variables` "Policy variables", `principal` "AWS JSON policy elements: Principal", and so on.
"""

from typing import Any, NamedTuple

import pytest

from secretwatch.policy import ABSENT, UNKNOWN, OneOf, Outcome, Present, Principal
from tests.unit.policy.statements import ACTION, OTHER, OWN, ROLE, SECRET, SERVICE, a_statement, decide

ALLOWED, EXPLICIT = Outcome.ALLOWED, Outcome.DENIED_EXPLICIT
IMPLICIT, HANGS = Outcome.DENIED_IMPLICIT, Outcome.UNKNOWN
ROOT, SESSION = f"arn:aws:iam::{OWN}:root", f"arn:aws:sts::{OWN}:assumed-role/reader/run-1"
OPEN = a_statement()


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return a_statement(Condition={operator: {key: value}})


def unless(operator: str, key: str, value: Any) -> list[dict[str, Any]]:
    """Everybody, but a Deny on a condition."""
    return [OPEN, a_statement("Deny", Condition={operator: {key: value}})]


class Row(NamedTuple):
    """What a page says, and what it decides."""

    says: str
    statements: dict[str, Any] | list[dict[str, Any]]
    outcome: Outcome
    context: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it
    reader: Principal = SERVICE
    depends_on: tuple[str, ...] = ()
    version: str = "2012-10-17"


ACCOUNT, ARN, TEAM, TAGS = "aws:SourceAccount", "aws:SourceArn", "aws:PrincipalTag/team", "aws:TagKeys"
SOURCE = f"arn:aws:bedrock-agentcore:eu-west-1:{OWN}:token-vault/default/apikeycredentialprovider/crm"
AT = {"aws:CurrentTime": Present(("2026-11-25T14:00:00Z",))}
AGE = "aws:MultiFactorAuthAge"
IP = "aws:SourceIp"


def one(key: str, *values: str) -> dict[str, Any]:
    return {key: Present(values)}


def lacks(*keys: str) -> dict[str, Any]:
    return dict.fromkeys(keys, ABSENT)


TABLE = [
    # --- evaluation logic
    Row("logic: by default, all requests are implicitly denied", [], IMPLICIT),
    Row("logic: an explicit allow overrides the default", OPEN, ALLOWED),
    Row("logic: an explicit deny overrides any allows", [OPEN, a_statement("Deny")], EXPLICIT),
    Row("logic: wherever the deny stands", [a_statement("Deny"), OPEN], EXPLICIT),
    Row(
        "logic: a statement whose conditions are not met is not applied",
        when("Bool", "aws:SecureTransport", "false"),
        IMPLICIT,
        one("aws:SecureTransport", "true"),
    ),
    Row(
        "logic: all condition blocks have to be met",
        a_statement(Condition={"StringEquals": {ACCOUNT: OWN}, "Bool": {"aws:SecureTransport": "true"}}),
        IMPLICIT,
        one(ACCOUNT, OWN) | one("aws:SecureTransport", "false"),
    ),
    Row(
        "logic: all keys of an operator have to be met",
        a_statement(Condition={"StringEquals": {ACCOUNT: OWN, TEAM: "a"}}),
        IMPLICIT,
        one(ACCOUNT, OWN) | one(TEAM, "b"),
    ),
    Row(
        "logic: one of a key's values is enough",
        when("StringEquals", ACCOUNT, [OTHER, OWN]),
        ALLOWED,
        one(ACCOUNT, OWN),
    ),
    Row(
        "logic: of a negated operator none may match",
        when("StringNotEquals", ACCOUNT, [OTHER, OWN]),
        IMPLICIT,
        one(ACCOUNT, OWN),
    ),
    Row(
        "logic: condition key names are not case-sensitive",
        when("StringEquals", "AWS:sourceACCOUNT", OWN),
        ALLOWED,
        one(ACCOUNT, OWN),
    ),
    # --- operators: strings
    Row(
        "operators: StringEquals is case-sensitive", when("StringEquals", TEAM, "Agents"), IMPLICIT, one(TEAM, "agents")
    ),
    Row("operators: StringEquals knows no wildcards", when("StringEquals", TEAM, "a*"), IMPLICIT, one(TEAM, "agents")),
    Row(
        "operators: StringEqualsIgnoreCase ignores case",
        when("StringEqualsIgnoreCase", TEAM, "AGENTS"),
        ALLOWED,
        one(TEAM, "agents"),
    ),
    Row(
        "operators: StringNotEqualsIgnoreCase ignores case",
        when("StringNotEqualsIgnoreCase", TEAM, "AGENTS"),
        IMPLICIT,
        one(TEAM, "agents"),
    ),
    Row(
        "operators: StringLike takes * for any characters",
        when("StringLike", TEAM, "a*s"),
        ALLOWED,
        one(TEAM, "agents"),
    ),
    Row(
        "operators: StringLike takes ? for one character",
        when("StringLike", TEAM, "agent?"),
        IMPLICIT,
        one(TEAM, "agent"),
    ),
    Row("operators: StringLike is case-sensitive", when("StringLike", TEAM, "A*"), IMPLICIT, one(TEAM, "agents")),
    Row("operators: StringNotLike negates it", when("StringNotLike", TEAM, "a*"), IMPLICIT, one(TEAM, "agents")),
    Row(
        "operators: names of operators in any case", when("stringequals", TEAM, "agents"), ALLOWED, one(TEAM, "agents")
    ),
    # --- operators: missing keys
    Row(
        "operators: if the key is not present, the values do not match",
        when("StringEquals", TEAM, "a"),
        IMPLICIT,
        lacks(TEAM),
    ),
    Row(
        "operators: a negated operator returns true on a missing key",
        when("StringNotEquals", TEAM, "a"),
        ALLOWED,
        lacks(TEAM),
    ),
    Row("operators: StringNotLike, too", when("StringNotLike", TEAM, "a*"), ALLOWED, lacks(TEAM)),
    Row("operators: ArnNotLike, too", when("ArnNotLike", ARN, SOURCE), ALLOWED, lacks(ARN)),
    Row("operators: NotIpAddress, too", when("NotIpAddress", IP, "203.0.113.0/24"), ALLOWED, lacks(IP)),
    Row("operators: NumericNotEquals, too", when("NumericNotEquals", AGE, "5"), ALLOWED, lacks(AGE)),
    Row(
        "operators: so a negated Deny denies what lacks the key",
        unless("StringNotEquals", "aws:SourceVpce", "vpce-1"),
        EXPLICIT,
        lacks("aws:SourceVpce"),
    ),
    Row(
        "operators: IfExists holds on a missing key",
        when("StringEqualsIfExists", ACCOUNT, OWN),
        ALLOWED,
        lacks(ACCOUNT),
    ),
    Row(
        "operators: IfExists compares one that is there",
        when("StringEqualsIfExists", ACCOUNT, OWN),
        IMPLICIT,
        one(ACCOUNT, OTHER),
    ),
    Row(
        "operators: StringNotEqualsIfExists in a Deny holds on a missing key",
        unless("StringNotEqualsIfExists", ACCOUNT, OWN),
        EXPLICIT,
        lacks(ACCOUNT),
    ),
    Row("operators: NumericLessThanIfExists", when("NumericLessThanIfExists", AGE, "300"), ALLOWED, lacks(AGE)),
    Row(
        "operators: DateLessThanIfExists",
        when("DateLessThanIfExists", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"),
        ALLOWED,
        lacks("aws:TokenIssueTime"),
    ),
    Row(
        "operators: BoolIfExists",
        when("BoolIfExists", "aws:MultiFactorAuthPresent", "true"),
        ALLOWED,
        lacks("aws:MultiFactorAuthPresent"),
    ),
    Row("operators: IpAddressIfExists", when("IpAddressIfExists", IP, "10.0.0.0/8"), IMPLICIT, one(IP, "192.0.2.1")),
    # --- Null
    Row("operators: Null true: the key is absent", when("Null", TEAM, "true"), ALLOWED, lacks(TEAM)),
    Row("operators: Null true on a key that is there", when("Null", TEAM, "true"), IMPLICIT, one(TEAM, "x")),
    Row(
        "operators: Null false: the key exists and its value is not null",
        when("Null", TEAM, False),
        ALLOWED,
        one(TEAM, "x"),
    ),
    Row("operators: Null false on a missing key", when("Null", TEAM, "false"), IMPLICIT, lacks(TEAM)),
    # --- numbers
    *(
        Row(
            f"operators: {operator} 300 of {value}",
            when(operator, AGE, "300"),
            ALLOWED if holds else IMPLICIT,
            one(AGE, value),
        )
        for operator, value, holds in (
            ("NumericEquals", "300", True),
            ("NumericEquals", "300.0", True),
            ("NumericEquals", "301", False),
            ("NumericNotEquals", "301", True),
            ("NumericNotEquals", "300", False),
            ("NumericLessThan", "299", True),
            ("NumericLessThan", "300", False),
            ("NumericLessThan", "30", True),
            ("NumericLessThanEquals", "300", True),
            ("NumericGreaterThan", "1000", True),
            ("NumericGreaterThan", "300", False),
            ("NumericGreaterThanEquals", "300", True),
            ("NumericGreaterThanEquals", "-300", False),
        )
    ),
    Row(
        "operators: a number may be written without quotes", when("NumericLessThan", AGE, 300), ALLOWED, one(AGE, "200")
    ),
    Row(
        "operators: JSON may write a number with an exponent",
        when("NumericLessThan", AGE, 3e22),
        ALLOWED,
        one(AGE, "200"),
    ),
    # --- dates
    *(
        Row(
            f"operators: {operator} {value}",
            when(operator, "aws:CurrentTime", value),
            ALLOWED if holds else IMPLICIT,
            AT,
        )
        for operator, value, holds in (
            ("DateGreaterThan", "2026-11-01T00:00:00Z", True),
            ("DateLessThan", "2026-11-01T00:00:00Z", False),
            ("DateEquals", "2026-11-25T15:00:00+01:00", True),
            ("DateNotEquals", "2026-11-25T14:00:00Z", False),
            ("DateLessThanEquals", "2026-11-25T14:00:00Z", True),
            ("DateGreaterThanEquals", "2026-11-26", False),
            ("DateGreaterThan", "1700000000", True),
        )
    ),
    # --- Bool, Binary
    Row(
        "operators: Bool takes JSON's own",
        when("Bool", "aws:SecureTransport", True),
        ALLOWED,
        one("aws:SecureTransport", "true"),
    ),
    Row(
        "operators: Bool on a missing key",
        when("Bool", "aws:SecureTransport", "false"),
        IMPLICIT,
        lacks("aws:SecureTransport"),
    ),
    Row(
        "operators: the Deny without TLS",
        unless("Bool", "aws:SecureTransport", "false"),
        ALLOWED,
        one("aws:SecureTransport", "true"),
    ),
    Row(
        "operators: BinaryEquals compares byte for byte",
        when("BinaryEquals", "key", "QmluYXJ5"),
        ALLOWED,
        one("key", "QmluYXJ5"),
    ),
    Row(
        "operators: BinaryEquals of other bytes",
        when("BinaryEquals", "key", "QmluYXJ5"),
        IMPLICIT,
        one("key", "qmluYXJ5"),
    ),
    # --- addresses
    Row("operators: IpAddress in a range", when("IpAddress", IP, "203.0.113.0/24"), ALLOWED, one(IP, "203.0.113.9")),
    Row("operators: IpAddress outside it", when("IpAddress", IP, "203.0.113.0/24"), IMPLICIT, one(IP, "203.0.114.9")),
    Row(
        "operators: IpAddress without a prefix is one address",
        when("IpAddress", IP, "203.0.113.9"),
        ALLOWED,
        one(IP, "203.0.113.9"),
    ),
    Row(
        "operators: IpAddress in IPv6",
        when("IpAddress", IP, "2001:db8::/32"),
        ALLOWED,
        one(IP, "2001:0DB8:85a3::8a2e:370:7334"),
    ),
    Row(
        "operators: NotIpAddress in a range",
        when("NotIpAddress", IP, ["203.0.113.0/24", "10.0.0.0/8"]),
        IMPLICIT,
        one(IP, "10.1.2.3"),
    ),
    # --- ARNs
    Row(
        "operators: ArnEquals and ArnLike behave identically",
        when("ArnEquals", ARN, f"arn:aws:bedrock-agentcore:*:{OWN}:*"),
        ALLOWED,
        one(ARN, SOURCE),
    ),
    Row(
        "operators: each of the six parts is checked separately",
        when("ArnLike", ARN, f"arn:aws:*:{OWN}:token-vault/*"),
        IMPLICIT,
        one(ARN, SOURCE),
    ),
    Row(
        "operators: ArnNotEquals",
        when("ArnNotEquals", ARN, f"arn:aws:bedrock-agentcore:*:{OWN}:*"),
        IMPLICIT,
        one(ARN, SOURCE),
    ),
    Row("operators: ArnLike ? is one character", when("ArnLike", ARN, SOURCE[:-1] + "?"), ALLOWED, one(ARN, SOURCE)),
    # --- multivalued keys
    Row(
        "multivalued: ForAnyValue: one member matches",
        when("ForAnyValue:StringEquals", TAGS, "a"),
        ALLOWED,
        one(TAGS, "a", "b"),
    ),
    Row(
        "multivalued: ForAnyValue: none matches",
        when("ForAnyValue:StringEquals", TAGS, "c"),
        IMPLICIT,
        one(TAGS, "a", "b"),
    ),
    Row(
        "multivalued: ForAnyValue is false without a key",
        when("ForAnyValue:StringEquals", TAGS, "c"),
        IMPLICIT,
        lacks(TAGS),
    ),
    Row(
        "multivalued: ForAllValues: every member matches",
        when("ForAllValues:StringEquals", TAGS, ["a", "b", "c"]),
        ALLOWED,
        one(TAGS, "a", "b"),
    ),
    Row(
        "multivalued: ForAllValues: one does not",
        when("ForAllValues:StringEquals", TAGS, ["a"]),
        IMPLICIT,
        one(TAGS, "a", "b"),
    ),
    Row(
        "multivalued: ForAllValues is true without a key",
        when("ForAllValues:StringEquals", TAGS, "c"),
        ALLOWED,
        lacks(TAGS),
    ),
    Row(
        "multivalued: ForAllValues is true on an empty string",
        when("ForAllValues:StringEquals", TAGS, "c"),
        ALLOWED,
        one(TAGS, ""),
    ),
    Row(
        "multivalued: with Null it has to be there",
        a_statement(Condition={"ForAllValues:StringEquals": {TAGS: "c"}, "Null": {TAGS: "false"}}),
        IMPLICIT,
        lacks(TAGS),
    ),
    Row(
        "multivalued: ForAnyValue:StringNotEquals: a member is another",
        when("ForAnyValue:StringNotEquals", TAGS, "a"),
        ALLOWED,
        one(TAGS, "a", "b"),
    ),
    Row(
        "multivalued: ForAllValues:StringNotLike: no member matches",
        when("ForAllValues:StringNotLike", TAGS, "x*"),
        ALLOWED,
        one(TAGS, "a", "b"),
    ),
    Row(
        "multivalued: ForAnyValue:StringLike of a path",
        when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-1/r-1/ou-1/*"),
        ALLOWED,
        one("aws:PrincipalOrgPaths", "o-1/r-1/ou-1/ou-2/"),
    ),
    Row(
        "multivalued: ForAnyValue:ArnLike",
        when("ForAnyValue:ArnLike", ARN, "arn:aws:*:*:*:*"),
        ALLOWED,
        one(ARN, SOURCE),
    ),
    Row("multivalued: with IfExists", when("ForAnyValue:StringEqualsIfExists", TAGS, "a"), ALLOWED, lacks(TAGS)),
    # --- variables
    Row(
        "variables: of a context key",
        when("StringEquals", ACCOUNT, "${aws:ResourceAccount}"),
        ALLOWED,
        one(ACCOUNT, OWN),
    ),
    Row("variables: in any case", when("StringEquals", ACCOUNT, "${AWS:resourceaccount}"), ALLOWED, one(ACCOUNT, OWN)),
    Row(
        "variables: version 2008-10-17 takes them for text",
        when("StringEquals", ACCOUNT, "${aws:ResourceAccount}"),
        IMPLICIT,
        one(ACCOUNT, OWN),
        version="2008-10-17",
    ),
    Row(
        "variables: without a value nothing matches",
        when("StringEquals", ACCOUNT, f"${{{TEAM}}}"),
        IMPLICIT,
        one(ACCOUNT, OWN) | lacks(TEAM),
    ),
    Row(
        "variables: a default",
        when("StringEquals", ACCOUNT, f"${{{TEAM}, '{OWN}'}}"),
        ALLOWED,
        one(ACCOUNT, OWN) | lacks(TEAM),
    ),
    Row("variables: ${*} is a star itself", when("StringLike", TEAM, "a${*}"), IMPLICIT, one(TEAM, "agents")),
    Row(
        "variables: in Resource",
        a_statement(Resource=f"arn:aws:secretsmanager:*:*:secret:${{{TEAM}}}/*"),
        ALLOWED,
        one(TEAM, "agents"),
    ),
    Row(
        "variables: not in numbers",
        when("NumericEquals", AGE, f"${{{TEAM}}}"),
        IMPLICIT,
        one(AGE, "5") | one(TEAM, "5"),
    ),
    # --- principals
    Row("principal: a service by its name", a_statement(Principal={"Service": SERVICE.name}), ALLOWED),
    Row("principal: an account does not stand for services", a_statement(Principal={"AWS": OWN}), IMPLICIT),
    Row(
        "principal: the account delegates to IAM",
        a_statement(Principal={"AWS": ROOT}),
        HANGS,
        reader=ROLE,
        depends_on=(ROLE.identity_policy,),
    ),
    Row("principal: a role by its ARN", a_statement(Principal={"AWS": ROLE.name}), ALLOWED, reader=ROLE),
    Row(
        "principal: a role allows its sessions",
        a_statement(Principal={"AWS": f"arn:aws:iam::{OWN}:role/reader"}),
        ALLOWED,
        reader=Principal.parse(SESSION),
    ),
    Row(
        "principal: a session by its ARN",
        a_statement(Principal={"AWS": SESSION}),
        ALLOWED,
        reader=Principal.parse(SESSION),
    ),
    Row(
        "principal: another session of the role",
        a_statement(Principal={"AWS": SESSION[:-1] + "2"}),
        IMPLICIT,
        reader=Principal.parse(SESSION),
    ),
    Row(
        "principal: a wildcard matches no part of an ARN",
        a_statement(Principal={"AWS": f"arn:aws:iam::{OWN}:role/*"}),
        IMPLICIT,
        reader=ROLE,
    ),
    Row("principal: another account", a_statement(Principal={"AWS": OTHER}), IMPLICIT, reader=ROLE),
    Row(
        "principal: everybody, within one account",
        when("StringEquals", "aws:PrincipalAccount", OWN),
        ALLOWED,
        reader=ROLE,
    ),
    Row(
        "principal: a Deny of the account", [OPEN, a_statement("Deny", Principal={"AWS": ROOT})], EXPLICIT, reader=ROLE
    ),
    Row(
        "principal: a Deny of the account does not deny services",
        [OPEN, a_statement("Deny", Principal={"AWS": ROOT})],
        ALLOWED,
    ),
    Row(
        "principal: a Deny of everybody denies services", [OPEN, a_statement("Deny", Principal={"AWS": "*"})], EXPLICIT
    ),
    Row(
        "NotPrincipal: denies all others",
        [OPEN, a_statement("Deny", Principal=None, NotPrincipal={"Service": "a.amazonaws.com"})],
        EXPLICIT,
    ),
    Row(
        "NotPrincipal: spares whom it names",
        [OPEN, a_statement("Deny", Principal=None, NotPrincipal={"Service": SERVICE.name})],
        ALLOWED,
    ),
    Row(
        "NotPrincipal: role and account, as it asks for",
        [OPEN, a_statement("Deny", Principal=None, NotPrincipal={"AWS": [ROLE.name, ROOT]})],
        ALLOWED,
        reader=ROLE,
    ),
    Row(
        "global keys: a data perimeter spares services",
        [
            OPEN,
            a_statement(
                "Deny",
                Condition={
                    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            ),
        ],
        ALLOWED,
    ),
    # --- actions, resources
    Row("action: names are not case-sensitive", a_statement(Action="SecretsManager:getsecretvalue"), ALLOWED),
    Row("action: wildcards", a_statement(Action="secretsmanager:Get?ecret*"), ALLOWED),
    Row("action: a list", a_statement(Action=["s3:*", ACTION]), ALLOWED),
    Row("NotAction: all but these", a_statement(Action=None, NotAction="secretsmanager:Put*"), ALLOWED),
    Row("NotAction: these not", a_statement(Action=None, NotAction=["s3:*", "secretsmanager:Get*"]), IMPLICIT),
    Row(
        "NotAction: in a Deny", [OPEN, a_statement("Deny", Action=None, NotAction="secretsmanager:Describe*")], EXPLICIT
    ),
    Row("resource: by its ARN", a_statement(Resource=SECRET), ALLOWED),
    Row("resource: with wildcards for the suffix", a_statement(Resource=SECRET[:-6] + "??????"), ALLOWED),
    Row("resource: is case-sensitive", a_statement(Resource=SECRET.upper()), IMPLICIT),
    Row("resource: a partial ARN is none", a_statement(Resource=SECRET[:-7]), IMPLICIT),
    Row("NotResource: all but this", a_statement(Resource=None, NotResource=SECRET), IMPLICIT),
    Row("NotResource: another", a_statement(Resource=None, NotResource=SECRET[:-6] + "ZzZzZz"), ALLOWED),
    # --- what is not known
    Row(
        "unknown: the key that it hangs on",
        when("StringEquals", ACCOUNT, OWN),
        HANGS,
        {ACCOUNT: UNKNOWN},
        depends_on=(ACCOUNT,),
    ),
    Row(
        "unknown: a key without influence is not named",
        a_statement(Condition={"StringEquals": {ACCOUNT: OWN, TEAM: "a"}}),
        HANGS,
        {ACCOUNT: UNKNOWN} | one(TEAM, "a"),
        depends_on=(ACCOUNT,),
    ),
    Row(
        "unknown: an Allow beside it settles it",
        [OPEN, when("StringEquals", ACCOUNT, OWN)],
        ALLOWED,
        {ACCOUNT: UNKNOWN},
    ),
    Row(
        "unknown: a Deny beside it settles it",
        [a_statement("Deny"), when("StringEquals", ACCOUNT, OWN)],
        EXPLICIT,
        {ACCOUNT: UNKNOWN},
    ),
    Row(
        "unknown: a condition that fails settles it",
        a_statement(Condition={"StringEquals": {ACCOUNT: OWN, TEAM: "a"}}),
        IMPLICIT,
        {ACCOUNT: UNKNOWN} | one(TEAM, "b"),
    ),
    Row(
        "unknown: both ways at once",
        [when("StringEquals", ACCOUNT, OWN), when("StringNotEquals", ACCOUNT, OWN)],
        ALLOWED,
        {ACCOUNT: UNKNOWN},
    ),
    Row(
        "unknown: Null both ways",
        [when("Null", ACCOUNT, "true"), when("Null", ACCOUNT, "false")],
        ALLOWED,
        {ACCOUNT: UNKNOWN},
    ),
    Row(
        "unknown: a Deny that may be",
        unless("StringNotEquals", "aws:SourceVpce", "vpce-1"),
        HANGS,
        {"aws:SourceVpce": UNKNOWN},
        depends_on=("aws:SourceVpce",),
    ),
    Row(
        "one of: all candidates agree",
        when("StringEqualsIfExists", ACCOUNT, OWN),
        ALLOWED,
        {ACCOUNT: OneOf((ABSENT, Present((OWN,))))},
    ),
    Row(
        "one of: they differ",
        when("StringEquals", ACCOUNT, OWN),
        HANGS,
        {ACCOUNT: OneOf((ABSENT, Present((OWN,))))},
        depends_on=(ACCOUNT,),
    ),
    Row(
        "one of: none will do",
        when("StringEquals", ACCOUNT, OTHER),
        IMPLICIT,
        {ACCOUNT: OneOf((ABSENT, Present((OWN,))))},
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.says)
def test_it_is_decided_as_the_page_says(row: Row) -> None:
    statements = row.statements if isinstance(row.statements, list) else [row.statements]

    decision = decide(*statements, reader=row.reader, context=row.context, version=row.version)

    assert (decision.outcome, decision.depends_on) == (row.outcome, row.depends_on)
