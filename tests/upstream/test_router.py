"""Models lead to upstreams in the proportion of their weights; retired upstreams get no new work; the rest is a 404."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Problem, Refusal
from proxy.model import Dialect, ModelRoute, Upstream
from proxy.upstream.router import Router


def upstream(name: str, *, retired: bool = False) -> Upstream:
    """A configured upstream."""
    return Upstream(name=name, dialect=Dialect.ARK, base_url=f"https://{name}.example/api/v3", retired=retired)


ONE, TWO, OLD = upstream("one"), upstream("two"), upstream("old", retired=True)
MODELS = {
    "both": (ModelRoute("one", "both-at-one", 3), ModelRoute("two", "both-at-two", 1)),
    "mixed": (ModelRoute("old", "mixed-at-old", 100), ModelRoute("two", "mixed-at-two", 1)),
    "gone": (ModelRoute("old", "gone-at-old", 1),),
    "alias": (ModelRoute("one", "real", 1),),
}


def router(passthrough: str | None = None, pick: Callable[[], float] = lambda: 0.5) -> Router:
    """A router over three upstreams, one of them retired."""
    return Router([ONE, TWO, OLD], MODELS, passthrough, pick)


@pytest.mark.parametrize(
    ("picked", "leads_to"),
    [(0.0, "one"), (0.5, "one"), (0.7499999, "one"), (0.75, "two"), (0.999999, "two"), (1 - 2**-53, "two")],
)
def test_a_pick_falls_into_the_share_of_a_weight(picked: float, leads_to: str) -> None:
    """The numbers from 0 to 1 are shared out by weight, in the order of the routes; the route names the model there."""
    assert router(pick=lambda: picked).route("both") == (
        (ONE, "both-at-one") if leads_to == "one" else (TWO, "both-at-two")
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**32))
def test_shares_are_proportional_to_the_weights(weights: Sequence[int], seed: int) -> None:
    """Over a grid of picks, which random ones approach, every route gets its share to within one."""
    upstreams = [upstream(f"u{number}") for number in range(len(weights))]
    routes = tuple(ModelRoute(each.name, "m", weight) for each, weight in zip(upstreams, weights, strict=True))
    total = sum(weights)
    grid = [(number + 0.5) / (total * 20) for number in range(total * 20)]
    random.Random(seed).shuffle(grid)
    picks = iter(grid)
    many = Router(upstreams, {"m": routes}, None, lambda: next(picks))
    counted = Counter(many.route("m")[0].name for _ in grid)
    assert [counted[each.name] for each in upstreams] == [weight * 20 for weight in weights]


def test_random_picks_keep_the_shares() -> None:
    """Three to one is three to one over ten thousand random picks."""
    many = router(pick=random.Random(11).random)
    counted = Counter(many.route("both")[0].name for _ in range(10_000))
    assert counted["one"] == pytest.approx(7500, abs=200)
    assert counted["two"] == 10_000 - counted["one"]


@given(st.floats(0, 1, exclude_max=True))
def test_a_retired_upstream_gets_nothing(picked: float) -> None:
    """However heavy its route, a retired upstream gets no new work while another route is left."""
    assert router(pick=lambda: picked).route("mixed") == (TWO, "mixed-at-two")


def test_a_route_gives_the_model_the_name_it_has_there() -> None:
    """What callers say and what the upstream is told may differ."""
    assert router().route("alias") == (ONE, "real")


def test_an_unlisted_model_goes_to_the_passthrough_under_its_own_name() -> None:
    """With a passthrough any model that is not listed goes there as it is; listed ones keep their routes."""
    assert router("two").route("some-new-model") == (TWO, "some-new-model")
    assert router("two").route("alias") == (ONE, "real")


REFUSED = (
    (None, "unknown"),
    ("", "unknown"),
    ("old", "unknown"),
    ("missing", "unknown"),
    ("two", "gone"),
    (None, "gone"),
    (None, ""),
    (None, "BOTH"),
)


@pytest.mark.parametrize(("passthrough", "model"), REFUSED)
def test_a_model_that_leads_nowhere_is_a_404(passthrough: str | None, model: str) -> None:
    """No passthrough, a retired one, or only retired routes: 404 model_not_found that names the model, by `param`."""
    with pytest.raises(Refusal) as refused:
        router(passthrough).route(model)
    assert refused.value.problem is Problem.MODEL_NOT_FOUND
    assert refused.value.status == 404
    assert refused.value.param == "model"
    assert repr(model) in refused.value.message


def test_upstreams_are_found_by_name_retired_ones_too() -> None:
    """Tasks of a retired upstream are still followed, so it can be found; an unknown one cannot."""
    assert router().upstream("old") is OLD
    assert router().upstream("missing") is None
    assert dict(router().upstreams) == {"one": ONE, "two": TWO, "old": OLD}
    assert router().names() == ("both", "mixed", "gone", "alias")


def test_a_new_configuration_takes_the_place_of_the_old_one() -> None:
    """After `configure` models, upstreams and passthrough are the new ones, and nothing of the old ones is left."""
    changed = router("two")
    changed.configure([TWO], {"new": (ModelRoute("two", "new-at-two"),)}, None)
    assert changed.route("new") == (TWO, "new-at-two")
    assert changed.names() == ("new",)
    assert changed.upstream("one") is None
    for model in ("alias", "unlisted"):
        with pytest.raises(Refusal):
            changed.route(model)
