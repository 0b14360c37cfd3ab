"""Run ids: opaque to callers, to the store the address of a run.

`<fence>.<shard>.<session key in base64url>`: with it every call on a run is one script in
one slot, and its agent is known before the store is asked.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from functools import lru_cache
from typing import NamedTuple

from app.errors import UnknownRun
from app.routing.keys import InvalidKey, SessionKey
from app.store.shards import shard_of_session

_FORM = re.compile(r"([1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,3})\.([A-Za-z0-9_-]+)")


class RunAddress(NamedTuple):
    """Where a run is: its fence, its shard, its session."""

    fence: int
    shard: int
    session: SessionKey

    def run_id(self) -> str:
        """The id as callers get it."""
        name = urlsafe_b64encode(self.session.encode()).rstrip(b"=").decode()
        return f"{self.fence}.{self.shard}.{name}"


@lru_cache(maxsize=1_024)
def read_run_id(run_id: str, shards: int) -> RunAddress:
    """Find the address in an id; raises `UnknownRun` for what this service never gave."""
    form = _FORM.fullmatch(run_id)
    if form is None:
        raise UnknownRun
    try:
        name = urlsafe_b64decode(form[3] + "=" * (-len(form[3]) % 4)).decode()
        address = RunAddress(int(form[1]), int(form[2]), SessionKey(name))
        known = address.shard == shard_of_session(address.session, shards)
    except (Base64Error, UnicodeDecodeError, InvalidKey) as error:
        raise UnknownRun from error
    if not known or address.run_id() != run_id:
        raise UnknownRun
    return address
