"""What messages say is shown to gateways, and to people who ask, unless a setting hides it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import quote

import pytest

from app.tokens import Role
from tests.service import Json, Service, running, write_policy, write_token

ROLES: tuple[Role, ...] = ("gateway", "viewer", "operator")
SECRET = "the password is swordfish"
KEY = quote("agent:main:discord:group:123:456", safe="")
VIEWS = (f"/v1/sessions/{KEY}", "/v1/dead-letters")


Serve = Callable[[bool], AbstractAsyncContextManager[Service]]


@pytest.fixture
def serve(store_url: str, tmp_path: Path) -> Serve:
    """Give `serve(hides)`: a service with a token a role, whose messages die at once."""
    tokens = tmp_path / "tokens.yaml"
    for role in ROLES:
        write_token(tokens, role, role)
    policy = write_policy(tmp_path, {"version": 1, "defaults": {"max_deliveries": 1}})
    return lambda hides: running(
        store_url, tokens_file=tokens, policy_file=policy, hide_texts=hides
    )


async def fill(gateway: Service) -> Json:
    """Leave a text in a dead letter, one in a run, and one in a queue."""
    await gateway.complete((await gateway.send("m1", text=SECRET))["run"], "failed")
    run: Json = (await gateway.send("m2", text=SECRET))["run"]
    await gateway.send("m3", text=SECRET)
    return run


def texts_in(view: Json) -> list[str | None]:
    letters = [letter["message"] for letter in view.get("dead_letters", ())]
    messages = [*letters, *view.get("queue", ()), *view.get("batch", ())]
    assert messages
    return [message["text"] for message in messages]


@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize(
    ("who", "asked", "wanted"),
    [
        ("gateway", None, ("shown", "shown")),
        ("gateway", True, ("shown", "shown")),
        ("gateway", False, ("hidden", "hidden")),
        ("viewer", None, ("hidden", "forbidden")),
        ("viewer", True, ("shown", "forbidden")),
        ("operator", None, ("hidden", "forbidden")),
        ("operator", True, ("shown", "forbidden")),
        ("operator", False, ("hidden", "forbidden")),
    ],
)
async def test_texts_are_shown_to_whom_they_may_be(
    serve: Serve, *, hides: bool, who: str, asked: bool | None, wanted: tuple[str, str]
) -> None:
    async with serve(hides) as service:
        run = await fill(service.with_token("gateway"))
        assert run["text"] == SECRET, "a gateway gets its batch"
        query = {} if asked is None else {"texts": asked}
        for path in VIEWS:
            response = await service.with_token(who).ask("GET", path, params=query)
            view = response.json()
            assert view["texts"] == wanted[hides]
            shown = wanted[hides] == "shown"
            assert set(texts_in(view)) == {SECRET if shown else None}
            assert ("swordfish" in response.text) == shown


async def test_without_tokens_texts_are_hidden_until_asked_for(service: Service) -> None:
    await service.send("m1", text=SECRET)
    path = VIEWS[0]
    assert texts_in(await service.get(path)) == [None]
    assert texts_in(await service.get(path, texts=True)) == [SECRET]


@pytest.mark.parametrize("path", VIEWS)
async def test_a_bad_wish_is_refused(service: Service, path: str) -> None:
    response = await service.ask("GET", path, params={"texts": "perhaps"})
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == ["texts"]


async def test_no_list_timeline_run_or_event_has_a_text(service: Service) -> None:
    run = (await service.send("m1", text=SECRET))["run"]
    await service.send("m2", text=SECRET)
    for path in (
        "/v1/sessions",
        f"/v1/sessions/{KEY}/timeline",
        f"/v1/runs/{run['id']}",
        "/v1/runs?consumer=gw-1",
        "/v1/messages?platform=discord&chat_id=123&message_id=m2",
        "/v1/actions",
    ):
        assert "swordfish" not in (await service.ask("GET", path)).text, path
