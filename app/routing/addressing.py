"""Whom a message is for: by the platform's word, by the words that open it, by a name in it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from app.routing.chat_memory import ShortId, short_id, short_name

# Of one message; so nobody's list of names pushes others out of a memory.
ADDRESSED_MAX: Final = 4
# Shorter names are found where they open a text, not inside it.
NAME_CHARACTERS_MIN: Final = 3
WORDS_MAX: Final = 30
CHARACTERS_MAX: Final = 600

# `@name`, `name:` or `name,`; only the latter may be a name of several words.
_OPENING: Final = re.compile(r"\s*(?:@(\S{1,64}?)[:,]?(?=\s|\Z)|@?([^\s:,@][^:,\n]{0,63}?)\s*[:,])")
_AROUND_NAMES: Final = ".,:;!?()<>\"'@»«*/|-"
_AROUND_BARE_NAMES: Final = _AROUND_NAMES + "_`^~=+[]{}\\"

Names = Mapping[ShortId, str]


def mentioned(
    names: Names, mentions: Iterable[str], text: str, sender: ShortId | None
) -> tuple[ShortId, ...]:
    """Tell whom a message is meant for: the mentioned (ids or names), and who opens its text.

    A mention of somebody unknown is taken for an id: that person may speak up next.
    """
    return _few(_mentioned(names, mentions, text), sender)


def named(names: Names, text: str, sender: ShortId | None) -> tuple[ShortId, ...]:
    """Tell whose names are in a text: as its first word in any case, else as spelled.

    Looks at 30 words, and leaves alone names of one or two characters and of several words.
    """
    return _few(_named(names, text), sender)


def _few(found: Iterator[ShortId], sender: ShortId | None) -> tuple[ShortId, ...]:
    people = dict.fromkeys(person for person in found if person != sender)
    return tuple(people)[:ADDRESSED_MAX]


def _mentioned(names: Names, mentions: Iterable[str], text: str) -> Iterator[ShortId]:
    for mention in mentions:
        person = short_id(mention)
        yield from (person,) if person in names else _called(names, mention) or (person,)
    opening = _OPENING.match(text)
    if opening is not None:
        yield from _called(names, opening[1] or opening[2])


def _called(names: Names, wanted: str) -> tuple[ShortId, ...]:
    """Return everybody of a name (two may have one): as spelled, else in any case, else bare."""
    wanted = short_name(wanted)
    for spell in (str, str.casefold, _bare):
        spelled = spell(wanted)
        found = tuple(who for who, name in names.items() if spelled and spell(name) == spelled)
        if found:
            return found
    return ()


def _bare(name: str) -> str:
    """Spell a name as people shorten it: without the signs around it, in any case."""
    return name.strip(_AROUND_BARE_NAMES).casefold()


def _named(names: Names, text: str) -> Iterator[ShortId]:
    words = text[:CHARACTERS_MAX].split()[:WORDS_MAX]
    if not words:
        return
    first = words[0].strip(_AROUND_NAMES).casefold()
    spelled = {*words, *(word.strip(_AROUND_NAMES) for word in words)}
    for person, name in names.items():
        bare = name.strip(_AROUND_BARE_NAMES)
        is_there = name in spelled or bare in spelled or name.casefold() == first
        if is_there and len(bare) >= NAME_CHARACTERS_MIN:
            yield person
