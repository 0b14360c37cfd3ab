"""What the environment may say, and what is answered to nonsense."""

from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, load_settings


def test_nothing_set_is_a_service_on_loopback_with_a_store_of_its_own() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.redis_url is None
    assert settings.tokens_file is None
    assert settings.appendfsync == "always"


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "REDIS_URL": "rediss://a:1/0",
        "DATA_DIR": "/data",
        "POLICY_FILE": "policy.yaml",
        "TOKENS_FILE": "tokens.yaml",
        "SHARDS": "64",
        "WORKERS": "2",
        "HOST": "::1",
        "PORT": "0",
        "APPENDFSYNC": "everysec",
        "HIDE_TEXTS": "True",
        "LOG_LEVEL": "warning",
        "LOG_FORMAT": "json",
        "LOG_HASH_KEY": "sixteen or more characters",
        "STORE_TIMEOUT_SECONDS": "0.5",
        "REQUESTS_PER_SECOND": "100",
        "STREAMS_MAX": "5",
        "CLAIMS_MAX": "6",
        "SHUTDOWN_SECONDS": "3",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"SESSION_ROUTER_{name}", value)
    settings = load_settings()
    assert {name.upper() for name in Settings.model_fields} == set(given)
    for name, value in given.items():
        assert str(getattr(settings, name.lower())) == value
    assert settings.data_dir == Path("/data")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_ROUTER_REDIS_URL", "")
    monkeypatch.setenv("SESSION_ROUTER_PORT", "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "65536", "must be less than or equal to 65535"),
        ("PORT", "http", "must be a valid integer"),
        ("WORKERS", "0", "must be greater than or equal to 1"),
        ("SHARDS", "-1", "must be greater than or equal to 1"),
        ("APPENDFSYNC", "never", "must be 'always' or 'everysec'"),
        ("LOG_FORMAT", "xml", "must be 'text' or 'json'"),
        ("LOG_HASH_KEY", "short", "at least 16 characters"),
        ("LOG_LEVEL", "LOUD", "must be 'debug', 'info', 'warning' or 'error'"),
        ("STORE_TIMEOUT_SECONDS", "nan", "must be"),
        ("REDIS_URL", "localhost:6379", "must begin with one of redis://"),
        ("REDIS_URL", "http://localhost", "must begin with one of redis://"),
        ("REDIS_URL", "redis+sentinel://localhost", "must name the service"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"SESSION_ROUTER_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"SESSION_ROUTER_{name}: ")
    assert reason in message
    assert "\n" not in message


def test_all_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_ROUTER_PORT", "x")
    monkeypatch.setenv("SESSION_ROUTER_SHARDS", "0")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2


def test_a_password_is_in_no_message_and_no_representation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SESSION_ROUTER_REDIS_URL", "reddis://:hunter2@db")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("SESSION_ROUTER_REDIS_URL", "redis://:hunter2@db")
    assert "hunter2" not in repr(load_settings())


def test_the_port_that_kubernetes_sets_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSION_ROUTER_PORT", "tcp://10.0.0.7:8080")
    with pytest.raises(SettingsError, match="enableServiceLinks"):
        load_settings()


def test_settings_never_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
