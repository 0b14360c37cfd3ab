"""Dead letters: messages set aside for a person."""

from session_router.models.fields import Moment, Words
from session_router.models.messages import WaitingMessage
from session_router.models.vocabulary import Texts


class DeadLetter(Words):
    """A message whose runs failed too often, set aside for a person."""

    id: str
    session_key: str
    died_at: Moment
    message: WaitingMessage


class DeadLetterPage(Words):
    """A page of dead letters, oldest first; `cursor` asks for the next one."""

    dead_letters: tuple[DeadLetter, ...]
    cursor: str | None = None
    texts: Texts = "shown"
