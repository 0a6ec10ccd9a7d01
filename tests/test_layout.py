"""The shape of the code (architecture.md, "Rules a tool checks"): sizes, imports, broad excepts, module state, a test file for each module."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROXY = ROOT / "proxy"
TESTS = ROOT / "tests"
SOURCES = sorted(PROXY.rglob("*.py"))
PYTHON = sorted([*SOURCES, *TESTS.rglob("*.py"), *ROOT.glob("bench/**/*.py")])

LONGEST_FILE = 400
LONGEST_FUNCTION = 50
USUAL_FUNCTION, USUAL_SHARE = 30, 0.95
BROAD_EXCEPTS = 2

MUTABLE_CALLS = frozenset(
    {"dict", "list", "set", "bytearray", "defaultdict", "OrderedDict", "Counter", "deque", "count", "local"}
)
FIXED = re.compile(r"Mapping|tuple|frozenset|Sequence|Set\b|Final")

WITHOUT_TEST: Mapping[str, str] = {
    "proxy/__main__.py": "three lines; every test that starts the command runs them",
    "proxy/errors.py": "exceptions without behaviour; their totality is tested in tests/translate/errors",
    "proxy/model.py": "values without behaviour",
    "proxy/policy.py": "values without behaviour; what a reload does is tested in tests/app",
    "proxy/translate/calls.py": "values and protocols without behaviour",
    "proxy/translate/family.py": "a table row; what it holds is tested in tests/translate/test_registry.py",
    "proxy/translate/chat/family.py": "a table row; tested in tests/translate/test_registry.py",
    "proxy/translate/images/family.py": "a table row; tested in tests/translate/test_registry.py",
    "proxy/translate/responses/family.py": "a table row; tested in tests/translate/test_registry.py",
    "proxy/translate/videos/family.py": "a table row; tested in tests/translate/test_registry.py",
    "proxy/translate/operation.py": "a table row; what it holds is tested in tests/translate/test_registry.py",
    "proxy/translate/wire.py": "values without behaviour",
}

# Written with escapes, so that this file names no host either.
REGISTRIES = re.compile(
    r"pypi\.org|python(?:)hosted\.org|npmjs\.(?:com|org)|golang\.org/|goproxy\.|maven\.org|repo1?\.maven|crates\.io|rubygems\.org"
    r"|docker\.io|ghcr\.io|quay\.io|anaconda\.(?:com|org)|mirrors?\.\w+\.(?:com|edu|cn|org)",
    re.IGNORECASE,
)
SKIPPED = frozenset({"node_modules", "__pycache__", "data", "dist"})
KEPT_HIDDEN = frozenset({".ci", ".dockerignore", ".gitignore"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


def shown(path: Path) -> str:
    """A path as a test's name shows it."""
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines of a function, its decorators aside."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def at(path: Path, node: ast.AST) -> str:
    """The place of a node, as an editor opens it."""
    return f"{shown(path)}:{getattr(node, 'lineno', 1)}"


@pytest.fixture(scope="module")
def trees() -> Mapping[Path, ast.Module]:
    """The syntax tree of every Python file."""
    return {path: ast.parse(path.read_text("utf-8"), filename=str(path)) for path in PYTHON}


def test_file_length() -> None:
    """No file is longer than a reader keeps in mind."""
    lines = {shown(path): len(path.read_text("utf-8").splitlines()) for path in PYTHON}
    assert {name: count for name, count in lines.items() if count > LONGEST_FILE} == {}


def test_function_length(trees: Mapping[Path, ast.Module]) -> None:
    """No function is longer than a screen."""
    lines = {at(path, one): length(one) for path, tree in trees.items() for one in functions(tree)}
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}


def test_usual_function_length(trees: Mapping[Path, ast.Module]) -> None:
    """Nearly all functions of the program are short."""
    lengths = [length(function) for path in SOURCES for function in functions(trees[path])]
    assert sum(lines <= USUAL_FUNCTION for lines in lengths) / len(lengths) >= USUAL_SHARE


def test_no_import_inside_functions(trees: Mapping[Path, ast.Module]) -> None:
    """What a module needs stands at its top."""
    inside = [
        at(path, node)
        for path, tree in trees.items()
        for function in functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_broad_excepts(trees: Mapping[Path, ast.Module]) -> None:
    """Everything is caught in two places only: the ASGI edge, and the supervisor of background loops."""
    found = [
        at(path, node)
        for path in SOURCES
        for node in ast.walk(trees[path])
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type)
    ]
    assert len(found) <= BROAD_EXCEPTS, found


def is_broad(caught: ast.expr | None) -> bool:
    """Whether an `except` catches everything."""
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in names)


def test_no_module_state(trees: Mapping[Path, ast.Module]) -> None:
    """A module holds constants only: in capitals, and of a type that nobody can change."""
    assert [at(path, node) for path in SOURCES for node in state(trees[path])] == []


def state(tree: ast.Module) -> Iterator[ast.stmt]:
    """Assignments at module level that could change while the program runs."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and is_mutable(node.value):
            name = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            declared = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
            if name != "__all__" and not (name.upper() == name and FIXED.search(declared)):
                yield node
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Global))


def is_mutable(value: ast.expr) -> bool:
    """Whether an expression makes something that can be changed."""
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return name in MUTABLE_CALLS
    return isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)


def test_every_module_has_its_test() -> None:
    """The tests mirror the source: a file of its own for each module, or one for its package."""
    tables = {
        path for path in SOURCES if path.name == "family.py"
    }  # all of them are tested in tests/translate/test_registry.py
    sources = [path for path in SOURCES if path not in tables]
    untested = [shown(path) for path in sources if not any(one.exists() for one in candidates(path.relative_to(PROXY)))]
    assert [name for name in untested if name not in WITHOUT_TEST] == []


def candidates(module: Path) -> Iterator[Path]:
    """Where the tests of a module may be: its mirror image, else the file of a package around it."""
    if module.name == "__init__.py":
        yield from (TESTS / module.parent).glob("**/test_*.py")
    else:
        yield TESTS / module.parent / f"test_{module.stem}.py"
    for package in module.parents:
        if package.name:
            yield TESTS / package.parent / f"test_{package.name}.py"
            yield TESTS / package / f"test_{package.name}.py"


def test_exceptions_are_needed() -> None:
    """The list of modules without a test names only modules that there are and that have none."""
    for name in WITHOUT_TEST:
        assert (ROOT / name).exists()
        assert not any(one.exists() for one in candidates((ROOT / name).relative_to(PROXY)))


def texts() -> Iterator[Path]:
    """Every file of the checkout that people wrote."""
    for path in ROOT.iterdir():
        if path.name in SKIPPED or (path.name.startswith(".") and path.name not in KEPT_HIDDEN):
            continue
        yield from [path] if path.is_file() else inner(path)


def inner(folder: Path) -> Iterator[Path]:
    """The files below a folder."""
    return (path for path in folder.rglob("*") if path.is_file() and not SKIPPED & set(path.parts))


def test_no_registry_is_named() -> None:
    """No file names a host that packages come from: which one is used is the business of each machine."""
    found = [
        f"{shown(path)}: {match.group()}"
        for path in texts()
        for match in REGISTRIES.finditer(path.read_bytes().decode("utf-8", "replace"))
    ]
    assert found == []
