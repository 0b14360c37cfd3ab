"""The form of what is stored, as a number: which releases can share a store.

What only adds does not change it: fields at the end of a packed record, fields of a hash or of
a JSON body. Readers leave out what they do not know, so such releases run side by side. A
change that an older release would misread has another number, and comes in two releases: one
that reads both, and only then one that writes the new one.
"""

from typing import Final

from app.store import keys
from app.store.store_client import StoreClient

WRITTEN: Final = 2
READ: Final = frozenset({2})


class UnreadableStore(Exception):
    """What is stored has a form that this release cannot read; the text says which."""


async def record_form(client: StoreClient) -> None:
    """Record the form with the first start on a store; refuse one that cannot be read.

    Raises `UnreadableStore`, `StoreUnavailable` and `StoreFull`.
    """
    recorded = await client.set_if_absent(keys.FORM, str(WRITTEN))
    if recorded not in set(map(str, READ)):
        readable = ", ".join(map(str, sorted(READ)))
        raise UnreadableStore(
            f"what is in this store has form {recorded}, and this release reads {readable}: "
            "start one that reads both (see docs/rolling-deploys.md)"
        )
