"""The command `arkbridge`."""

from proxy.cli import tool


def main() -> None:
    """Run the command line; leaves the process with 0, 1 for a failure or 2 for wrong usage."""
    tool(prog_name="arkbridge")


if __name__ == "__main__":
    main()
