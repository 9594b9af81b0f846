"""Every part of the house and what it may import; a new one fails here until it is entered."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What each part may import of ours. `app` is `app/__init__.py`, the Flask assembly.
MAY_IMPORT: dict[str, set[str]] = {
    # The layers, outermost first.
    "workers": {"wiring", "services", "platforms", "queue", "domain", "settings", "logs", "clock"},
    "web": {"services", "platforms", "mail", "db", "domain", "settings", "clock"},
    "cli": {"cli_common", "wiring", "services", "db", "settings", "logs"},
    "wiring": {"services", "platforms", "mail", "db", "recommender", "queue", "settings", "embedded"},
    "services": {"platforms", "mail", "db", "recommender", "queue", "domain", "settings", "clock"},
    "platforms": {"domain"},
    "mail": {"domain"},
    "db": {"domain"},
    "recommender": set(),
    "queue": set(),
    "domain": set(),
    # Beside them: the assembly, the commands it loads late, and what stands on no other part.
    "app": {"web", "wiring", "services", "settings", "logs"},
    "__main__": {"cli"},
    "cli_demo": {"tour", "db", "demo", "services", "embedded"},
    "cli_evaluate": {"services"},
    "cli_shops": {"cli_common", "services", "platforms", "domain"},
    "cli_common": {"wiring", "services", "platforms", "settings", "logs", "embedded"},
    "settings": {"clock"},
    "clock": set(),
    "logs": set(),
    "embedded": set(),
    # The demo starts the app as a visitor would; the store in it must not know the code that it tests.
    "tour": {"db", "embedded", "settings"},
    "demo": {"services"},
}

# The reader of order files is all that the demo store shares with the app.
SHARED_WITH_DEMO = {"app.services.orderfile"}

WITHOUT_LAYER = {
    "app",
    "__main__",
    "cli_demo",
    "cli_evaluate",
    "cli_shops",
    "cli_common",
    "settings",
    "clock",
    "logs",
    "embedded",
    "tour",
    "demo",
}


def contracts() -> list[dict[str, Any]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return found


def parts() -> set[str]:
    """Every module and package directly under `app`, `app` itself, and `workers`."""
    found = {
        path.stem
        for path in (ROOT / "app").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    return (found - {"__init__"}) | {"app", "workers"}


def part_of(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    if names[0] == "workers":
        return "workers"
    return "app" if names[1] == "__init__" else names[1]


@cache
def trees() -> dict[Path, ast.Module]:
    """Every source file of ours, parsed."""
    files = [path for folder in ("app", "workers") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path: ast.parse(path.read_text("utf-8")) for path in files}


@cache
def imports() -> frozenset[tuple[Path, str]]:
    """Every import of one of our modules, by the file it stands in."""
    return frozenset(
        (path, name)
        for path, tree in trees().items()
        for node in ast.walk(tree)
        for name in names_in(node)
        if name.partition(".")[0] in ("app", "workers")
    )


def names_in(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module == "app":
        return [f"app.{alias.name}" for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def imported_parts() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = defaultdict(set)
    for path, name in imports():
        part = "workers" if name.startswith("workers") else name.split(".")[1]
        if part != part_of(path):
            graph[part_of(path)].add(part)
    return graph


def test_every_part_of_the_house_is_entered_in_the_plan() -> None:
    assert parts() == set(MAY_IMPORT)


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_a_part_imports_only_what_the_plan_lets_it(part: str) -> None:
    assert imported_parts()[part] - MAY_IMPORT[part] == set()


def test_the_contract_of_the_layers_names_every_part_that_has_one() -> None:
    layers = next(contract["layers"] for contract in contracts() if contract["type"] == "layers")
    named = {name.strip().removeprefix("app.") for layer in layers for name in layer.split("|")}
    assert named == set(MAY_IMPORT) - WITHOUT_LAYER


def test_a_layer_imports_only_layers_below_it() -> None:
    order = ["workers web cli", "wiring", "services", "platforms mail db recommender queue", "domain"]
    height = {part: -place for place, layer in enumerate(order) for part in layer.split()}
    assert set(height) == set(MAY_IMPORT) - WITHOUT_LAYER
    upward = {
        (part, other)
        for part in height
        for other in MAY_IMPORT[part]
        if height.get(other, -9) >= height[part]
    }
    assert upward == set()


def test_every_platform_is_in_the_contract_that_keeps_platforms_apart() -> None:
    folders = {
        f"app.platforms.{path.parent.name}" for path in (ROOT / "app" / "platforms").glob("*/__init__.py")
    }
    apart = next(contract["modules"] for contract in contracts() if contract["type"] == "independence")
    assert set(apart) == folders


def test_the_demo_store_shares_only_the_reader_of_order_files_with_the_app() -> None:
    shared = {name for path, name in imports() if part_of(path) == "demo" and not name.startswith("app.demo")}
    assert shared == SHARED_WITH_DEMO


def test_imports_name_their_module_in_full() -> None:
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []
