"""`arkbridge completion`: the scripts, and what they ask for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import tool
from tests.support.processes import checkout_environment


@pytest.mark.parametrize(
    ("shell", "word"), [("bash", "complete -o nosort"), ("zsh", "compdef"), ("fish", "complete --no-files")]
)
def test_scripts(shell: str, word: str) -> None:
    """Each script registers itself for `arkbridge` and asks the command by the variable that it reads."""
    done = CliRunner().invoke(tool, ["completion", shell], prog_name="arkbridge")
    assert done.exit_code == 0
    assert word in done.stdout
    assert f"_ARKBRIDGE_COMPLETE={shell}_complete" in done.stdout


def test_unknown_shell() -> None:
    """Another shell is refused with those there are."""
    done = CliRunner().invoke(tool, ["completion", "tcsh"], prog_name="arkbridge")
    assert done.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr


def test_the_command_completes_its_words(tmp_path: Path) -> None:
    """Asked as the scripts ask, the command gives subcommands and options, and reads no configuration for it."""
    (tmp_path / "config.toml").write_text("this is = not = toml", "utf-8")
    program = tmp_path / "ask.py"
    program.write_text("from proxy.__main__ import main\nmain()\n", "utf-8")
    for words, offered in (("arkbridge ke", "plain,keys"), ("arkbridge keys create x --ex", "plain,--expires")):
        asked = checkout_environment(
            _ARKBRIDGE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1)
        )
        done = subprocess.run(
            [sys.executable, str(program)], cwd=tmp_path, env=asked, capture_output=True, text=True, check=False
        )
        assert done.stdout.split(os.linesep)[0] == offered, done.stderr
