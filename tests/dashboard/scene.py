"""An evening at a service: something to see in every view."""

from tests.dashboard.gateway import Gateway

ROOM = "agent:main:discord:group:room"


def play_an_evening(gateway: Gateway) -> None:
    """Fill an empty service: a stuck session, what waits, what is paused, dead, done, and acts."""
    gateway.policy(isolation="shared")
    gateway.policy(
        isolation="shared",
        lease_seconds=3600,
        max_deliveries=1,
        context={"limit_tokens": 200_000},
    )
    stuck = gateway.run("1180", "alice", text="can you plan our trip to Lisbon?")
    usage = {"context_tokens": 142_000, "context_limit": 200_000}
    gateway.beat(stuck, status="calling the weather tool", usage=usage)
    gateway.send("1181", "bob", text="is anybody there?")
    gateway.send("1182", "carol", text="same here, no answer since this morning")
    gateway.send("1183", "bob", text="hello?")
    for number in range(2):
        gateway.run(f"t{number}", f"user{number}", platform="telegram", chat_id=f"-10020{number}")
    for number in range(5):
        place = {"platform": "slack", "scope": "T1", "chat_type": "channel", "dispatch": "worker"}
        gateway.send(f"s{number}", "dave", chat_id=f"C0{number}", **place)
    for number in range(9):
        done = gateway.run(f"d{number}", "erin", chat_type="dm", chat_id=f"erin-{number}")
        gateway.end(done)
    failing = gateway.run("1007", "frank", chat_id="builds", text="deploy the blue one")
    gateway.end(failing, "failed", reason="the model answered 500")
    gateway.ask("POST", "/v1/sessions/agent%3Amain%3Adiscord%3Agroup%3Abuilds/pause", {})
