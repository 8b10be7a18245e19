"""The changes that are made to a module, one place at a time, with the operators of cosmic-ray."""

import ast
import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Protocol

import cosmic_ray.plugins
import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

#: One opposite and one neighbour of each operator: the others are noticed by the same tests.
_REPLACED = {
    "ReplaceComparisonOperator": (
        "Eq_NotEq NotEq_Eq Is_IsNot IsNot_Is"
        " Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt"
    ),
    "ReplaceBinaryOperator": (
        "Add_Sub Sub_Add Mul_FloorDiv FloorDiv_Mul Mod_Add BitOr_BitAnd BitAnd_BitOr"
    ),
    "ReplaceUnaryOperator": "Delete_Not Delete_USub",
}
_NAMES = [
    *(f"{kind}_{name}" for kind, names in _REPLACED.items() for name in names.split()),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("NumberReplacer", "ZeroIterationForLoop"),
]
#: Where the numbers and sums are lengths in a drawing.
_DRAWINGS = "graphics."
_SUMS = ("NumberReplacer", "ReplaceBinaryOperator")
#: Arguments that only guard against mistakes of the programmer.
_GUARDS = frozenset({"strict", "slots", "frozen", "kw_only"})

Position = tuple[int, int]


class _Operator(Protocol):
    def mutation_positions(self, node: Any) -> Iterable[tuple[Position, Position]]: ...

    def mutate(self, node: Any, index: int) -> Any: ...


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the code with it, the lines of the statement, and what a reader is shown."""

    code: str
    lines: range
    diff: str


class _Condition:
    """Negate the condition of an `if`, a `while`, a conditional expression or a comprehension."""

    _PLACES: ClassVar = {
        "if_stmt": ("if", "elif"),
        "while_stmt": ("while",),
        "ternary": ("if",),
        "test": ("if",),
        "comp_if": ("if",),
        "sync_comp_for": ("if",),
    }

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        for index in self._found(node):
            condition = node.children[index]
            yield condition.start_pos, condition.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        at = self._found(node)[index]
        code = node.children[at].get_code().strip()
        node.children[at] = parso.parse(f" not ({code})")
        return node

    def _found(self, node: Any) -> list[int]:
        words = self._PLACES.get(node.type, ())
        children = getattr(node, "children", ())
        return [
            at
            for at, (word, _) in enumerate(pairwise(children), start=1)
            if getattr(word, "value", None) in words
        ]


class _Membership:
    """Replace `in` by `not in`, and the reverse."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        for index in self._found(node):
            yield node.children[index].start_pos, node.children[index].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        at = self._found(node)[index]
        word = _words(node.children[at])
        node.children[at] = parso.parse(" in" if word == "not in" else " not in")
        return node

    def _found(self, node: Any) -> list[int]:
        if node.type != "comparison":
            return []
        return [at for at, each in enumerate(node.children) if _words(each) in ("in", "not in")]


class _Caught:
    """Catch what nothing raises instead of one exception, also of several and of a module."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        for parent, index in self._found(node):
            yield parent.children[index].start_pos, parent.children[index].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        parent, at = self._found(node)[index]
        parent.children[at] = parso.parse(" FloatingPointError")
        return node

    def _found(self, node: Any) -> list[tuple[Any, int]]:
        if node.type != "except_clause":
            return []
        caught = node.children[1]
        if getattr(caught, "type", "") != "atom":
            return [(node, 1)]
        several = caught.children[1]
        if several.type != "testlist_comp":
            return [(caught, 1)]
        return [(several, index) for index in range(0, len(several.children), 2)]


def _words(node: Any) -> str:
    return " ".join(node.get_code().split())


def changes(name: str, source: str) -> Iterator[Change]:
    """Yield the changes of the module `name` (without `runr.`) with this source."""
    tree = ast.parse(source)
    left_out, numbers = list(_left_out(tree)), list(_small_numbers(tree))
    statements = list(_statements(tree))
    nodes = list(ast_nodes(get_ast(source)))
    seen = {_meaning(source)}
    for kind, operator in _operators(name):
        places = (place for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(places):
            # Of a number, the second change is one less instead of one more.
            if kind == "NumberReplacer" and (occurrence % 2 or not _in(start, numbers)):
                continue
            if _in(start, left_out):
                continue
            code = mutate_code(source, operator, occurrence)
            meaning = _meaning(code)
            if meaning and meaning not in seen:
                seen.add(meaning)
                yield Change(code, _statement(statements, start[0]), _diff(name, source, code))


class _Simplified(ast.NodeTransformer):
    """Write `not a == b` as `a != b`, so that the same change is seen to be the same."""

    _OPPOSITES = (
        *((ast.Eq, ast.NotEq), (ast.Lt, ast.GtE), (ast.LtE, ast.Gt)),
        *((ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
    )

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.UnaryOp(ast.Not(), ast.Compare(left, [operator], right)):
                return ast.Compare(left, [self._opposite(operator)], right)
            case ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), operand)):
                return operand
        return node

    def _opposite(self, operator: ast.cmpop) -> ast.cmpop:
        pairs = [*self._OPPOSITES, *((b, a) for a, b in self._OPPOSITES)]
        return next(to() for each, to in pairs if type(operator) is each)


def _meaning(code: str) -> str | None:
    """Return the same for equal changes, None if no operator was replaced, as in `def f(*)`."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    return ast.dump(_Simplified().visit(tree))


def _in(position: Position, spans: list[tuple[Position, Position]]) -> bool:
    return any(first <= position < last for first, last in spans)


def _operators(name: str) -> Iterator[tuple[str, _Operator]]:
    for kind in _NAMES:
        if not (name.startswith(_DRAWINGS) and kind.startswith(_SUMS)):
            yield kind, cosmic_ray.plugins.get_operator(f"core/{kind}")()
    yield "Condition", _Condition()
    yield "Membership", _Membership()
    yield "Caught", _Caught()


def _left_out(tree: ast.Module) -> Iterator[tuple[Position, Position]]:
    """Yield what no test can notice: annotations, decorators, `__slots__` and `__repr__`."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef():
                annotations: Sequence[ast.AST | None] = [node.returns, *node.decorator_list]
                if node.name == "__repr__":
                    annotations = [node]
            case ast.ClassDef():
                annotations = node.decorator_list
            case ast.arg() | ast.AnnAssign():
                annotations = [node.annotation]
            case ast.Assign(targets=[ast.Name(id="__slots__")]):
                annotations = [node]
            case ast.keyword(arg=str(arg)) if arg in _GUARDS:
                annotations = [node]
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                annotations = [node]
            case _:
                continue
        yield from (_span(each) for each in annotations if each is not None)


def _small_numbers(tree: ast.Module) -> Iterator[tuple[Position, Position]]:
    """Yield the numbers in functions that count or index: larger ones are limits and widths."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Constant) and node.value in (0, 1, 2):
                    yield _span(node)


def _span(node: Any) -> tuple[Position, Position]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _statements(tree: ast.Module) -> Iterator[range]:
    """Yield the lines of each statement, without those of the statements in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            body: list[ast.stmt] = getattr(node, "body", [])
            end = max(body[0].lineno, node.lineno + 1) if body else (node.end_lineno or 0) + 1
            yield range(node.lineno, end)


def _statement(statements: list[range], line: int) -> range:
    return min(
        (each for each in statements if line in each), key=len, default=range(line, line + 1)
    )


def _diff(name: str, before: str, after: str) -> str:
    compared = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    lines = [line for line in compared if not line.startswith(("---", "+++"))]
    place = lines[0].split()[1].lstrip("-").split(",")[0]
    return "\n".join(
        [f"{name}:{place}", *(f"  {line[0]} {line[1:].strip()}" for line in lines[1:])]
    )
