"""Every example in the README of the TypeScript client passes the strict check, and runs."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.processes import ROOT
from tests.support.node import output_of, run
from tests.support.servers.server import missing
from tests.support.stack import Stack

README = ROOT / "clients" / "typescript" / "README.md"
GATEWAY = "http://127.0.0.1:8080"
TSCONFIG = """{"compilerOptions": {"strict": true, "exactOptionalPropertyTypes": true,
"noUncheckedIndexedAccess": true, "noEmit": true, "module": "nodenext", "target": "es2022",
"jsx": "react-jsx", "types": ["node"], "lib": ["es2023", "dom", "dom.iterable"]}}"""


@dataclass(frozen=True)
class Examples:
    """A package with a module for each example, and one that runs them."""

    folder: Path
    all: Path
    names: list[str]


@pytest.fixture
def examples(stack: Stack, tmp_path: Path) -> Examples:
    """The examples, about the stack of these tests."""
    if not (ROOT / "node_modules").is_dir():
        missing("npm packages are not installed (make client)")
    names, steps = list[str](), list[str]()
    blocks = re.findall(r"```(tsx?)\n(.*?)```", README.read_text(), re.DOTALL)
    for number, (language, text) in enumerate(blocks):
        name = f"example-{number}.{language}"
        (tmp_path / name).write_text(text.replace(GATEWAY, stack.url("gateway")))
        if language == "ts":  # what is for a page of React is only checked
            names.append(name)
            steps.append(f'await import("./{name}"); console.log("ran {name}");')
    (tmp_path / "all.js").write_text("\n".join(steps))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(TSCONFIG)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return Examples(tmp_path, tmp_path / "all.js", names)


async def test_each_example_passes_the_strict_check_and_runs(examples: Examples) -> None:
    await run(ROOT / "node_modules" / ".bin" / "tsc", "--project", ".", cwd=examples.folder)

    lines = await output_of(examples.all)

    assert len(examples.names) >= 8
    assert [line for line in lines if line.startswith("ran ")] == [
        f"ran {n}" for n in examples.names
    ]
