"""Reading a header's YAML: texts stay texts, and nothing is dropped in silence. Pure.

The only module that imports the YAML libraries.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from runr.tasks import problems
from runr.tasks.document import BOUNDARY
from runr.tasks.fields import Header
from runr.tasks.model import Problem
from runr.text import shortened

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML without its C part
    from yaml import SafeLoader as Loader  # type: ignore[assignment] # it reads the same

# Deeper than any header; shallow enough for every recursion that follows.
_DEPTH = 50
# How libyaml, since 0.2.6, refuses what is nested deeper than it can read itself.
_LIBYAML_TOO_DEEP = "exceeded maximum nesting depth"
# Line breaks to YAML alone: every editor, and so every line number, takes them for spaces.
_BREAKS = dict.fromkeys((0x85, 0x2028, 0x2029), " ")
_NULL = "tag:yaml.org,2002:null"
_TAGS = {_NULL, *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")), None}


class Located(NamedTuple):
    """A part of a YAML file, with the line on which it, or its key, is written.

    A scalar is its text, None for null; keys are texts.
    """

    value: "str | tuple[Located, ...] | Mapping[str, Located] | None"
    line: int


class RefusedError(yaml.YAMLError):
    """YAML that a header may not hold; `line` is a file line."""

    def __init__(self, code: str, message: str, line: int) -> None:
        super().__init__(message)
        self.problem = Problem(code=code, message=message, line=line)


class PlainLoader(Loader):
    """Reads `1.10`, `0123`, `12:30` and `on` as the texts that they are; only null is special."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - declared so by PyYAML
        first: [entry for entry in resolvers if entry[0] == _NULL]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        tag: make for tag, make in Loader.yaml_constructors.items() if tag in _TAGS
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping with its keys as they are written, each once."""
        made: dict[Hashable, Any] = {}
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                reason = "a key must be text"
                raise yaml.constructor.ConstructorError(None, None, reason, key.start_mark)
            line = _line(key)
            if key.value in seen:
                name = shortened(key.value)
                message = f"the key `{name}` occurs twice, first on line {seen[key.value]}"
                raise RefusedError("duplicate_key", message, line)
            seen[key.value] = line
            made[key.value] = self.construct_object(value, deep=deep)
        return made


class PlainHandler(YAMLHandler):
    """python-frontmatter's YAML, read by `PlainLoader`; keeps the lines of keys and items."""

    FM_BOUNDARY = BOUNDARY

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[tuple[int | str, ...], int] = {}

    def load(self, fm: str, **_: object) -> Any:
        """Return the mapping in `fm`; YAMLError where it holds anything else."""
        _refuse_bombs(fm)
        loader = PlainLoader(fm)
        try:
            node = loader.get_single_node()
            if node is None:
                return {}
            if not isinstance(node, yaml.MappingNode):
                raise _not_a_mapping(node)
            values = loader.construct_document(node)
            self.lines = _lines(node)
        finally:
            loader.dispose()
        return values


def read(text: str, opened: int) -> Header | Problem:
    """Return the header in `text`, or what keeps it from being read.

    `text` is the part between the `---` lines, `opened` the line number of the first.
    """
    handler = PlainHandler()
    # Empty lines for those above, so that YAML's line numbers are those of the file.
    placed = "\n" * opened + text.translate(_BREAKS)
    try:
        values, _ = frontmatter.parse(f"---{placed}---", handler=handler)
    except RefusedError as error:
        return error.problem
    except yaml.MarkedYAMLError as error:
        return _syntax(error, placed)
    except yaml.YAMLError:
        return _unprintable(placed, opened)
    return Header(values=values, lines=handler.lines)


def read_file(text: str) -> Located | Problem:
    """Return the mapping that a whole YAML file holds, or what keeps it from being read."""
    plain = text.translate(_BREAKS)
    try:
        _refuse_bombs(plain)
        node = yaml.compose(plain, Loader=PlainLoader)
        if node is None:
            return Located({}, 1)
        if not isinstance(node, yaml.MappingNode):
            kind = "a list" if isinstance(node, yaml.SequenceNode) else "plain text"
            return Problem("not_a_mapping", f"the file is {kind}: write lines `key: value`", 1)
        return _located(node, 1)
    except RefusedError as error:
        return error.problem
    except yaml.MarkedYAMLError as error:
        return _syntax(error, plain, in_header=False)
    except yaml.YAMLError:
        return _unprintable(plain, 1, "the file")


def _located(node: yaml.Node, line: int) -> Located:
    if isinstance(node, yaml.SequenceNode):
        return Located(tuple(_located(item, _line(item)) for item in node.value), line)
    if not isinstance(node, yaml.MappingNode):
        return Located(None if node.tag == _NULL else str(node.value), line)
    made: dict[str, Located] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RefusedError("not_a_mapping", "a key must be text", _line(key))
        if key.value in made:
            first = made[key.value].line
            message = f"the key `{shortened(key.value)}` occurs twice, first on line {first}"
            raise RefusedError("duplicate_key", message, _line(key))
        made[key.value] = _located(value, _line(key))
    return Located(made, line)


def _refuse_bombs(text: str) -> None:
    """Raise for aliases and for deep nesting, before anything is built from them."""
    # A second pass costs a third of the parse, so most headers are let through by their looks.
    if not ("&" in text or "*" in text or sum(map(text.count, "[{-:?")) > _DEPTH):
        return
    depth, lines = 0, text.split("\n")
    for event in _events(text):
        line = _line(event)
        sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
        if getattr(event, "anchor", None):
            raise RefusedError("yaml_alias", problems.alias_problem(lines[line - 1], sign), line)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            raise _too_deep(line)


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield what the parser finds in `text`; what it cannot nest is RefusedError, too."""
    try:
        yield from yaml.parse(text, Loader=PlainLoader)
    except yaml.MarkedYAMLError as error:
        # It reads ahead on a line, so it may refuse before it has said how deep it went.
        if error.problem == _LIBYAML_TOO_DEEP and error.problem_mark:
            raise _too_deep(error.problem_mark.line + 1) from None
        raise


def _too_deep(line: int) -> RefusedError:
    message = f"lists or mappings are nested more than {_DEPTH} deep"
    return RefusedError("too_deep", message, line)


def _lines(root: yaml.MappingNode) -> dict[tuple[int | str, ...], int]:
    found: dict[tuple[int | str, ...], int] = {}
    for key, value in root.value:
        found[key.value,] = _line(key)
        if isinstance(value, yaml.SequenceNode):
            for index, item in enumerate(value.value):
                found[key.value, index] = _line(item)
    return found


def _not_a_mapping(node: yaml.Node) -> RefusedError:
    kind = "a list" if isinstance(node, yaml.SequenceNode) else "plain text"
    message = f"the header is {kind}: write lines `key: value`, with a space behind the colon"
    return RefusedError("not_a_mapping", message, _line(node))


def _line(found: yaml.Node | yaml.Event) -> int:
    return found.start_mark.line + 1 if found.start_mark else 1


def _syntax(error: yaml.MarkedYAMLError, text: str, *, in_header: bool = True) -> Problem:
    mark, start = error.problem_mark, error.context_mark
    at, column = (mark.line, mark.column) if mark else (0, 0)
    # Where a value was begun tells more than where it could not go on; where a block was, less.
    began = start.line if start and "block" not in (error.context or "") else at
    lines, reason = text.split("\n"), error.problem or str(error)
    return problems.syntax_problem(lines, at, column, began, reason, in_header=in_header)


def _unprintable(text: str, opened: int, what: str = "the header") -> Problem:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    line = text.count("\n", 0, found.start()) + 1 if found else opened
    name = f"U+{ord(found[0]):04X}" if found else "that YAML does not allow"
    message = f"{what} holds the control character {name}: remove it"
    return Problem(code="yaml_syntax", message=message, line=line)
