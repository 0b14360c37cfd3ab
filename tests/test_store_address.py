"""Addresses of the store in all their shapes, and what is said to those that are none."""

from typing import Any

import pytest
from redis.asyncio.connection import parse_url

from app.store_address import (
    ClusterAddress,
    SentinelAddress,
    ServerAddress,
    parse_store_address,
)


@pytest.mark.parametrize(
    "url", ["redis://:pw@db:6379/2", "rediss://db/0?ssl_ca_certs=ca.pem", "unix:///run/valkey.sock"]
)
def test_one_server_is_left_to_redis_py(url: str) -> None:
    address = parse_store_address(url)
    assert isinstance(address, ServerAddress)
    assert address.url == url


def test_sentinels_name_a_service_and_have_a_password_of_their_own() -> None:
    address = parse_store_address(
        "redis+sentinel://me:a%40b%2Fc@s1:1,s2,[::1]:3/prime%20one/2"
        "?health_check_interval=5&sentinel_username=watch&sentinel_password=d%26e"
    )
    assert isinstance(address, SentinelAddress)
    assert address.sentinels == (("s1", 1), ("s2", 26379), ("::1", 3))
    assert (address.service, address.username, address.password) == ("prime one", "watch", "d&e")
    options: dict[str, Any] = dict(parse_url(address.servers))
    assert (options["username"], options["password"]) == ("me", "a@b/c")
    assert (options["db"], options["health_check_interval"]) == (2, 5)
    assert not {"sentinel_username", "sentinel_password"} & options.keys()


def test_a_cluster_is_asked_for_at_its_nodes() -> None:
    address = parse_store_address("rediss+cluster://:pw@n1:7000,n2,[::1]?ssl_cert_reqs=none")
    assert isinstance(address, ClusterAddress)
    assert address.nodes == (("n1", 7000), ("n2", 6379), ("::1", 6379))
    options: dict[str, Any] = dict(parse_url(address.servers))
    assert (options["password"], options["ssl_cert_reqs"]) == ("pw", "none")
    assert options["connection_class"].__name__ == "SSLConnection"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis+sentinel://:hunter2@s1:1,s2:2", "must name the service"),
        ("redis+sentinel://:hunter2@s1:1/", "must name the service"),
        ("redis+sentinel://:hunter2@s1:1/service/db", "must name the service"),
        ("redis+sentinel://:hunter2@s1:1,/service", "host:port,host:port"),
        ("redis+sentinel://:hunter2@/service", "host:port,host:port"),
        ("redis+cluster://:hunter2@n1:x", "host:port,host:port"),
        ("redis+cluster://:hunter2@n1:0", "1 to 65535"),
        ("redis+cluster://:hunter2@n1:65536", "1 to 65535"),
        ("redis+cluster://:hunter2@n1:1/1", "database 0"),
        ("redis+cluster:n1", "must begin with one of redis://"),
        ("unix+sentinel://:hunter2@s1/service", "must begin with one of redis://"),
    ],
)
def test_what_is_no_address_is_refused_and_never_repeated(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_store_address(url)
    assert "hunter2" not in str(caught.value)


def test_no_representation_has_a_password() -> None:
    for url in (
        "redis://:hunter2@db",
        "redis+sentinel://:hunter2@s/x?sentinel_password=hunter2",
        "redis+cluster://:hunter2@n",
    ):
        assert "hunter2" not in repr(parse_store_address(url))
