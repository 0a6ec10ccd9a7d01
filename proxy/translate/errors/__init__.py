"""The family `errors`: an upstream's refusal in, an answer in the caller's dialect out, and the redactor between them."""

from proxy.translate.errors.redactor import redact
from proxy.translate.errors.render import render
from proxy.translate.errors.upstream import account_problem, decode

__all__ = ["account_problem", "decode", "redact", "render"]
