"""The table of faults is complete, and every test it names is there."""

from __future__ import annotations

import ast
from pathlib import Path

from .table import NUMBERS, TESTS, WITHOUT

HERE = Path(__file__).parent


def numbered_tests() -> set[str]:
    """Every test of this folder that carries a number."""
    found = set()
    for file in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith(
                "test_fault_"
            ):
                found.add(f"{file.stem}::{node.name}")
    return found


def test_every_number_has_a_test_or_a_reason() -> None:
    """1 to 75 and 72b: a test, or why there is none; never both."""
    assert set(TESTS) | set(WITHOUT) == set(NUMBERS)
    assert not set(TESTS) & set(WITHOUT)
    assert all(TESTS.values())
    assert all(WITHOUT.values())


def test_every_test_of_the_table_exists() -> None:
    """No name in the table without a test, no numbered test that the table does not name."""
    named = {name for names in TESTS.values() for name in names}
    assert named == numbered_tests()


def test_every_test_carries_the_numbers_it_is_named_for() -> None:
    """The number stands in the name."""
    for number, names in TESTS.items():
        for name in names:
            digits, letter = number.rstrip("b"), number[len(number.rstrip("b")) :]
            assert f"_{int(digits):02d}{letter}_" in name, name
