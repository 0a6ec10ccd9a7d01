"""The life of a call, one method per kind of operation. The only place that knows codecs, upstreams and the store at once."""

from proxy.gateway.call import Answer, Call
from proxy.gateway.gateway import Gateway

__all__ = ["Answer", "Call", "Gateway"]
