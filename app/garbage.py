"""How often the interpreter looks for garbage that its counting of references leaves.

Nearly nothing here is such garbage, and what was imported and read at the start is none while
the process lives: looking through it again and again was an eighth of the time of a busy service.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 20_000  # between two looks at the youngest


@contextmanager
def seldom_looked_for() -> Iterator[None]:
    """Leave out what is there already, and look seldom, as long as the block lasts."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
