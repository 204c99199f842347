"""Whom the gateway believes: services that say how they are, and certificates."""
import re
import signal
import subprocess
import time

import harness
from harness import wait_for
from stage import Backend, failures


def health(stage):
    """grpc.health.v1: who says NOT_SERVING gets no calls although it would serve them; who does not
    know the service is well."""
    stage.new_ledger()
    backends = [Backend(stage.ledger, options=["--health"] if i else []) for i in range(3)]
    stage.set(backends, upstream="health: { service: userservice.UserService }")
    plain, ill = backends[0], backends[1]
    load = stage.load(300, 8, posts=0.5)
    wait_for(lambda: all(stage.shares()[b.address] > 20 for b in backends), 5, "all are used")
    ill.signal(signal.SIGUSR2)
    fell = time.monotonic()
    wait_for(lambda: stage.metric("connections") == 2, 5, "it is left")
    left = time.monotonic() - fell
    time.sleep(0.1)
    before = stage.shares()
    time.sleep(1)
    meanwhile = stage.shares() - before
    ill.signal(signal.SIGUSR2)
    rose = time.monotonic()
    wait_for(lambda: stage.shares()[ill.address] > before[ill.address] + 5, 5, "it is used again")
    used = time.monotonic() - rose
    outcomes = load.stop()
    failed = failures(outcomes)
    stage.none_failed(failed, f"health: {sum(failed.values())} of {len(outcomes)} failed, POST "
                              f"included (0) {failed or ''}")
    stage.in_time(left <= 1 and meanwhile[ill.address] == 0,
                  f"health: left {left * 1e3:.0f} ms after it said NOT_SERVING (1000), "
                  f"{meanwhile[ill.address]} calls in the second after that (0)")
    stage.in_time(meanwhile[plain.address] > 50, f"health: {meanwhile[plain.address]} calls meanwhile "
                                                 "to the one that knows no health service (50)")
    stage.in_time(used <= 1, f"health: used again {used * 1e3:.0f} ms after it said SERVING (1000)")
    stage.strike()


def certificates(stage):
    """F1, by the tests of TLS: 14 kinds of certificates, each with a service that counts bytes."""
    made = subprocess.run([harness.PYTHON, "-B", str(harness.HERE / "test_tls.py"), "--build",
                           str(harness.Settings.build), "BadServices.test_0", "BadServices.test_1"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    kinds = re.findall(r"^test_(\d\d)_\w+ .*\.\.\. ok$", made.stdout, re.M)
    stage.check(made.returncode == 0 and len(set(kinds)) == 14,
                f"bad certificates of services: {len(set(kinds))} of 14 refused before the first byte "
                "of a request (14)")
    if made.returncode != 0:
        print(made.stdout)


CASES = (health, certificates)
