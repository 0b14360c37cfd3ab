import os, sys

sys.path.insert(0, os.getcwd())
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.model.service import service_on
from tests.model.test_state_machine import Sessions


def test_hunt(valkey_server):
    phases = [Phase.generate] + ([Phase.shrink] if os.environ.get("SHRINK") else [])
    with service_on(valkey_server) as running:
        Sessions.service = running
        run_state_machine_as_test(
            Sessions,
            settings=settings(
                max_examples=int(os.environ.get("N", "100")),
                stateful_step_count=int(os.environ.get("STEPS", "50")),
                phases=phases,
                deadline=None,
                database=None,
                print_blob=False,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
