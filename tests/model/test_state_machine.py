"""The service against the model: many short lives of a few sessions, compared step by step.

`SESSION_ROUTER_MODEL_EXAMPLES` says how many examples of 50 steps are run, 60 a test: 60 unless it
says otherwise, 500 in CI. A failure prints its steps, shrunk, and a `@reproduce_failure(...)` line:
put that line above `class Sessions` and run this file again.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.asking_rules import AskingRules
from tests.model.gathering_rules import GatheringRules
from tests.model.operator_rules import OperatorRules
from tests.model.service import Service, service_on

EXAMPLES = int(os.environ.get("SESSION_ROUTER_MODEL_EXAMPLES") or 60)
EXAMPLES_A_TEST = 60
STEPS = 50


class Sessions(AskingRules, GatheringRules, OperatorRules):
    """All rules together."""


@pytest.fixture(scope="module")
def service(valkey_server: str) -> Iterator[Service]:
    with service_on(valkey_server) as running:
        yield running


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, EXAMPLES, EXAMPLES_A_TEST))
def test_the_service_does_what_the_model_says(service: Service, first: int) -> None:
    Sessions.service = service
    run_state_machine_as_test(
        Sessions,
        settings=settings(
            max_examples=min(EXAMPLES - first, EXAMPLES_A_TEST),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=False,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
