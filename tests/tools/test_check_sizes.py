"""Sizes are measured as a reader counts them, and exceptions are named, bounded and needed."""

from tools.check_sizes import Size, faults, report, sizes_of

MODULE = """
class Shape(Protocol[T]):
    sides: int
    known: ClassVar[int] = 0

    @property
    def area(self) -> float: ...

    @area.setter
    def area(self, area: float) -> None:
        self.width = self.width or area
        self._height: float = 1.0

    async def draw(self) -> None:
        def line() -> None:
            pass
"""


def test_each_thing_is_measured() -> None:
    """A setter is no second method, a class variable no attribute, and what is set twice is one attribute."""
    known = {(size.measure, size.name): size.value for size in sizes_of(MODULE, "a.py")}
    assert known["module_lines", "a.py"] == 16
    assert known["class_methods", "a.py:Shape"] == known["interface_methods", "a.py:Shape"] == 2
    assert known["class_attributes", "a.py:Shape"] == 3
    assert known["function_lines", "a.py:Shape.draw"] == 3
    assert known["function_lines", "a.py:Shape.draw.line"] == 2


def test_what_is_too_large_is_a_fault_unless_named() -> None:
    """At the limit is allowed; an exception has a bound of its own, a reason and a use."""
    large = [Size("module_lines", "a.py", 301), Size("module_lines", "b.py", 300)]
    assert [fault.split(":")[0] for fault in faults(large, {})] == ["a.py"]
    allowed = {"module_lines": {"a.py": {"at_most": 301, "reason": "a table"}}}
    assert not list(faults(large, allowed))
    assert "301 allowed by its exception" in next(faults([Size("module_lines", "a.py", 302)], allowed))
    assert "not needed" in next(faults(large[1:], allowed))
    assert "no reason" in next(faults(large, {"module_lines": {"a.py": {"at_most": 301}}}))


def test_the_report_has_a_line_for_each_measure() -> None:
    """Median, percentiles and maximum."""
    sizes = [*sizes_of(MODULE, "a.py"), *sizes_of(MODULE, "b.py")]
    assert len(report(sizes).splitlines()) == 6
