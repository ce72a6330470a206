"""Writes what each finding means into docs/operations.md: `python -m docs.operations`, or `make docs`."""

from pathlib import Path

from docs.marks import between_marks
from secretwatch.domain.catalogue import EXPLANATIONS
from secretwatch.domain.finding import Code, Verdict, severity_of

PAGE = Path(__file__).with_suffix(".md")

_MEANING = {
    Verdict.BROKEN: "Broken: agents cannot get the credential.",
    Verdict.DEGRADED: "Degraded: it works, but breaks a rule or soon will.",
}


def page(current: str) -> str:
    """The page with its findings made anew; the rest stays."""
    return between_marks(current, {"findings": "\n\n".join(_entry(code) for code in Code)})


def _entry(code: Code) -> str:
    explanation = EXPLANATIONS[code]
    return f"### {code}\n\n{_MEANING[severity_of(code)]} {explanation.meaning}\n\nWhat to do: {explanation.mend}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
