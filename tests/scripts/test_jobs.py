"""Messages to a session: exactly that one, or `session_changed`."""

from app.routing.keys import SessionKey
from app.store.dead_letters import DeadLetters
from app.store.operations import Operations
from session_router.models import Seeing
from tests.scripts.conftest import Open
from tests.sessions import ROOM, granted, ids, shown


async def test_a_job_reports_into_its_session(sessions: Open) -> None:
    s = sessions()
    session = shown(await s.complete(granted(await s.send("m1"))))
    decision = await s.report(session, "j1")
    assert (decision.decision, decision.reason) == ("run", "session_idle")
    run = granted(decision)
    assert run.session_key == ROOM
    assert run.messages[0].source is None
    assert (run.route.platform, run.route.chat_id, run.route.reply_to) == ("discord", "room", None)
    assert s.counters() == {"accepted": 2, "done": 1, "in_run": 1}


async def test_a_reply_goes_to_the_newest_message_of_a_person(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    session = shown(await s.complete(run))
    run = granted(await s.send("m2"))
    await s.report(session, "j1")
    await s.send("m3", "bob")
    await s.report(session, "j2")
    batch = granted(await s.complete(run))
    assert ids(batch) == ["j1", "m3", "j2"]
    assert batch.route.reply_to == "m3"


async def test_a_report_after_a_reset_is_refused(sessions: Open) -> None:
    s = sessions()
    session = shown(await s.complete(granted(await s.send("m1"))))
    await s.send("x1", control="reset")
    decision = await s.report(session, "j1")
    assert (decision.decision, decision.reason) == ("reject", "session_changed")
    context = await s.report(session, "j2", kind="context")
    assert (context.decision, context.reason) == ("reject", "session_changed")


async def test_a_report_while_a_reset_is_pending_is_refused(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1")
    await s.send("x1", control="reset")
    assert first.session is not None
    assert (await s.report(first.session, "j1")).reason == "session_changed"


async def test_a_session_that_never_was_has_changed(sessions: Open) -> None:
    s = sessions()
    session = shown(await s.complete(granted(await s.send("m1"))))
    other = session.model_copy(update={"key": "agent:main:discord:group:other"})
    assert (await s.report(other, "j1")).reason == "session_changed"
    assert (await s.report(session, "j1")).decision == "run", "the id was not used up"


async def test_a_repeated_report_is_a_duplicate_even_after_a_reset(sessions: Open) -> None:
    s = sessions()
    session = shown(await s.complete(granted(await s.send("m1"))))
    await s.complete(granted(await s.report(session, "j1")))
    await s.send("x1", control="reset")
    again = await s.report(session, "j1")
    assert (again.decision, again.state) == ("duplicate", "done")


async def test_a_line_of_context_goes_to_the_session(sessions: Open) -> None:
    s = sessions()
    session = shown(await s.complete(granted(await s.send("m1"))))
    kept = await s.report(session, "j1", kind="context", text="the build is green")
    assert (kept.decision, kept.reason) == ("kept", "context")
    assert [c.text for c in granted(await s.send("m2")).context] == ["the build is green"]


async def test_a_report_leaves_the_session_its_days(sessions: Open) -> None:
    daily = {"mode": "daily", "at_hour": 12, "timezone": "UTC"}  # five and a half hours to go
    s = sessions(reset=daily)
    session = shown(await s.complete(granted(await s.send("m1"))))
    await s.complete(granted(await s.report(session, "j1")))
    s.clock.step(6 * 3600)
    decision = await s.send("m2")
    assert decision.session is not None
    assert decision.session.reset_reason == "daily"


async def test_a_report_reaches_a_session_that_a_dead_letter_brought_back(sessions: Open) -> None:
    s = sessions(max_deliveries=1)
    await s.complete(granted(await s.send("m1")), "failed")
    letters, operations = DeadLetters(s.client, 1, s.clock), Operations(s.client, 1, s.clock)
    await operations.delete(SessionKey(ROOM), "an operator", Seeing())
    (letter,) = (await letters.page(None, 50, None)).dead_letters
    await letters.redrive(letter.id, "an operator", None)
    session = (await s.views.session(SessionKey(ROOM))).session
    decision = await s.report(session, "j1")
    assert (decision.decision, ids(decision.run)) == ("run", ["m1"]), "a last try is alone"
    assert ids((await s.complete(granted(decision), "failed")).next) == ["j1"]
