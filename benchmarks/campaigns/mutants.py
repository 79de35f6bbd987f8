"""Mutants of the policy: one small mistake at a time, and whether a test of the policy notices.

mutmut 3 was looked at: it wants its own copy of the project under its own import hooks, and its
trampolines stand in the way of rules that register themselves when they are imported. So: a mistake
is planted in the syntax tree, the module is loaded from that tree in a forked process, and the tests
of `tests/unit/policy` run there, quick ones first. Nothing is written into the project.

Prose isn't mutated: what a person reads is judged by reading. A survivor is bad unless it is argued.
Properties run with fewer examples here than in the tests.
"""

from __future__ import annotations

import ast
import copy
import json
import pickle
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

from benchmarks.campaigns.outcome import Clock, Outcome

ROOT = Path(__file__).parents[2]
POLICY = "src/safelight/policy"
MODULES = (
    "engine.py",
    "case.py",
    "requirements/consent.py",
    "requirements/objection.py",
    "requirements/dead.py",
    "requirements/people.py",
    "requirements/law.py",
    "requirements/recording.py",
    "requirements/leaving.py",
    "requirements/registry.py",
    "pack.py",
    "reading.py",
    "facts.py",
    "shape.py",
    "signing.py",
    "simulating.py",
    "page.py",
)
"""What decides, first; then what reads, keeps, signs and tries."""
ARGUED = Path(__file__).parent / "argued.toml"
"""Survivors that nobody could kill, each with why that does no harm: module, was, now, why."""
PLANTED = "an objection that counts for nothing"
_SERVER = Path(__file__).parent / "mutant_server.py"
_LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "weights", "static", "photographs", "templates", "browser", "vectors"
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: where, what it was, and what it is."""

    module: str
    line: int
    was: str
    now: str
    number: int
    tree: bytes
    """The module without the mistake, pickled: copied a thousand times in no time."""

    @property
    def source(self) -> str:
        """Return the whole module with the mistake in it."""
        changed = _Change(self.number).visit(pickle.loads(self.tree))
        return ast.unparse(ast.fix_missing_locations(changed))

    @property
    def name(self) -> str:
        """Return it as a survivor is listed."""
        return f"{self.module}:{self.line}: {self.was}  →  {self.now}"


def run(
    work: Path,
    *,
    mutants: int,
    modules: tuple[str, ...] = MODULES,
    minutes: float = 600,
    seed: int = 1,
) -> Outcome:
    """Try that many mutants, drawn over all modules, and list those that no test noticed."""
    outcome, clock = Outcome("mutants"), Clock(minutes)
    argued = _argued()
    project = _copied(work)
    drawn = [each for module in modules for each in mutants_of(project / POLICY / module, module)]
    outcome.figures["mutants there are"] = len(drawn)
    if mutants < len(drawn):
        drawn = sorted(
            random.Random(seed).sample(drawn, mutants), key=lambda each: (each.module, each.line)
        )
    with _Judge(project) as judge:
        if judge.said("engine.py", (project / POLICY / "engine.py").read_text("utf-8")) != "lives":
            outcome.bad.append("the tests fail without any mutant")
            return outcome
        outcome.found[PLANTED] = int(judge.said(*_planted(project)) != "lives")
        for mutant in drawn:
            if clock.ran_out:
                break
            outcome.tried += 1
            said = judge.said(mutant.module, mutant.source)
            if said != "lives":
                outcome.count(said)
            elif (mutant.module, mutant.was, mutant.now) in argued:
                outcome.count("lived, and argued")
            else:
                outcome.bad.append(mutant.name)
    return outcome


def mutants_of(path: Path, module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    whole = pickle.dumps(ast.parse(path.read_text(encoding="utf-8")))
    for number in count():
        change = _Change(number)
        change.visit(pickle.loads(whole))
        if change.done is None:
            return
        yield Mutant(module, *change.done, number, whole)


_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_JOINED: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}


class _Change(ast.NodeTransformer):
    """Makes the n-th change that could be made, and remembers it."""

    def __init__(self, number: int) -> None:
        self._left = number
        self.done: tuple[int, str, str] | None = None

    def _is_it(self) -> bool:
        self._left -= 1
        return self._left == -1 and self.done is None

    def _made(self, node: Any, new: ast.AST) -> ast.AST:
        self.done = (node.lineno, ast.unparse(node), ast.unparse(new))
        return ast.copy_location(new, node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.args = self.visit(node.args)
        node.body = self._body(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = self._body(node.body)
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = self._body(node.body)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node
        if not isinstance(node.test, ast.Compare) and self._is_it():
            negated = ast.UnaryOp(ast.Not(), node.test)
            self.done = (node.lineno, f"if {ast.unparse(node.test)}", f"if {ast.unparse(negated)}")
            node.test = negated
            return node
        return self.generic_visit(node)

    def _body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Change statements, but no documentation and no import."""
        found = []
        for each in body:
            is_text = isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
            if is_text or isinstance(each, ast.Import | ast.ImportFrom):
                found.append(each)
            else:
                found.append(self.visit(each))
        return found

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        for place, operator in enumerate(node.ops):
            if type(operator) in _COMPARED and self._is_it():
                new = copy.deepcopy(node)
                new.ops[place] = _COMPARED[type(operator)]()
                return self._made(node, new)
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        if self._is_it():
            swapped = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            return self._made(node, ast.BoolOp(swapped, node.values))
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.op, ast.Not) and self._is_it():
            return self._made(node, node.operand)
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if type(node.op) in _JOINED and self._is_it():
            return self._made(node, ast.BinOp(node.left, _JOINED[type(node.op)](), node.right))
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        if self._is_it():
            return self._made(node, ast.IfExp(node.test, node.orelse, node.body))
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in _CALLED and self._is_it():
            new = copy.deepcopy(node)
            new.func = ast.Name(_CALLED[node.func.id], ast.Load())
            return self._made(node, new)
        return self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        is_none = isinstance(node.value, ast.Constant) and node.value.value is None
        if node.value is not None and not is_none and self._is_it():
            return self._made(node, ast.Return(ast.Constant(None)))
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return self._made(node, ast.Pass()) if self._is_it() else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Call) and self._is_it():
            return self._made(node, ast.Pass())
        return self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value
        if isinstance(value, bool):
            changed: object = not value
        elif isinstance(value, int):
            changed = value + 1
        elif isinstance(value, str) and value and " " not in value:
            changed = f"XX{value}"
        else:
            return node
        return self._made(node, ast.Constant(changed)) if self._is_it() else node


class _Judge:
    """Runs the tests on a mutant in a process that has everything else loaded already."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, str(_SERVER), str(self._project)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(timeout=120)

    def said(self, module: str, source: str) -> str:
        """Return "killed by tables", "killed by tests", "killed by properties", "ran on" or "lives"."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps({"module": module, "source": source}) + "\n")
        self._server.stdin.flush()
        return self._server.stdout.readline().strip()


def _copied(work: Path) -> Path:
    project = work / "project"
    for name in ("src", "tests", "tools", "docs"):
        shutil.copytree(ROOT / name, project / name, ignore=_LEFT_OUT)
    for path in (project / "tests/unit/policy").glob("test_*.py"):
        text = path.read_text("utf-8")
        path.write_text(re.sub(r"max_examples=\d+", "max_examples=100", text), "utf-8")
    return project


def _planted(project: Path) -> tuple[str, str]:
    """Return a mutant that the tests have to notice."""
    module = "requirements/objection.py"
    source = (project / POLICY / module).read_text("utf-8")
    return module, source.replace("    if case.compelled:\n", "    if True:\n", 1)


def _argued() -> set[tuple[str, str, str]]:
    if not ARGUED.is_file():
        return set()
    rows = tomllib.loads(ARGUED.read_text("utf-8")).get("survivor", [])
    return {(row["module"], row["was"], row["now"]) for row in rows}
