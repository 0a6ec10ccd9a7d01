"""Takes every task to its end whether or not anyone polls (contract.md §7). It shares each upstream's limits with the callers' polls."""

from proxy.follower.follower import Follower

__all__ = ["Follower"]
