"""`skribe completion`: what a shell needs to complete commands, options, runs, experiments and metrics."""

from __future__ import annotations

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes `skribe` in a shell: commands, options, run ids, experiments, metrics, models.

    \b
      eval "$(skribe completion bash)"         in ~/.bashrc
      eval "$(skribe completion zsh)"          in ~/.zshrc, after compinit
      skribe completion fish | source          in ~/.config/fish/config.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(ctx.find_root().command, {}, "skribe", "_SKRIBE_COMPLETE")
    # Bash's own `source` begins by asking which bash is installed here, which need not be the one that reads this.
    click.echo(ShellComplete.source(made))
