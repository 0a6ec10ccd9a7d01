"""What callers reach: routes from the registry, our own routes, the edge around them. The only place that knows Starlette besides `app`."""
