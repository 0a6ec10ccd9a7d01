"""What the configuration decides about calls, in one place that a reload changes."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Policy:
    """A reload changes it in place, so that what is under way keeps its collaborators.

    `keep_prompts` false leaves prompts out of the store; `public_url` is where upstreams and callers reach us from outside ("" = nowhere);
    `private_callbacks` lets callers' callbacks go to private addresses.
    """

    keep_prompts: bool = True
    public_url: str = ""
    private_callbacks: bool = False

    def configure(self, other: "Policy") -> None:
        """Take the values of another policy."""
        self.keep_prompts = other.keep_prompts
        self.public_url = other.public_url
        self.private_callbacks = other.private_callbacks
