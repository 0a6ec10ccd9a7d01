"""Making a simulator."""

import re
from pathlib import Path

import pytest

from proxy import simulator
from proxy.simulator import Settings


def test_an_unknown_dialect_is_refused() -> None:
    """The message lists the dialects that there are."""
    with pytest.raises(ValueError, match=r"ark, openai, newapi, .*vllm-omni, sglang"):
        simulator.create_app(Settings(dialect="jimeng"))


def test_the_simulator_imports_nothing_else_of_the_package() -> None:
    """It checks the translation, so it must not share its code."""
    foreign = re.compile(r"^\s*(?:from|import) proxy(?!\.simulator\b)", re.MULTILINE)
    sources = Path(simulator.__file__).parent.rglob("*.py")
    assert [str(path) for path in sources if foreign.search(path.read_text(encoding="utf-8"))] == []
