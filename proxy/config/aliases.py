"""Model names that work without being configured (contract.md §4) and what Ark calls them (ark-wire.md §2.2)."""

from collections.abc import Mapping
from urllib.parse import urlsplit

ARK_CN = "https://ark.cn-beijing.volces.com/api/v3"
CN_HOST = "ark.cn-beijing.volces.com"
BYTEPLUS_DOMAIN = ".bytepluses.com"

CN: Mapping[str, str] = {
    "seedance-2.0": "doubao-seedance-2-0-260128",
    "seedance-2.0-pro": "doubao-seedance-2-0-260128",
    "seedance-2.0-fast": "doubao-seedance-2-0-fast-260128",
    "seedance-2.0-mini": "doubao-seedance-2-0-mini-260615",
    "seedance-2.5": "doubao-seedance-2-5-260628",
}
BYTEPLUS: Mapping[str, str] = {
    "seedance-2.0": "dreamina-seedance-2-0-260128",
    "seedance-2.0-pro": "dreamina-seedance-2-0-260128",
    "seedance-2.0-fast": "dreamina-seedance-2-0-fast-260128",
    "seedance-2.0-mini": "dreamina-seedance-2-0-mini-260615",
    "seedance-2.5": "dreamina-seedance-2-5-260628",
}


def aliases(base_url: str) -> Mapping[str, str]:
    """Name to upstream model for an Ark upstream: BytePlus's ids at BytePlus, the CN ids everywhere else."""
    return BYTEPLUS if _host(base_url).endswith(BYTEPLUS_DOMAIN) else CN


def currency(base_url: str) -> str | None:
    """The currency an upstream bills in, for the hosts that are known (ark-wire.md §7)."""
    host = _host(base_url)
    if host == CN_HOST:
        return "CNY"
    return "USD" if host.endswith(BYTEPLUS_DOMAIN) else None


def _host(base_url: str) -> str:
    return urlsplit(base_url).hostname or ""
