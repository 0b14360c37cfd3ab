"""Who holds a run: a consumer, inside the token that it came with.

Two tokens may use one consumer name and are still two holders, so a borrowed name gives
nothing away.
"""


def holder_of(token_name: str, consumer: str) -> str:
    """The name a holder has in the store; token names have no slash."""
    return f"{token_name}/{consumer}"


def consumer_of(holder: str) -> str:
    """The consumer's own name, as callers see it."""
    return holder.partition("/")[2]
