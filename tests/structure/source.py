"""The modules of the server, as the tests of its structure read them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "server" / "runr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module: its dotted name, its file and its text."""

    name: str
    path: Path
    text: str

    @property
    def docstring(self) -> str:
        """Return the docstring of the module."""
        return ast.get_docstring(ast.parse(self.text)) or ""

    @property
    def length(self) -> int:
        """Return the number of lines."""
        return len(self.text.splitlines())


def modules() -> Iterator[Module]:
    """Yield every module of the server, packages' own `__init__` left out."""
    for path in sorted(SERVER.rglob("*.py")):
        if path.name != "__init__.py":
            parts = path.relative_to(SERVER.parent).with_suffix("").parts
            yield Module(name=".".join(parts), path=path, text=path.read_text(encoding="utf-8"))


def statements(module: Module) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers, without indentation.

    Left out are blank lines, comments, docstrings, imports, and lines of brackets only.
    """
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(module.text)):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if text or isinstance(node, ast.Import | ast.ImportFrom):
            assert isinstance(node, ast.stmt)
            left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(module.text.splitlines(), 1)
    return [
        (number, line.strip())
        for number, line in lines
        if number not in left_out and any(map(str.isalnum, line.partition("#")[0]))
    ]
