"""The codecs of the family `videos` for the dialect ark: its callers, and Ark as upstream."""

from proxy.translate.videos import Inbound, Outbound
from proxy.translate.videos.ark.inbound import ArkInbound
from proxy.translate.videos.ark.outbound import ArkOutbound

INBOUND: Inbound = ArkInbound()
OUTBOUND: Outbound = ArkOutbound()
