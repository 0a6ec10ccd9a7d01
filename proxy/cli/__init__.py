"""The command line (contract.md §3): it parses, calls and prints; nothing is decided here."""

import click

from proxy import __version__
from proxy.cli.callers import callers
from proxy.cli.check import check
from proxy.cli.completion import completion
from proxy.cli.db import db
from proxy.cli.doctor import doctor
from proxy.cli.frame import Tool
from proxy.cli.keys import keys
from proxy.cli.reconcile import reconcile
from proxy.cli.serve import serve
from proxy.cli.simulate import simulate
from proxy.cli.tasks import tasks
from proxy.cli.usage import usage

__all__ = ["tool"]


@click.group(cls=Tool, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="arkbridge")
def tool() -> None:
    """A local gateway between the OpenAI API and the Volcengine Ark API.

    Start with `arkbridge serve`. Options such as --config stand after the command's own words.
    """


for command in (serve, check, doctor, keys, callers, usage, tasks, reconcile, db, simulate, completion):
    tool.add_command(command)
