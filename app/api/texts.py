"""Who is shown what messages say: gateways, and people who ask for it where no setting hides it."""

from app.api.auth import Caller
from session_router.models import DeadLetterPage, SessionDetail, Texts, WaitingMessage, Words


class TextsQuery(Words):
    """Whether texts are asked for; by default gateways do, and people do not."""

    texts: bool | None = None


def texts_for(caller: Caller, asked: bool | None, *, hides_texts: bool) -> Texts:
    """Tell whether texts go into an answer; `hides_texts` is the setting."""
    is_gateway = caller.role == "gateway"
    if hides_texts and not is_gateway:
        return "forbidden"
    wants = is_gateway if asked is None else asked
    return "shown" if wants else "hidden"


def session_with(detail: SessionDetail, texts: Texts) -> SessionDetail:
    """The view of a session, with its texts or without."""
    if texts == "shown":
        return detail
    queue, batch = (tuple(map(_without_text, part)) for part in (detail.queue, detail.batch))
    return detail.model_copy(update={"queue": queue, "batch": batch, "texts": texts})


def letters_with(page: DeadLetterPage, texts: Texts) -> DeadLetterPage:
    """A page of dead letters, with their texts or without."""
    if texts == "shown":
        return page
    letters = tuple(
        letter.model_copy(update={"message": _without_text(letter.message)})
        for letter in page.dead_letters
    )
    return page.model_copy(update={"dead_letters": letters, "texts": texts})


def _without_text(message: WaitingMessage) -> WaitingMessage:
    return message.model_copy(update={"text": None})
