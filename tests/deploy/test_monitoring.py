"""The monitoring profile: its files fit each other, and ask only for metrics that there are."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from app.metrics import STREAMS, UNEXPECTED
from tests.faults.services import Service
from tests.metrics.scrapes import Scrape
from tests.metrics.talk import replay

PROJECT = Path(__file__).resolve().parents[2]
MONITORING = PROJECT / "deploy" / "monitoring"
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
PROMETHEUS: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0][
    "rules"
]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "grafana" / "session-router.json").read_text())
RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text()
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = {
    **{rule["alert"]: [rule["expr"]] for rule in RULES},
    **{panel["title"]: [target["expr"] for target in panel["targets"]] for panel in PANELS},
}
LEFT_OUT = "left out: what promtool would check, for it is not here (Debian: prometheus)"
OF_PROMETHEUS = {"up"}
ADDED_BY_PROMETHEUS = {"job", "instance"}
FILLED_IN = {"$job": ".+", "$__rate_interval": "1m"}


def selectors(query: str) -> Iterator[promql_parser.VectorSelector]:
    """Every selector of a query, which must parse."""
    for variable, value in FILLED_IN.items():
        query = query.replace(variable, value)
    return _selectors_in(promql_parser.parse(query))


def _selectors_in(expression: Any) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for part in ("expr", "lhs", "rhs", "args", "vector_selector"):
        inner = getattr(expression, part, None)
        for one in inner if isinstance(inner, list) else [inner]:
            if one is not None:
                yield from _selectors_in(one)


@pytest.fixture(scope="module")
def scrape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scrape]:
    """Give a real scrape, after a replay with an open stream."""
    folder = tmp_path_factory.mktemp("monitoring")
    with Service(folder / "service") as service:
        service.await_ready()
        replay(service.url, folder, 12)
        with urllib.request.urlopen(f"{service.url}/v1/signals?consumer=gw", timeout=10):
            yield Scrape.of(service.url)


@pytest.mark.parametrize("asking", QUERIES)
def test_a_query_parses_and_names_only_metrics_and_labels_that_there_are(
    scrape: Scrape, asking: str
) -> None:
    for query in QUERIES[asking]:
        found = list(selectors(query))
        assert found, query
        for selector in found:
            if selector.name in OF_PROMETHEUS:
                continue
            labels = {frozenset(s.labels) for s in scrape.samples if s.name == selector.name}
            declared = scrape.families.get(str(selector.name).removesuffix("_total"))
            assert labels or declared, f"{asking}: there is no {selector.name}"
            asked = {matcher.name for matcher in selector.matchers.matchers}
            assert asked - ADDED_BY_PROMETHEUS <= frozenset[str]().union(*labels), query


def test_every_metric_is_shown_or_told_of(scrape: Scrape) -> None:
    asked = {s.name for queries in QUERIES.values() for q in queries for s in selectors(q)}
    own = {name for name in scrape.families if name.startswith("session_router_")}
    shown = {re.sub(r"_(total|bucket|count|sum)$", "", str(name)) for name in asked}
    assert own == shown - OF_PROMETHEUS


def test_a_value_that_a_query_asks_for_is_one_that_there_is(scrape: Scrape) -> None:
    known: dict[tuple[str, str], set[str]] = {}
    for sample in scrape.samples:
        for label, value in sample.labels.items():
            known.setdefault((sample.name, label), set()).add(value)
    # These begin with their first call, or their first trouble.
    openapi = (PROJECT / "openapi.yaml").read_text()
    verbs = set(re.findall(r"operationId: (\w+)", openapi))
    known["session_router_call_seconds_bucket", "verb"] |= verbs
    known["session_router_calls_total", "outcome"] |= {UNEXPECTED}
    for queries in QUERIES.values():
        for selector in (s for query in queries for s in selectors(query)):
            for matcher in selector.matchers.matchers:
                values = known.get((str(selector.name), matcher.name))
                if matcher.name not in ADDED_BY_PROMETHEUS and values is not None:
                    assert set(matcher.value.split("|")) <= values, (selector.name, matcher.value)


def test_a_query_that_is_nonsense_is_told() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        list(selectors("sum by (job (rate(x[5m]))"))
    (one,) = selectors("sum(rate(no_such_metric[5m])) > 0")
    assert one.name == "no_such_metric"


def test_every_stream_that_is_counted_is_named(scrape: Scrape) -> None:
    assert set(scrape.by("session_router_streams", "kind")) == set(STREAMS)


def test_every_alert_says_how_bad_it_is_and_where_the_runbook_tells_what_to_do() -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert {"summary", "description", "runbook"} == set(rule["annotations"])
        document, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert document == "docs/runbook.md"
        assert anchor in anchors, rule["alert"]
    told = set(re.findall(r"`(SessionRouter\w+)`", RUNBOOK))
    assert told == {rule["alert"] for rule in RULES}


def test_every_view_and_metric_that_the_runbook_names_is_there(scrape: Scrape) -> None:
    titles = {panel["title"] for panel in PANELS}
    named = re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", RUNBOOK.replace("\n", " "))
    assert named
    assert set(named) <= titles
    metrics = set(re.findall(r"`(session_router_\w+)", RUNBOOK))
    assert metrics <= scrape.names | {f"{name}_total" for name in scrape.families}


def test_no_two_panels_share_an_id_or_a_place() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & cells, panel["title"]
        cells |= own
    assert all(panel["description"] for panel in PANELS)


def test_the_profile_mounts_every_file_where_it_is_looked_for() -> None:
    services, configs = COMPOSE["services"], COMPOSE["configs"]
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["monitoring"]
        for mounted in services[name]["configs"]:
            assert (PROJECT / configs[mounted["source"]]["file"]).is_file()
    targets = {mounted["target"] for mounted in services["prometheus"]["configs"]}
    assert set(PROMETHEUS["rule_files"]) < targets
    grafana = {mounted["source"]: mounted["target"] for mounted in services["grafana"]["configs"]}
    provider = yaml.safe_load((MONITORING / "grafana" / "dashboards.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    assert grafana["grafana-session-router"].startswith(f"{folder}/")
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == grafana["grafana-session-router"]


def test_prometheus_finds_every_router_and_has_a_token_and_grafana_finds_prometheus() -> None:
    (job,) = PROMETHEUS["scrape_configs"]
    (lookup,) = job["dns_sd_configs"]
    assert lookup["names"] == ["router"]
    assert COMPOSE["services"]["router"]["ports"][0].endswith(f":{lookup['port']}")
    assert COMPOSE["services"]["prometheus"]["secrets"] == ["metrics-token"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics-token"
    source = yaml.safe_load((MONITORING / "grafana" / "datasource.yml").read_text())
    assert source["datasources"][0]["url"] == "http://prometheus:9090"


def test_what_the_profile_publishes_is_published_on_loopback() -> None:
    for name in ("prometheus", "grafana"):
        (port,) = COMPOSE["services"][name]["ports"]
        assert re.fullmatch(r"\$\{\w+:-127\.0\.0\.1:(\d+)\}:\1", port)


@pytest.fixture
def promtool() -> str:
    """Give the path of Prometheus's own checker."""
    path = shutil.which("promtool")
    if path is not None:
        return path
    if os.environ.get("CI"):
        pytest.fail(LEFT_OUT)
    pytest.skip(LEFT_OUT)


@pytest.mark.parametrize(
    "check",
    [
        ["check", "rules", MONITORING / "alerts.yml"],
        ["check", "config", "--syntax-only", MONITORING / "prometheus.yml"],
        ["test", "rules", PROJECT / "tests" / "deploy" / "alerts_test.yml"],
    ],
    ids=lambda check: "-".join(map(str, check[:2])),
)
def test_promtool_agrees(promtool: str, check: list[str]) -> None:
    done = subprocess.run([promtool, *check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_promtool_finds_no_fault_with_the_page(promtool: str, tmp_path: Path, workers: str) -> None:
    with Service(tmp_path / "service", "--workers", workers) as service:
        service.await_ready()
        replay(service.url, tmp_path, 12)
        with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as answer:
            page = answer.read()
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_out() -> None:
    tried = yaml.safe_load((PROJECT / "tests" / "deploy" / "alerts_test.yml").read_text())
    checks = [check for test in tried["tests"] for check in test["alert_rule_test"]]
    for firing in (True, False):
        names = {check["alertname"] for check in checks if ("exp_alerts" in check) is firing}
        assert names == {rule["alert"] for rule in RULES}
