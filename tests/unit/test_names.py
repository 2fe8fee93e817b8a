"""A public class name means one thing, and every error that a docstring names exists."""

import ast
import builtins
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_public_class_name_is_defined_twice() -> None:
    places = defaultdict(list)
    for folder in ("services", "heliograph"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(file.relative_to(ROOT)))

    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_every_error_that_a_docstring_names_exists() -> None:
    trees = {
        file: ast.parse(file.read_text())
        for folder in ("services", "heliograph", "deploy")
        for file in sorted((ROOT / folder).rglob("*.py"))
    }
    nodes = [(file, node) for file, tree in trees.items() for node in ast.walk(tree)]
    known = {node.name for _, node in nodes if isinstance(node, ast.ClassDef)} | set(dir(builtins))
    known |= {
        alias.asname or alias.name
        for _, node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    unknown = {
        f"{file.relative_to(ROOT)}: {name}"
        for file, node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for name in _raised(ast.get_docstring(node) or "")
        if name not in known
    }

    assert unknown == set()


def _raised(docstring: str) -> set[str]:
    """The errors of a `Raises:` section, and of a sentence with `Raises`."""
    section = re.search(r"Raises:\n((?:.+\n?)+)", docstring)
    lines = re.findall(
        r"^\s*([A-Z]\w+(?:, [A-Z]\w+)*):", section[1] if section else "", re.MULTILINE
    )
    sentences = re.findall(r"Raises ((?:[A-Z]\w+(?:, | and | or )?)+)", docstring)
    return {name for part in (*lines, *sentences) for name in re.findall(r"[A-Z]\w+", part)}
