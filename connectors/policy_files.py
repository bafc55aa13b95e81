"""Reads policy files and their companions: YAML text to a Policy, each fault with its line and column.

Files are not trusted. Their size, number of nodes (an alias counts each time it is used) and depth are bounded,
duplicate keys are faults, and tags can build nothing but plain data.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from gates.documents.quantities import shown
from gates.policy import Policy, PolicyError, PolicyFault

LARGEST_BYTES = 256 * 1024
MOST_NODES = 10_000
DEEPEST = 32

_STANDARD = "tag:yaml.org,2002:"
_SEQUENCE = f"{_STANDARD}seq"
_MAPPING = f"{_STANDARD}map"
_TEXT = f"{_STANDARD}str"
_MERGE = f"{_STANDARD}merge"
_NO_TEXT_KEY = "has a key that is not text: write it in quotes"

T = TypeVar("T")
Location = tuple[str | int, ...]
Place = tuple[int, int]  # line and column, counted from 1


@dataclass(frozen=True, slots=True, order=True)
class FileFault:
    """One thing wrong with a policy file: where (line and column count from 1), in which field, and what."""

    line: int
    column: int
    path: str
    message: str


class PolicyFileError(ValueError):
    """A text that is not a policy, with every fault found in it, in the order of the lines."""

    def __init__(self, source: str, faults: tuple[FileFault, ...]) -> None:
        self.source = source
        self.faults = faults
        super().__init__("\n".join(f"{source}:{f.line}: {f.path or 'policy'}: {f.message}" for f in faults))


def load(text: str | bytes, *, source: str) -> Policy:
    """Read one policy from YAML; `source` names the text in messages (a file name, usually).

    Raises PolicyFileError, and nothing else, with every fault. A text that is not YAML has one fault.
    """
    return read(text, Policy.parse, source=source, hint="write a policy, beginning with `schema: sluicegate.policy/v1`")


def read(text: str | bytes, parse: Callable[[Mapping[str, object]], T], *, source: str, hint: str) -> T:
    """Read one document from YAML with `parse`, which raises PolicyError, also for anything that is not a mapping.

    `source` names the text in messages; `hint` is the advice for an empty text. Raises PolicyFileError, and
    nothing else, with every fault.
    """
    try:
        decoded = _decoded(text)
        root, nodes = _compose(decoded, hint)
        document = nodes.value_of(root, ())
    except _UnusableError as error:
        raise PolicyFileError(source, (error.fault,)) from None
    faults = list(nodes.faults)
    try:
        parsed = parse(document)  # type: ignore[arg-type]
    except PolicyError as error:
        faults.extend(nodes.placed(error.faults))
        if error.more:
            faults.append(FileFault(*_end_of(decoded), path="", message=f"has {error.more:,} more faults"))
        raise PolicyFileError(source, tuple(sorted(faults))) from None
    if faults:
        raise PolicyFileError(source, tuple(sorted(faults)))
    return parsed


def place(text: str | bytes, remarks: Iterable[PolicyFault]) -> tuple[FileFault, ...]:
    """The positions of remarks on a policy in the text that `load` read it from, in the order of the lines."""
    root, nodes = _compose(_decoded(text), "")
    nodes.value_of(root, ())
    return tuple(sorted(nodes.placed(tuple(remarks))))


class _UnusableError(Exception):
    """The text as a whole cannot be read."""

    def __init__(self, message: str, place: Place = (1, 1)) -> None:
        self.fault = FileFault(*place, path="", message=message)


def _place(mark: yaml.Mark | None) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _end_of(text: str) -> Place:
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _decoded(text: str | bytes) -> str:
    if len(text) > LARGEST_BYTES or (isinstance(text, str) and len(text.encode(errors="replace")) > LARGEST_BYTES):
        raise _UnusableError(f"is larger than {LARGEST_BYTES // 1024} KiB: a policy takes a few dozen lines")
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise _UnusableError(
            "is not UTF-8 text: save the file as UTF-8", _end_of(text[: error.start].decode())
        ) from None


def _compose(text: str, hint: str) -> tuple[Node, "_NodeReader"]:
    try:
        loader = _BoundedLoader(text)
        root = loader.get_single_node()
    except ReaderError as error:
        message = f"holds the character {text[error.position]!r}, which YAML does not allow: remove it"
        raise _UnusableError(message, _end_of(text[: error.position])) from None
    except yaml.MarkedYAMLError as error:
        raise _UnusableError(_syntax(error), _place(error.problem_mark or error.context_mark)) from None
    except (ValueError, OverflowError, IndexError) as error:  # such as \UFFFFFFFF in a quoted text
        raise _UnusableError(f"is not valid YAML: {error}", _place(loader.get_mark())) from None
    if root is None:
        raise _UnusableError(f"is empty: {hint}")
    return root, _NodeReader(loader)


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "unknown"
    if "single document" in f"{error.context} {error.problem}":
        return "holds a second document: write one policy per file, without a `---` in between"
    if r"'\t'" in problem:
        return "is indented with a tab: use spaces"
    if "mapping values are not allowed" in problem:
        return "is not valid YAML: a `:` stands where no key can be; check the indentation, or quote the text"
    return f"is not valid YAML: {problem}"


class _BoundedLoader(yaml.SafeLoader):
    """A SafeLoader that gives up on texts with too many or too deeply nested nodes."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self._nodes += 1
        self._depth += 1
        _check_bounds(self._nodes, self._depth, _place(self.get_mark()))
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _check_bounds(nodes: int, depth: int, place: Place) -> None:
    if nodes > MOST_NODES:
        message = f"has more than {MOST_NODES:,} values, aliases counted as often as they are used: write fewer"
        raise _UnusableError(message, place)
    if depth > DEEPEST:
        raise _UnusableError(f"is nested more than {DEEPEST} levels deep: a policy needs five", place)


class _NodeReader:
    """Turns nodes into plain data, and keeps the position of each value and the faults."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self.faults: list[FileFault] = []
        self._loader = loader
        self._places: dict[Location, Place] = {}
        self._unread: set[Location] = set()
        self._nodes = 0

    def value_of(self, node: Node, location: Location) -> object:
        """Return the plain value of `node`; if it has none, add a fault and return None."""
        self._nodes += 1
        _check_bounds(self._nodes, len(location) + 1, _place(node.start_mark))
        self._places.setdefault(location, _place(node.start_mark))
        if isinstance(node, MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, location)
        if isinstance(node, SequenceNode) and node.tag == _SEQUENCE:
            return [self.value_of(item, (*location, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            try:
                return self._loader.construct_object(node)
            except (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError):
                pass
        message = f"cannot be read as {shown(node.tag.removeprefix(_STANDARD))}: write plain text in quotes"
        self._unread.add(location)
        self.faults.append(FileFault(*self._places[location], _path(location), message))
        return None

    def placed(self, faults: tuple[PolicyFault, ...]) -> Iterator[FileFault]:
        """Yield the faults of the policy with their positions, except of values that could not be read anyway."""
        for fault in faults:
            way = [fault.location[:length] for length in range(len(fault.location), -1, -1)]
            if not self._unread.intersection(way):
                place = next(self._places[location] for location in way if location in self._places)
                yield FileFault(*place, fault.path, fault.message)

    def _mapping(self, node: MappingNode, location: Location) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            self._nodes += 1
            key = self._loader.construct_object(key_node) if key_node.tag == _TEXT else None
            place = _place(key_node.start_mark)
            if not isinstance(key, str):
                merge = key_node.tag == _MERGE
                message = "merge keys (`<<`) are not read: write the keys out" if merge else _NO_TEXT_KEY
                self.faults.append(FileFault(*place, _path(location), message))
            elif key in mapping:
                message = f"is written twice, first in line {self._places[*location, key][0]}: keep one"
                self.faults.append(FileFault(*place, _path((*location, key)), message))
            else:
                self._places[*location, key] = place
                mapping[key] = self.value_of(value_node, (*location, key))
        return mapping


def _path(location: Location) -> str:
    return PolicyFault(location, "").path
