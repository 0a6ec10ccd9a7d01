"""The simulator's time and its buckets."""

from proxy.simulator.clock import Bucket, Clock


def test_advances_add_up() -> None:
    """The present is the injected one plus every advance."""
    clock = Clock(lambda: 1000.0)
    clock.advance(5)
    clock.advance(0.5)
    assert clock.now() == 1005.5


def test_a_bucket_refuses_above_its_size_and_refills_with_the_clock() -> None:
    """What is taken too fast is refused, and an advance gives back rate × seconds, never more than the size."""
    clock = Clock(lambda: 1000.0)
    bucket = Bucket(clock, rate=2, size=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.advance(1)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.advance(3600)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
