"""`arkbridge completion`: the script that lets a shell complete our words."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_ARKBRIDGE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print a shell's completion script.

    \b
    bash:  eval "$(arkbridge completion bash)"        in ~/.bashrc
    zsh:   eval "$(arkbridge completion zsh)"         in ~/.zshrc
    fish:  arkbridge completion fish | source         in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"{shell} is not supported; use bash, zsh or fish")
    click.echo(kind(ctx.find_root().command, {}, "arkbridge", VARIABLE).source())
