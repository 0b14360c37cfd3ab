"""What an example chooses: a policy with tiny limits, and who writes where."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tests.model.records import Incoming, Place
from tests.model.session_model import Session
from tests.state import EPOCH_MS

Policy = dict[str, Any]
MODES = ("queue", "interrupt", "steer", "reject")


def _one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


POLICIES: st.SearchStrategy[Policy] = st.fixed_dictionaries(
    {
        "isolation": _one_of("shared", "tagged", "per_user"),
        "thread_isolation": _one_of("inherit", "tagged", "per_user", "inherit", "shared"),
        "dm_scope": _one_of("per_chat", "main"),
        "missing_user": st.just("shared"),
        "moderators": st.just(["discord:mod"]),
        "busy": st.fixed_dictionaries(
            {
                "same_sender": _one_of("interrupt", "steer", "queue", "reject"),
                "other_sender": _one_of("queue", "interrupt", "steer", "reject"),
            }
        ),
        "stop_by": _one_of("owner", "anyone"),
        "bot_limit": _one_of({"max": 20, "per_seconds": 60}, {"max": 1, "per_seconds": 20}),
        "drain": _one_of("all", "one", "by_sender"),
        "batch_max": _one_of(100, 2),
        "debounce_ms": _one_of(0, 3000),
        "debounce_max_ms": _one_of(5000),
        "queue": st.fixed_dictionaries(
            {
                "max": _one_of(50, 3),
                "max_per_sender": _one_of(20, 2),
                "overflow": _one_of("reject", "drop_oldest"),
                "ttl_seconds": _one_of(None, 12),
            }
        ),
        "lease_seconds": _one_of(10),
        "max_run_seconds": _one_of(3600, 15),
        "interrupt_grace_seconds": _one_of(6, 60, None),
        "max_deliveries": _one_of(2, 3, 1),
        "retry_delay_seconds": _one_of(0, 4),
        "group_ms": _one_of(1500, 4000, 0),
        "context_max": _one_of(50, 2),
        "context_ttl_seconds": _one_of(86_400, 40),
    }
)


MAIN = "agent:main:main"
ROOM = Place("discord", "group", "room")
THREAD = Place("discord", "thread", "room", "t1")
OTHER_THREAD = Place("discord", "thread", "room", "t2")
OTHER_ACCOUNT = Place("discord", "group", "room", account="work")
DM = Place("discord", "dm", "dm-alice")
OTHER_DM = Place("telegram", "dm", "tg-alice")
PLACES = {
    "room": ROOM,
    "thread": THREAD,
    "dm": DM,
    "telegram dm": OTHER_DM,
    "other thread": OTHER_THREAD,
    "other account": OTHER_ACCOUNT,
}
PEOPLE = ("alice", "bob", "mod", "carol", "robot", None)


def key_of(place: Place, policy: Policy, user: str | None) -> str:
    """[3] The name of the session that a message sent here belongs to."""
    account = "" if place.account == "default" else f":account:{place.account}"
    head, isolation = f"agent:main:{place.platform}{account}", policy["isolation"]
    if place.thread is not None and policy["thread_isolation"] != "inherit":
        head = f"{head}:thread:{place.chat_id}:thread:{place.thread}"
        isolation = policy["thread_isolation"]
    elif place.chat_type == "dm":
        return f"{head}:dm:{place.chat_id}" if policy["dm_scope"] == "per_chat" else MAIN
    else:
        head = f"{head}:group:{place.chat_id}"
    return f"{head}:{user}" if isolation == "per_user" and user is not None else head


def source_of(place: Place) -> dict[str, Any]:
    source = {"platform": place.platform, "chat_type": place.chat_type, "chat_id": place.chat_id}
    if place.thread is not None:
        source["thread_id"] = place.thread
    return source | {"account": place.account}


def incoming(  # noqa: PLR0913, PLR0917
    policy: Policy, place: Place, user: str | None, message_id: str, text: str, consumer: str,
    **more: Any,
) -> Incoming:  # fmt: skip
    """Route a message as the contract says, for the model."""
    key = key_of(place, policy, user)
    in_thread = key.startswith(f"agent:main:{place.platform}:thread:")
    sender = None if user is None else f"{place.platform}:{user}"
    return Incoming(
        key=key,
        chat=None if key == MAIN else place.chat,
        thread=place.thread if in_thread else None,
        home=(place.chat, message_id),
        user=user,
        sender=sender,
        place=place,
        text=text,
        consumer=consumer,
        is_bot=user == "robot",
        is_moderator=user == "carol" or sender == "discord:mod",
        **more,
    )


def job(s: Session, number: int, message_id: str, **more: Any) -> Incoming:
    """What a job reports to a session, in place of a source."""
    return Incoming(
        key=s.key,
        chat=s.chat,
        thread=s.thread,
        home=(s.chat or s.key, message_id),
        user=None,
        sender=None,
        place=s.place or ROOM,
        text=f"text {message_id}",
        consumer="gw-1",
        to=number,
        **more,
    )


def _origin(m: Incoming, names: Mapping[int, str]) -> dict[str, Any]:
    if m.to is not None:
        return {"to": {"session_key": m.key, "session_id": names[m.to]}}
    source = source_of(m.place) | {"is_bot": m.is_bot, "is_moderator": m.user == "carol"}
    return {"source": source | ({} if m.user is None else {"user_id": m.user})}


def body_of(m: Incoming, names: Mapping[int, str]) -> dict[str, Any]:
    """The same message as a gateway posts it; `names` are the service's, of session ids."""
    sent_at = (
        None if m.sent_at is None else datetime.fromtimestamp((EPOCH_MS + m.sent_at) / 1000, UTC)
    )
    return {
        "message_id": m.home[1],
        "consumer": m.consumer,
        **_origin(m, names),
        "text": m.text,
        "kind": m.kind,
        "control": m.control,
        "busy": m.busy,
        "dispatch": "worker" if m.worker else "inline",
        "group": m.group,
        "answers": m.answers,
        "reply_to": m.reply_to,
        "sent_at": sent_at and sent_at.isoformat(),
    }
