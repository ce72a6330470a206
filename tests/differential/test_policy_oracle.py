"""The policy evaluator against an independent engine, @cloud-copilot/iam-simulate.

The engine is AGPL: `make test` installs it into .venv/node from the lock in tests/oracle, and nothing of it is imported,
shipped or copied. These tests stand apart from tests/contract because they need Node.js, which `make unit` does without.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from secretwatch.policy import ABSENT, Context, Decision, Outcome, Policy, Present, Principal, evaluate
from tests.differential import policies
from tests.differential.policies import Case, Json, Maker

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
    policy = Policy.parse(json.dumps(case.policy))
    return evaluate([policy], Principal.parse(case.principal), case.action, case.resource, context)


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
    }.get(decision.outcome, f"{decision}")


def theirs(answer: Json) -> str:
    """The oracle's outcome; it tells apart a Deny for the whole account, which denies all the same."""
    return "ExplicitlyDenied" if answer.get("result") == "DeniedForAccount" else str(answer.get("result", answer))


def disagreements(cases: Sequence[Case]) -> list[str]:
    return [
        f"ours {our}, theirs {their}: {json.dumps(asdict(case))}"
        for case, answer in zip(cases, ask_oracle(cases), strict=True)
        if (our := ours(case)) != (their := theirs(answer)) or answer.get("ignored")
    ]


def test_generated_policies_are_decided_as_the_oracle_decides_them(capsys: pytest.CaptureFixture[str]) -> None:
    maker = Maker(SEED)
    cases = [case for _ in range(POLICIES) for case in maker.cases(REQUESTS)]

    found = disagreements(cases)

    outcomes = Counter(ours(case) for case in cases)
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {POLICIES} policies, {len(cases)} requests, {len(found)} disagreements, {dict(outcomes)}"
        )
    assert found == []
    assert (
        min(outcomes[each] for each in ("Allowed", "ExplicitlyDenied", "ImplicitlyDenied", "AllowedForAccount")) > 100
    )
