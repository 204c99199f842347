#!/usr/bin/python3
"""Runs groups of tests and says `N passed, N failed` at the end.

    tests/run.py [--build DIR] [--fuzz-seconds N] [--fuzz-seed N] [--quick] GROUP...

Groups: unit (DIR/unit/*), conformance (protobuf's own tests), growth (instructions in proportion
to size), integration (tests/integration/test_*.py), browser (the dashboard in Chromium), fuzz
(DIR/fuzz/*), lint (tests/lint/*), valgrind (unit tests under memcheck).  One line for each suite
with its time; a failing suite's output is shown whole.  The exit code is 1 when anything failed or
nothing ran.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"
GROUPS = ("unit", "conformance", "growth", "integration", "browser", "fuzz", "lint",
          "valgrind")
# Layers whose tests end within minutes under memcheck; the codec's many numbers would take an hour.
VALGRIND_LAYERS = ("base", "schema", "net", "upstream", "exchange", "front")
BROWSER_SUITES = ("mocked", "real")
SUITE_SECONDS = 900
# Per cent: below it a comparing fuzzer looks at little else than errors.
ACCEPTED_SHARE_MIN = 30


running = set()


def end(process):
    """With everything that it started: each suite is a process group of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def execute(command, seconds):
    """(exit code, output); a suite that does not end is one that failed."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, process_group=0)
    running.add(process)
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output.decode(errors="replace")
    except subprocess.TimeoutExpired:
        end(process)
        output, _ = process.communicate()
        return 1, output.decode(errors="replace") + f"\nstill running after {seconds} s\n"
    finally:
        running.discard(process)


def tally(code, passed, failed):
    """An exit code that the counts do not explain is a failure of its own."""
    if code != 0 and failed == 0:
        failed = 1
    if passed + failed == 0:
        failed = 1
    return passed, failed


def count_cmocka(code, output):
    passed = sum(map(int, re.findall(r"^\[  PASSED  \] (\d+) test", output, re.M)))
    failed = sum(map(int, re.findall(r"^\[  FAILED  \] (\d+) test", output, re.M)))
    return tally(code, passed, failed)


def count_line(code, output):
    """The last line `N passed, N failed`; without one, the suite is one test."""
    found = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if not found:
        return (1, 0) if code == 0 else (0, 1)
    return tally(code, *map(int, found[-1]))


def count_counted(code, output):
    """As count_line, but the line must be there."""
    found = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.M)
    return tally(code, *map(int, found[-1])) if found else (0, 1)


def unit_suites(options):
    for binary in sorted((options.build / "unit").glob("*")):
        if binary.is_file() and os.access(binary, os.X_OK):
            yield (f"unit {binary.name}",
                   lambda b=binary: count_run([str(b)], count_cmocka, SUITE_SECONDS))


def valgrind_suites(options):
    for binary in (options.build / "unit" / layer for layer in VALGRIND_LAYERS):
        command = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
                   "--errors-for-leak-kinds=definite", str(binary)]
        if binary.exists():
            yield (f"valgrind {binary.name}",
                   lambda c=command: count_run(c, count_cmocka, SUITE_SECONDS))


def count_run(command, count, seconds):
    code, output = execute(command, seconds)
    return (*count(code, output), output)


def growth_suites(options):
    command = [PYTHON, str(ROOT / "tests/growth/growth.py"), "--build", str(options.build)]
    yield "growth codec", lambda: count_run(command, count_counted, SUITE_SECONDS)


def integration_suites(options):
    for file in sorted((ROOT / "tests/integration").glob("test_*.py")):
        command = [PYTHON, str(file), "--build", str(options.build)]
        if options.quick:
            command.append("--quick")
        yield (f"integration {file.stem[len('test_'):]}",
               lambda c=command: count_run(c, count_counted, SUITE_SECONDS))


def browser_suites(options):
    for name in BROWSER_SUITES:
        command = [PYTHON, str(ROOT / "tests/browser/browser.py"), "--build", str(options.build),
                   "--only", name]
        yield f"browser {name}", lambda c=command: count_run(c, count_counted, SUITE_SECONDS)


def conformance_suites(options):
    folder = ROOT / "tests/conformance"
    for name, command in (("judge", [folder / "conformance_test.py"]),
                          ("runner", [folder / "conformance.py", "--build", options.build])):
        yield (f"conformance {name}",
               lambda c=[PYTHON, *map(str, command)]: count_run(c, count_counted, SUITE_SECONDS))


def lint_suites(_options):
    for file in sorted((ROOT / "tests/lint").glob("*")):
        if file.is_file() and os.access(file, os.X_OK):
            yield (f"lint {file.stem}",
                   lambda f=file: count_run([str(f)], count_line, SUITE_SECONDS))


def diff_messages():
    """The official conformance messages, for the fuzzers that compare with protobuf C++."""
    sys.path.insert(0, str(ROOT / "tests/conformance"))
    import tools
    with tools.locked():
        return tools.descriptor_set()


def accepted_share(output):
    """Per cent of a comparing fuzzer's inputs that both sides took; None: it does not compare."""
    found = re.search(r"^diff: \d+ executions, ([\d.]+) % accepted by both", output, re.M)
    return float(found[1]) if found else None


@contextmanager
def found_folder(options, name):
    """Where a fuzzer keeps inputs: as long as the run lasts, or --fuzz-found, to go on from there."""
    if options.fuzz_found:
        folder = options.fuzz_found / name
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory(dir=options.build / "fuzz") as folder:
            yield folder


def fuzz_command(binary, seed):
    """With a seed each run does the same, a faster machine only more of it: nothing may depend then
    on the time, on the order of a folder's files, or on addresses, which libFuzzer takes from
    comparisons for its inputs.  And a machine that stands still for seconds is no input's fault."""
    if not seed:
        return [str(binary), "-timeout=5"]
    fixed = ["setarch", "-R"]  # addresses; not every container allows it
    if subprocess.run([*fixed, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        fixed = []
    return [*fixed, str(binary), f"-seed={seed}", "-reload=0", "-use_cmp=0", "-timeout=25"]


def fuzz_seeds(name, seed):
    """The corpus: read, never written."""
    folder = ROOT / "tests/fuzz/corpus" / name
    if not folder.is_dir():
        return []
    return ["-seed_inputs=" + ",".join(map(str, sorted(folder.iterdir())))] if seed else [str(folder)]


def fuzz_suites(options):
    # ASan keeps 256 MB of freed memory by default: more than the fuzzers' own limit.
    os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=8:malloc_context_size=8"
    if options.fuzz_seed:
        os.environ["FUZZ_REPEAT"] = "1"  # the keys of hash tables: tests/fuzz/repeat.c
    artifacts = options.build / "fuzz" / "artifacts"

    def fuzz(binary):
        artifacts.mkdir(exist_ok=True)
        compares = binary.name.endswith("_diff")
        seconds = options.fuzz_seconds * (2 if compares else 1)
        with found_folder(options, binary.name) as found:
            command = [*fuzz_command(binary, options.fuzz_seed), f"-max_total_time={seconds}",
                       "-rss_limit_mb=256", "-print_final_stats=1", "-verbosity=1",
                       f"-artifact_prefix={artifacts}/{binary.name}-", str(found),
                       *fuzz_seeds(binary.name, options.fuzz_seed)]
            code, output = execute(command, seconds + 120)
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
        ok = code == 0 and runs is not None and int(runs[1]) > 0
        share = accepted_share(output)
        if compares and ok and (share is None or share < ACCEPTED_SHARE_MIN):
            output += f"\nonly {share} % of the inputs were accepted by both sides\n"
            ok = False
        return (1, 0, output) if ok else (0, 1, output)

    binaries = sorted((options.build / "fuzz").glob("*"))
    if any(binary.name.endswith("_diff") for binary in binaries):
        os.environ["DIFF_SET"] = str(diff_messages())
    for binary in binaries:
        if binary.is_file() and os.access(binary, os.X_OK):
            yield f"fuzz {binary.name}", lambda b=binary: fuzz(b)


SUITES = {"unit": unit_suites, "growth": growth_suites, "conformance": conformance_suites,
          "integration": integration_suites, "browser": browser_suites, "fuzz": fuzz_suites,
          "lint": lint_suites, "valgrind": valgrind_suites}
PARALLEL = {"fuzz": 2}
output_lock = threading.Lock()


def run_suite(suite):
    name, body = suite
    begun = time.monotonic()
    passed, failed, output = body()
    with output_lock:
        if failed:
            # Only the last line of the whole run may look like a sum.
            print(re.sub(r"^\d+ passed, \d+ failed$\n?", "", output, flags=re.M).rstrip("\n"))
        print(f"{'ok  ' if failed == 0 else 'FAIL'} {name}: {passed} passed, {failed} failed, "
              f"{time.monotonic() - begun:.1f} s", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--fuzz-seconds", type=int, default=30)
    parser.add_argument("--fuzz-seed", type=int, default=0,
                        help="makes the fuzzers' runs repeatable; 0: another one each time")
    parser.add_argument("--fuzz-found", type=Path, default=None,
                        help="a folder that keeps what the fuzzers find, and where they go on from")
    parser.add_argument("--quick", action="store_true", help="leave heavy integration tests out")
    parser.add_argument("--only", default="", help="suites whose name holds this")
    parser.add_argument("groups", nargs="+", choices=GROUPS, metavar="GROUP")
    options = parser.parse_args()
    options.build = (ROOT / options.build).resolve()
    passed = failed = 0
    for group in options.groups:
        suites = [suite for suite in SUITES[group](options) if options.only in suite[0]]
        if not suites:
            print(f"FAIL {group}: nothing to run")
            failed += 1
        with ThreadPoolExecutor(PARALLEL.get(group, 1)) as pool:
            try:
                for suite_passed, suite_failed in pool.map(run_suite, suites):
                    passed += suite_passed
                    failed += suite_failed
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list(running):
                    end(process)
                raise
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or passed == 0 else 0)


if __name__ == "__main__":
    main()
