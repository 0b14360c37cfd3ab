"""Which addresses are this machine's alone: one rule for the socket and for every request."""

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=128)
def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
