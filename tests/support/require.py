"""What a test needs beyond Python: absent, the test is skipped by name, or fails where ARKBRIDGE_TEST_REQUIRE has that name."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(name: str, reason: str) -> NoReturn:
    """End this test because `name` (node, sdks, postgres …) is not here; `reason` says what is missing."""
    required = os.environ.get("ARKBRIDGE_TEST_REQUIRE", "").split(",")
    if name in (word.strip() for word in required):
        pytest.fail(f"ARKBRIDGE_TEST_REQUIRE has {name}, but {reason}", pytrace=False)
    pytest.skip(f"{name}: {reason}")


def program(name: str, command: str) -> str:
    """The path of an installed command; without it the test that asks ends as `missing` says."""
    path = shutil.which(command)
    return path if path is not None else missing(name, f"there is no {command} on PATH")
