"""What a scan prints: the forms that docs/cli.md describes."""

import csv
import io
import json

import jsonschema
import pytest

from secretwatch.domain.facts import Unknown
from secretwatch.domain.finding import Code, Finding, Verdict
from secretwatch.domain.judging import Judgement
from secretwatch_cli.display import print_lines
from secretwatch_cli.display.scan import COLUMNS, print_table, scan_json, scan_lines, write_csv
from secretwatch_cli.scanning import FailedScan, Found, Scan, Unread
from tests.contract.template import ROOT
from tests.fakes import ACCOUNT, NOON, REGION, a_reference, secret_arn

LONG = a_reference("crm-oauth-of-the-support-team", secret=secret_arn("agents/production/europe/crm/oauth"))
MISSING = Finding(Code.JSON_KEY_MISSING, "it lacks JSON key `key`", "Roll back.", f"aws undo {'x' * 100}")
OLD_KEY = Finding(Code.KEY_NOT_CUSTOMER_MANAGED, "it is under aws/secretsmanager", "Use a key of yours.")
SCAN = Scan(
    ACCOUNT,
    "ap-southeast-2",
    "production",
    NOON,
    (
        Found(LONG, Judgement(Verdict.BROKEN, (MISSING, OLD_KEY))),
        Found(a_reference("erp"), Judgement(None, (), Unknown("DescribeSecret: AccessDeniedException"))),
        Found(a_reference("pay", json_key="=key()"), Judgement(Verdict.RESOLVES), observed_at=NOON),
    ),
    (Unread("all PAYMENT providers", "ListPaymentCredentialProviders: AccessDeniedException"),),
)
FAILED = FailedScan(REGION, "nobody", "The config profile (nobody) could not be found.")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setenv("COLUMNS", "80")
    print_table([SCAN])
    return capsys.readouterr().out.splitlines()


def test_the_table_fits_into_80_columns_and_no_code_place_or_verdict_is_cut(table: list[str]) -> None:
    text = "\n".join(table)

    assert max(map(len, table)) <= 80
    for whole in (ACCOUNT, "ap-southeast-2", "BROKEN", "KEY_NOT_CUSTOMER_MANAGED", "RESOLVES", "unknown"):
        assert whole in text


def test_long_names_are_folded_and_lose_nothing(table: list[str]) -> None:
    columns = [line[16:54] for line in table]
    providers = "".join(line[:19].strip() for line in columns)

    assert "crm-oauth-of-the-support-team" in providers


def test_under_the_table_stands_what_is_wrong_what_to_do_and_what_could_not_be_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_lines(scan_lines([SCAN], [FAILED]))

    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        f"BROKEN    crm-oauth-of-the-support-team (OAUTH2, clientSecret) in {ACCOUNT} ap-southeast-2",
        LONG.secret_arn,
        "JSON_KEY_MISSING (BROKEN): it lacks JSON key `key`.",
        "What to do: Roll back.",
        MISSING.command,
        "KEY_NOT_CUSTOMER_MANAGED (DEGRADED): it is under aws/secretsmanager.",
        "What to do: Use a key of yours.",
        f"unknown   erp (OAUTH2, clientSecret) in {ACCOUNT} ap-southeast-2",
        secret_arn(),
        "Unknown: DescribeSecret: AccessDeniedException.",
        f"unknown   {ACCOUNT} ap-southeast-2: all PAYMENT providers:"
        " ListPaymentCredentialProviders: AccessDeniedException.",
        f"unknown   profile nobody in {REGION} could not be looked at: The config profile (nobody) could not be found.",
        "3 references: 1 BROKEN, 0 DEGRADED, 1 RESOLVES, 1 unknown.",
    ]


def test_json_is_of_the_documented_form() -> None:
    document = json.loads(json.dumps(scan_json([SCAN], [FAILED])))

    jsonschema.validate(document, json.loads((ROOT / "docs/cli/scan.json").read_text()))
    assert [one["error"] for one in document["places"]] == [None, FAILED.reason]
    assert [one["verdict"] for one in document["references"]] == ["BROKEN", None, "RESOLVES"]
    assert [one["evidence"] for one in document["references"]] == ["checked", "checked", "observed"]


def rows() -> list[dict[str, str]]:
    out = io.StringIO()
    write_csv([SCAN], out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_csv_has_the_documented_columns() -> None:
    page = (ROOT / "docs/cli.md").read_text()

    assert f"`{','.join(COLUMNS)}`" in page
    assert list(rows()[0]) == list(COLUMNS)


def test_csv_has_a_row_for_each_finding_and_one_for_a_reference_without() -> None:
    assert [(row["provider"], row["verdict"], row["code"], row["severity"], row["unknown"]) for row in rows()] == [
        (LONG.provider.name, "BROKEN", "JSON_KEY_MISSING", "BROKEN", ""),
        (LONG.provider.name, "BROKEN", "KEY_NOT_CUSTOMER_MANAGED", "DEGRADED", ""),
        ("erp", "unknown", "", "", "DescribeSecret: AccessDeniedException"),
        ("pay", "RESOLVES", "", "", ""),
    ]


def test_no_cell_is_a_formula() -> None:
    assert rows()[-1]["json_key"] == "'=key()"
