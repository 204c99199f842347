#!/usr/bin/python3
"""No message may cost more than in proportion to its size: counts instructions, not time.

    tests/growth/growth.py [--build DIR]

Each case converts an input of size n and one of size 4 n under valgrind, whose count of
instructions is the same on each run.  n log n would be up to 4.5 times as many, n * n sixteen.
"""
import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GROWTH_MAX = 4.6  # times the instructions for four times the size
FLOOD_MAX = 1.5   # times those of ordinary keys
RESTART_INSTRUCTIONS_MAX = 200_000  # of 20 levels in a hundred bytes; without a budget 10^9

# shape (see codec_growth.c), direction, n
CASES = (
    ("deep", "json_to_wire", 50), ("deep", "wire_to_json", 50),
    ("moved", "json_to_wire", 20), ("moved", "wire_to_json", 20),
    ("late_type", "json_to_wire", 24), ("late_type", "wire_to_json", 24),
    ("restart", "wire_to_json", 20),
    ("keys", "json_to_wire", 25000), ("keys", "wire_to_json", 25000),
    ("keys_twice", "wire_to_json", 5000),
    ("shuffled", "json_to_wire", 100), ("shuffled", "wire_to_json", 100),
    ("shuffled_scalars", "wire_to_json", 10000),
    ("interleaved", "wire_to_json", 10000),
    ("merged", "wire_to_json", 5000),
    ("escapes", "json_to_wire", 5000), ("escapes", "wire_to_json", 5000),
)
FLOOD_KEYS = 1000


def count(binary, shape, direction, n):
    """Instructions of the conversion itself."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         "--toggle-collect=growth_measure", str(binary), shape, direction, str(n)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stdout)
    if done.returncode != 0 or found is None or int(found[1]) == 0:
        raise RuntimeError(f"{shape} {direction} {n}: {done.stdout}")
    return int(found[1])


def check_growth(binary, case):
    """(what, whether it holds)"""
    shape, direction, n = case
    small, large = count(binary, shape, direction, n), count(binary, shape, direction, 4 * n)
    growth = large / small
    ok = growth <= GROWTH_MAX
    if shape == "restart":
        ok = ok and small <= RESTART_INSTRUCTIONS_MAX
    return f"{shape} {direction}: {small} for {n}, {growth:.2f} times that for {4 * n}", ok


def check_flood(binary, direction):
    """Keys chosen to collide in a table without a seed cost what others do."""
    ordinary = count(binary, "keys", direction, FLOOD_KEYS)
    chosen = count(binary, "flood", direction, FLOOD_KEYS)
    return (f"flood {direction}: {chosen} for {FLOOD_KEYS} keys, {ordinary} for ordinary ones",
            chosen <= FLOOD_MAX * ordinary)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    binary = parser.parse_args().build.resolve() / "growth" / "codec_growth"
    work = [lambda case=case: check_growth(binary, case) for case in CASES]
    work += [lambda d=d: check_flood(binary, d) for d in ("json_to_wire", "wire_to_json")]
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(one) for one in work]:
            try:
                what, ok = done.result()
            except RuntimeError as e:
                what, ok = str(e), False
            print(("ok   " if ok else "FAIL ") + what, flush=True)
            failed += not ok
    print(f"{len(work) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
