"""`secretwatch explain CODE`: what a finding means and how to mend it. It needs no AWS."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from rich.text import Text

from secretwatch.domain.catalogue import EXPLANATIONS
from secretwatch.domain.finding import Code, severity_of
from secretwatch_cli.display import headed, indented
from secretwatch_cli.failures import Misused

_CODES = [code.value for code in Code]


def read_code(text: str) -> Code:
    """The code, in whatever case it is typed; raises Misused, with what may be meant, when there is none."""
    word = text.upper().replace("-", "_")
    if word in _CODES:
        return Code(word)
    near = get_close_matches(word, _CODES, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "All of them: secretwatch explain"
    raise Misused(f"{text!r} is not the code of a finding. {hint}")


def code_lines(code: Code) -> Iterator[Text]:
    """What it means, and how to mend it."""
    explanation = EXPLANATIONS[code]
    yield headed(severity_of(code), code.value)
    yield indented(explanation.meaning)
    yield indented(f"What to do: {explanation.mend}")


def code_json(code: Code) -> dict[str, Any]:
    """The same for a program."""
    explanation = EXPLANATIONS[code]
    return {"code": code, "severity": severity_of(code), "meaning": explanation.meaning, "mend": explanation.mend}


def all_codes_lines() -> Iterator[Text]:
    """Every code with its severity."""
    for code in Code:
        yield headed(severity_of(code), code.value)


def all_codes_json() -> dict[str, Any]:
    """The same for a program."""
    return {"codes": [code_json(code) for code in Code]}
