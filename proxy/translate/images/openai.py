"""OpenAI-shaped servers as upstreams of images, and OpenAI's callers (openai-wire.md §3.3)."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.model import Dialect
from proxy.translate import coerce, passing
from proxy.translate.calls import CallAnswer, CallRequest, CallSend, CallStream, Received
from proxy.translate.edits import Edits, Loss
from proxy.translate.images import EDITS, GENERATIONS, answers, fields
from proxy.translate.images.ark import ALWAYS_BASE64
