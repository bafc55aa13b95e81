"""The results of one run of all benchmarks, as benchmarks/results.json holds them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from benchmarks.measure import Row
from benchmarks.table import into_page, markdown, tables


@dataclass(frozen=True)
class Results:
    """The rows, the machine that they were measured on, and the versions of what took part."""

    machine: dict[str, str]
    versions: dict[str, str]
    rows: list[Row]

    @property
    def parts(self) -> list[str]:
        """The parts that have rows."""
        return list(dict.fromkeys(row.part for row in self.rows))

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """The results that `to_json` encoded."""
        found = json.loads(text)
        rows = [Row(**row | {"values": tuple(row["values"])}) for row in found["rows"]]
        return cls(found["machine"], found["versions"], rows)

    def into_page(self, page: str) -> str:
        """docs/performance.md with these results between its marks."""
        about = [f"* {name}: {value}" for name, value in (self.machine | self.versions).items()]
        page = into_page(page, "machine", "\n".join(about))
        for part in self.parts:
            page = into_page(page, part, "\n\n".join(markdown(table) for table in tables(self.rows, part)))
        return page
