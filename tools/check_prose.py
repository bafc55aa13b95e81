"""Words that plain English does without, found in comments, docstrings, strings, names and Markdown.

`python -m tools.check_prose [PATH ...]` prints each as `path:line: "word": what to use` and fails. The words and the
exceptions, each with its reason, are in prose_words.toml; an exception that nothing needs fails too. `--count` prints
only how many there are by folder and word.
"""

from __future__ import annotations

import argparse
import re
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("gates", "connectors", "streams", "tools", "benchmarks", "tests", "examples", "docs", "deploy")
WORDS = Path(__file__).with_name("prose_words.toml")

# A part of an f-string is a token of its own from Python 3.12 on.
_PROSE = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Found(NamedTuple):
    """A word on a line of a file, and what to use instead."""

    path: str
    line: int
    word: str
    instead: str


class Rules:
    """The word list, ready to search with.

    >>> rules = Rules({"word": [{"pattern": "so many", "instead": "a number"}], "identifiers": {"words": ["told"]}})
    >>> [found.word for found in rules.in_text("a.md", "It keeps so many of them.")]
    ['so many']
    >>> [found.word for found in rules.in_python("a.py", "as_told = 'keeps so many'")]
    ['as_told (told)', 'so many']
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._words = [(_pattern(word["pattern"]), word["instead"]) for word in document["word"]]
        self._names = set(document.get("identifiers", {}).get("words", ()))

    def in_text(self, path: str, text: str, first: int = 1) -> Iterator[Found]:
        """What a text has that begins on line `first`."""
        for pattern, instead in self._words:
            for match in pattern.finditer(text):
                line = first + text.count("\n", 0, match.start())
                yield Found(path, line, " ".join(match[0].lower().split()), instead)

    def in_python(self, path: str, source: str) -> Iterator[Found]:
        """What a module has in its names, comments and strings."""
        for token in tokenize.generate_tokens(StringIO(source).readline):
            if token.type == tokenize.NAME:
                for part in self._names & {part.lower() for part in _PARTS.findall(token.string)}:
                    yield Found(path, token.start[0], f"{token.string} ({part})", "name the thing")
            elif token.type in _PROSE:
                yield from self.in_text(path, token.string, token.start[0])


def _pattern(words: str) -> re.Pattern[str]:
    """Whole words; a phrase may be broken over lines."""
    phrase = words.replace(" ", r"\s+")
    return re.compile(rf"(?<![\w.\\-])(?:{phrase})(?![\w-])", re.IGNORECASE)


class Exceptions:
    """What may stay, by file and by text on the line; `unused` has those that excepted nothing."""

    def __init__(self, known: list[dict[str, str]]) -> None:
        self.unused = list(known)
        self._known = known

    def allow(self, found: Found, line: str) -> bool:
        """Whether the word may stay on this line."""
        allowed = [each for each in self._known if fnmatch(found.path, each["files"]) and each["text"] in line]
        self.unused = [each for each in self.unused if each not in allowed]
        return bool(allowed)


def files(paths: Iterable[str]) -> list[Path]:
    """Every module and page in these paths; without any, in the project."""
    roots = [Path(path).resolve() for path in paths] or [*(ROOT / folder for folder in FOLDERS), *ROOT.glob("*.md")]
    inside = (file for root in roots for file in ([root] if root.is_file() else root.rglob("*")))
    return sorted({file for file in inside if file.suffix in {".py", ".md"}})


def search(rules: Rules, exceptions: Exceptions, paths: Iterable[Path]) -> Iterator[Found]:
    """Every word that is not excepted, by file and line."""
    for file in paths:
        text, path = file.read_text("utf-8"), file.relative_to(ROOT).as_posix()
        lines = text.splitlines()
        known = rules.in_python(path, text) if file.suffix == ".py" else rules.in_text(path, text)
        yield from sorted(found for found in known if not exceptions.allow(found, lines[found.line - 1]))


def counts(found: Iterable[Found]) -> str:
    """How many there are by folder (two levels deep), then by word."""
    known = list(found)
    folders = Counter("/".join(each.path.split("/")[:-1][:2]) or "." for each in known)
    words = Counter(each.word for each in known)
    lines = [f"{number:5} {name}" for table in (folders, words) for name, number in [*table.most_common(), ("", 0)]]
    return "\n".join(line for line in lines if not line.endswith("0 ")) + f"\n{len(known):5} in all"


def main() -> int:
    """Check, or count."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_prose", description=__doc__)
    parser.add_argument("paths", nargs="*", help="files and folders; without any, all of the project")
    parser.add_argument("--count", action="store_true", help="print how many there are, and check nothing")
    arguments = parser.parse_args()
    document = tomllib.loads(WORDS.read_text("utf-8"))
    exceptions = Exceptions(document.get("exception", []))
    found = list(search(Rules(document), exceptions, files(arguments.paths)))
    if arguments.count:
        print(counts(found))
        return 0
    lines = [f'{each.path}:{each.line}: "{each.word}": {each.instead}' for each in found]
    if not arguments.paths:
        lines += [f"{WORDS.name}: nothing needs the exception for {each}" for each in exceptions.unused]
    print(*lines, sep="\n", end="\n" if lines else "")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
