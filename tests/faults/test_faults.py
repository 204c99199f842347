#!/usr/bin/python3 -B
"""What the gateway promises while its backends die, come back, freeze, vanish and lie: gRPC servers
with a common ledger behind it, and clients that count.

    tests/faults/test_faults.py [--build DIR] [--long] [NAME...]

Each case prints its figures and, in parentheses, what they must be.  --long is what `make soak` runs.
The cases of vanished.py run in network namespaces of their own, where there may be such.
"""
import argparse
import subprocess
import sys
import time
from pathlib import Path

import stage as stages
import harness
import migration
import restarts
import troubles
import trust
import vanished

CASES = restarts.CASES + troubles.CASES + trust.CASES + migration.CASES


def run_within(stage, name, arguments):
    """Runs a case of vanished.py in namespaces, which go with its processes."""
    unshare = vanished.unshare()
    if unshare is None:
        print(f"not tried: {name}: no network namespaces here", flush=True)
        return
    command = [*unshare, harness.PYTHON, "-B", __file__, "--build", arguments.build,
               "--within", name]
    made = subprocess.run(command + ["--long"] * arguments.long, stdout=subprocess.PIPE, text=True)
    *lines, last = made.stdout.splitlines() or [""]
    print("\n".join(lines), flush=True)
    words = last.split()
    if len(words) != 4 or words[1] != "passed,":
        print(f"FAILED {name}: it broke: {last}", flush=True)
        stage.add(0, 1)
        return
    stage.add(int(words[0]), int(words[2]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(harness.ROOT / "build"))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--within", action="store_true", help="namespaces are made already")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    harness.Settings.build = Path(arguments.build).resolve()
    stage = stages.Stage(arguments.long)
    cases = {case.__name__: case for case in CASES + vanished.CASES}
    for name in arguments.names or cases:
        begun = time.monotonic()
        if cases[name] in vanished.CASES and not arguments.within:
            run_within(stage, name, arguments)
        else:
            stage.run(cases[name])
        if not arguments.within:
            stage.note(f"{name}: {time.monotonic() - begun:.1f} s")
    print(f"{stage.passed} passed, {stage.failed} failed")
    sys.exit(1 if stage.failed or not stage.passed else 0)


if __name__ == "__main__":
    main()
