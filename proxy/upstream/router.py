"""Which upstream a model name leads to, and the name it has there (contract.md §4, [[model]] and [models])."""

from collections.abc import Callable, Mapping, Sequence

from proxy.errors import Problem, Refusal
from proxy.model import ModelRoute, Upstream


class Router:
    """Model names to routes. `pick` gives a number in [0, 1) and is injected; a retired upstream gets no new work."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        models: Mapping[str, tuple[ModelRoute, ...]],
        passthrough: str | None,
        pick: Callable[[], float],
    ) -> None:
        self._pick = pick
        self.configure(upstreams, models, passthrough)

    def configure(
        self, upstreams: Sequence[Upstream], models: Mapping[str, tuple[ModelRoute, ...]], passthrough: str | None
    ) -> None:
        """Take what a configuration says."""
        self._upstreams = {upstream.name: upstream for upstream in upstreams}
        self._models = models
        self._passthrough = passthrough

    @property
    def upstreams(self) -> Mapping[str, Upstream]:
        """All configured upstreams by name, retired ones included."""
        return self._upstreams

    def names(self) -> tuple[str, ...]:
        """The model names that are configured here."""
        return tuple(self._models)

    def upstream(self, name: str) -> Upstream | None:
        """The upstream of that name, for a task that was made there."""
        return self._upstreams.get(name)

    def route(self, model: str) -> tuple[Upstream, str]:
        """The upstream for new work on `model` and the model's name there; 404 model_not_found if it leads nowhere."""
        routes = [route for route in self._models.get(model, ()) if not self._upstreams[route.upstream].retired]
        if routes:
            chosen = self._weighted(routes)
            return self._upstreams[chosen.upstream], chosen.upstream_model
        fallback = self._upstreams.get(self._passthrough or "")
        if model in self._models or fallback is None or fallback.retired:
            raise Refusal(
                Problem.MODEL_NOT_FOUND,
                f"The model {model!r} is not configured here. GET /v1/models lists the models that are.",
                param="model",
            )
        return fallback, model

    def candidates(self, model: str, admits: Callable[[str], bool]) -> list[tuple[Upstream, str]]:
        """Where a call on `model` may go, the chosen one first, then the others by weight; upstreams that `admits` refuses come last."""
        first = self.route(model)
        routes = [(self._upstreams[route.upstream], route.upstream_model) for route in self._models.get(model, ())]
        others = [route for route in routes if route != first and not route[0].retired]
        ordered = [first, *others]
        return sorted(ordered, key=lambda route: not admits(route[0].name)) if others else ordered

    def name_at(self, upstream: Upstream, model: str) -> str:
        """The name that `model` has at one upstream."""
        names = [route.upstream_model for route in self._models.get(model, ()) if route.upstream == upstream.name]
        return names[0] if names else model

    def _weighted(self, routes: Sequence[ModelRoute]) -> ModelRoute:
        point = self._pick() * sum(route.weight for route in routes)
        for route in routes:
            point -= route.weight
            if point < 0:
                return route
        return routes[-1]
