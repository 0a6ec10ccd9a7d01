"""What all tests share: the acceptance stand and its table in the summary."""

pytest_plugins = ["tests.support.matrix", "tests.support.stand"]
