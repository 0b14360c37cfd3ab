"""The state machine is worth something only if it sees what it is there to see.

Each of these faults is planted in the scripts, alone, and the machine must find it.
`SESSION_ROUTER_PLANTED_FAULTS` says how many are planted, from the top: 3 unless it says
otherwise, all 24 in CI.

=====================================================  =======================================
fault                                                  what it breaks
=====================================================  =======================================
batch forgotten at takeover                            conservation (I2), no strand (I5)
stop forgotten when the lease ends                     what was stopped never runs again
hand-over ignores a pause                              a paused session hands nothing over
stale fence believed                                   a stale holder changes nothing (I6)
fence not checked on complete                          a stale holder changes nothing (I6)
released before the hand-over                          `next` is granted in the same step
id marked as seen before it is stored                  a refused message may be sent again (I4)
fence counter restarted                                fences only grow (I1)
seen steer taken out and not stored                    conservation (I2)
run given again to another consumer                    one holder for a run (I1, I4)
interrupt leaves its sender's messages where they are  one sender's order (I3)
counted return not counted                             dead letters after `max_deliveries`
queue limit off by one                                 bounded queues (I11)
last try not alone                                     a poison message takes nobody with it
whatever waits is offered as a steer                   a steer is what its sender may steer
answer not offered                                     an answer goes to the run that asks
anybody answers what the owners are asked              nobody answers in another's name
hand-over ignores an open burst                        a burst is one message
part of a burst interrupts the run of its siblings     a burst is one message
context forgotten whatever becomes of the run          a line is told until a run completes
time that a run asks counted                           `max_run_seconds` is work, not waiting
held run interrupted                                   what comes to a held run waits
sealed batch repeated when the lease ends              no reply goes out twice
job reports into a session that was reset              exactly that session, or a refusal
=====================================================  =======================================
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from app.store import scripts
from tests.model.service import Service, service_on
from tests.model.test_state_machine import STEPS, Sessions
from tests.planted.faults import FAULTS, Fault, planted

PLANTED = int(os.environ.get("SESSION_ROUTER_PLANTED_FAULTS") or 3)
EXAMPLES = 2500  # it stops at the first that fails: only an unlucky search takes many
SHORT = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    phases=[Phase.generate],  # the first failure is enough, it need not be small
    report_multiple_bugs=False,
    verbosity=Verbosity.quiet,
    deadline=None,
    database=None,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def service(valkey_server: str) -> Iterator[Service]:
    with service_on(valkey_server) as running:
        yield running


def test_every_fault_has_its_place_and_breaks_no_script(store_url: str) -> None:
    with Redis.from_url(store_url) as redis:
        for fault in FAULTS:
            with planted(fault):
                redis.function_load(scripts.LIBRARY.text)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS[:PLANTED], ids=lambda fault: fault.name)
def test_the_machine_finds(fault: Fault, service: Service) -> None:
    Sessions.service = service
    # An answer that has not the expected form is found out as well as a wrong one.
    with planted(fault), pytest.raises((AssertionError, KeyError, TypeError)):
        run_state_machine_as_test(Sessions, settings=SHORT)
