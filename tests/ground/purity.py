"""Read a source file and say where it reaches for a clock, for chance or for the world outside.

The linter forbids the known calls one by one. This looks at the imports, so that what decides cannot even name a
module that could: a file that imports neither ``time`` nor ``random`` nor ``asyncio`` depends on its arguments alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

CLOCK: Final = frozenset({"time", "sched", "timeit"})
CHANCE: Final = frozenset({"random", "secrets", "uuid", "tempfile"})
WORLD: Final = frozenset(
    {"_thread", "asyncio", "concurrent", "fcntl", "fileinput", "getpass", "glob", "gzip", "http", "importlib"}
    | {"io", "logging", "mmap", "multiprocessing", "os", "pathlib", "platform", "pty", "resource", "select"}
    | {"selectors", "shelve", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl"}
    | {"subprocess", "sys", "syslog", "tarfile", "termios", "threading", "urllib", "webbrowser", "zipfile"}
    | {"httpx", "rich", "typer", "uvloop", "websockets"}
)
SOCKETS: Final = frozenset({"http", "httpx", "select", "selectors", "socket", "socketserver", "ssl", "urllib"})
CODE_FROM_DATA: Final = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle"})

_BUILTINS: Final = frozenset({"open", "input", "print", "breakpoint", "__import__", "globals"})
_EVALUATORS: Final = frozenset({"eval", "exec", "compile"})
_NOW: Final = frozenset({"now", "utcnow", "today"})


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every module imported at run time; those for the type checker alone are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module and not node.level:
                yield node.lineno, node.module.partition(".")[0]
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            for branch in node.orelse:
                yield from imports(ast.Module([branch], []))
        else:
            yield from imports(node)


def forbidden_imports(source: str, forbidden: frozenset[str]) -> list[str]:
    """The imports of a source text that are in ``forbidden``, each with its line."""
    return [f"{line}: import {name}" for line, name in imports(ast.parse(source)) if name in forbidden]


def now_calls(source: str) -> list[str]:
    """Calls of ``now``, ``utcnow`` and ``today`` on a ``datetime`` or ``date``, however it was imported."""
    return [
        f"{node.lineno}: {ast.unparse(node.func)}()"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _NOW
        and ast.unparse(node.func.value).rpartition(".")[2].lower() in {"datetime", "date", "dt"}
    ]


def world_calls(source: str) -> list[str]:
    """Calls of the built-in functions that talk to the world: ``open``, ``print``, ``input`` and the like."""
    return _calls(source, _BUILTINS)


def evaluations(source: str) -> list[str]:
    """Places where data becomes code: ``eval``, ``exec``, ``compile``, and the imports that unpickle."""
    return _calls(source, _EVALUATORS) + forbidden_imports(source, CODE_FROM_DATA)


def unseeded(source: str) -> list[str]:
    """Uses of ``random`` that no seed governs: anything but its ``Random`` class, and ``Random()`` without a seed."""
    tree = ast.parse(source)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            found += [f"{node.lineno}: random.{alias.name}" for alias in node.names if alias.name != "Random"]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "random" and node.attr != "Random":
            found.append(f"{node.lineno}: random.{node.attr}")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"Random", "random.Random"}:
            seed = [*node.args, *(keyword.value for keyword in node.keywords)]
            if not seed or (isinstance(seed[0], ast.Constant) and seed[0].value is None):
                found.append(f"{node.lineno}: Random without a seed")
    return found


def _calls(source: str, names: frozenset[str]) -> list[str]:
    return [
        f"{node.lineno}: {node.func.id}()"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"
