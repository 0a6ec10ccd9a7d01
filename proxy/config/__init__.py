"""TOML and environment to frozen values (contract.md §4). All mistakes are reported together; no secret shows in a repr or a message.

`load` is the only way in; `schema` is the list of keys, `scan` finds their lines, `validate` and `cross` find what is wrong.
"""

from collections.abc import Mapping
from pathlib import Path

from proxy.config.cross import cross_check
from proxy.config.forms import Sources
from proxy.config.schema import known_keys
from proxy.config.source import ENVIRONMENT, overlay, read, variables
from proxy.config.validate import check
from proxy.config.values import ARK_VARIABLE, SIMULATOR, Config, assemble, default_upstream
from proxy.config.zones import zone
from proxy.errors import ConfigError, Mistake
from proxy.model import Upstream

__all__ = ["SIMULATOR", "Config", "find", "known_keys", "load", "variables", "zone"]


def find(cli_path: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to load: `--config`, else ARKBRIDGE_CONFIG, else ./config.toml if there is one (contract.md §1)."""
    if cli_path is not None:
        return cli_path
    if environ.get("ARKBRIDGE_CONFIG"):
        return Path(environ["ARKBRIDGE_CONFIG"])
    usual = cwd / "config.toml"
    return usual if usual.exists() else None


def load(path: Path | None, environ: Mapping[str, str], *, secrets: bool = True) -> Config:
    """The configuration of that file and environment; `ConfigError` lists every mistake with its place and the accepted form.

    Without `secrets` they are left unread: for work beside a gateway, in a shell that does not have them.
    """
    source = read(path)
    mistakes = overlay(source, environ)
    sources = Sources(environ, unread=not secrets)
    checked = check(source.data, sources)
    default: Upstream | None = None
    if not source.data.get("upstream"):
        try:
            default = default_upstream(environ)
        except ValueError as wrong:
            mistakes.append(
                Mistake(ENVIRONMENT, 0, ARK_VARIABLE, f"{wrong}; accepted: the key as Ark's console shows it")
            )
    findings = [*checked.findings, *cross_check(source.data, checked, default.name if default else "ark")]
    mistakes += [source.mistake(finding.path, finding.message) for finding in findings]
    if mistakes:
        raise ConfigError(
            sorted(mistakes, key=lambda mistake: (mistake.file == ENVIRONMENT, mistake.line, mistake.key))
        )
    return assemble(checked, default, path, sources)
