"""Results of policy tests as JUnit XML, which CI systems display."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from streams.offline.policy_tests.running import PolicyTestResult

_KINDS = {"failed": "failure", "unreadable": "error"}


def junit(results: Sequence[PolicyTestResult]) -> bytes:
    """The document: one suite with a case per test; an unreadable test is an error, not a failure."""
    counted = {kind: str(sum(each.status == status for each in results)) for status, kind in _KINDS.items()}
    suite = ElementTree.Element(
        "testsuite",
        name="sluicegate",
        tests=str(len(results)),
        failures=counted["failure"],
        errors=counted["error"],
        time=f"{sum(each.seconds for each in results):.3f}",
    )
    for each in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_printable(str(each.folder.parent)),
            name=_printable(each.folder.name),
            time=f"{each.seconds:.3f}",
        )
        if each.status != "ok":
            report = ElementTree.SubElement(case, _KINDS[each.status], message=_printable(each.faults[0]))
            report.text = "\n".join(map(_printable, each.faults))
    ElementTree.indent(suite)
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document


def _printable(text: str) -> str:
    """Replace control characters, which XML cannot contain."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
