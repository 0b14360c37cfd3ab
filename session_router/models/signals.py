"""The events of a signal stream: what a holder should know at once."""

from session_router.models.fields import Words
from session_router.models.run_states import Interrupt
from session_router.models.runs import BatchMessage
from session_router.models.vocabulary import Ended


class InterruptSignal(Words):
    """Event `interrupt` of a signal stream: the run is to stop."""

    run_id: str
    fence: int
    session_key: str
    interrupt: Interrupt


class SteerSignal(Words):
    """Event `steer` of a signal stream: all that is offered to the run and not yet seen."""

    run_id: str
    fence: int
    session_key: str
    steer: tuple[BatchMessage, ...]


class AnswerSignal(Words):
    """Event `answer` of a signal stream: all answers that are offered and not yet seen."""

    run_id: str
    fence: int
    session_key: str
    answers: tuple[BatchMessage, ...]


class LeaseLostSignal(Words):
    """Event `lease_lost` of a signal stream: the run is another's, or nobody's, now."""

    run_id: str
    fence: int
    session_key: str
    ended: Ended
