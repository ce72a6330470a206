"""What is made by a program on a page stands between two marks; everything else is written by hand."""

from collections.abc import Mapping


def between_marks(page: str, made: Mapping[str, str]) -> str:
    """The page with each text made anew between its two marks."""
    for name, text in made.items():
        begin, end = f"<!-- {name}: made by `make docs` -->", f"<!-- end of {name} -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}"
    return page
