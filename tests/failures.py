#!/usr/bin/python3
"""What failed, in few lines, for those who see only the end of a run's output.

    tests/failures.py LOG...

Each LOG is the output of a step that failed, in a file of the step's name: runs of tests/run.py, of
a suite alone, or of a compiler.  Prints for each suite that failed the lines that say which of its
checks, and then one line with the names of all:

    failed: integration status; fuzz wire_diff; asan-build
"""
import re
import sys
from pathlib import Path

LINES_MAX = 50
SUITES_MAX = 12
# A line is cut behind so many characters; an input that broke a fuzzer is of use only as a whole.
COLUMNS_MAX, INPUT_MAX = 240, 1600
# Without any line that is known to say something: so many of the last ones.
LAST = 8

SUITE = re.compile(r"(ok  |FAIL) (.+): \d+ passed, \d+ failed, [\d.]+ s$")
TELLING = tuple(map(re.compile, (
    r"(FAIL|ERROR): ",                                       # unittest: the test's name
    r"\[  FAILED  \] (?!.*\d+ test\(s\))",                    # cmocka
    r"(\[  ERROR   \] --- |.*: error: Failure!|got    \"|wanted \")",
    r"(FAIL(ED)?|late  ) (?!\()",                            # the faults, the browser, the growth
    r".*(ERROR: \w+Sanitizer|ERROR: libFuzzer|WARNING: ThreadSanitizer|runtime error:)",
    r"    #\d+ .*\b(gateway|tests)/",
    r".*Assertion .* failed",
    r"(SUMMARY|Base64): |.*Test unit written to ",
    r"only .* % of the inputs|still running after ",
    r".*(\berror: |undefined reference|\*\*\* )",            # compilers, linkers, make
    r"(unexplained difference|input|ours|theirs|over a limit): ",  # a comparing fuzzer
    r"==\d+== (Invalid|Conditional jump|Use of|\d[\d,]* .*lost)",  # valgrind
)))
PLACE = re.compile(r'  File "(?:.*/)?(tests/.*)", (line \d+)')
FRAMES_MAX = 4


def telling(lines):
    """Those that say which checks failed and how; of a traceback what was raised, and where: the last
    place in a test rather than in what tests share."""
    found, place, frames = [], None, 0
    for line in lines:
        at = PLACE.match(line)
        if at:
            if place is None or "/test_" in at[1] or "/test_" not in place:
                place = f"  at {at[1]}, {at[2]}"
            continue
        raised = place is not None and line[:1] not in ("", " ")
        if not raised and not any(pattern.match(line) for pattern in TELLING):
            continue
        frames = frames + 1 if line.startswith("    #") else 0
        if frames > FRAMES_MAX:
            continue
        if raised:
            found.append(place)
            place = None
        if line not in found or raised:
            found.append(line)
    return found or [line for line in lines if line.strip()][-LAST:]


def suites(step, text):
    """[(name, lines)] of the suites that failed; a step without suites is one itself."""
    found, lines = [], []
    for line in text.splitlines():
        suite = SUITE.match(line)
        if suite is None:
            lines.append(line)
            continue
        if suite[1] == "FAIL":
            found.append((suite[2], lines))
        lines = []
    return found or [(step, text.splitlines())]


def cut(line):
    width = INPUT_MAX if line.startswith("Base64: ") else COLUMNS_MAX
    return line if len(line) <= width else line[:width] + "..."


def names(failed):
    """`asan-build; integration status, unary`: a group's name once."""
    groups = {}
    for name, _ in failed:
        group, _, suite = name.partition(" ")
        groups.setdefault(group, [])
        if suite and suite not in groups[group]:
            groups[group].append(suite)
    return "; ".join(f"{group} {', '.join(of)}".rstrip() for group, of in groups.items())


def summary(logs):
    """logs: [(step, text)]"""
    failed = [suite for step, text in logs for suite in suites(step, text)]
    shown = failed[:SUITES_MAX]
    lines = []
    for i, (name, output) in enumerate(shown):
        # What one suite leaves is there for those behind it; its last lines say the least.
        room = max(2, (LINES_MAX - len(lines)) // (len(shown) - i) - 1)
        told = telling(output)
        if len(told) > room:
            told = told[:room - 1] + [f"... and {len(told) - room + 1} lines more"]
        lines += [name + ":", *("  " + cut(line) for line in told)]
    return [*lines, "failed: " + names(failed)]


def main():
    logs = [(Path(name).name, Path(name).read_text(errors="replace")) for name in sys.argv[1:]]
    # A count on a line of its own is the sum of the whole run, which comes later.
    print("\n".join(line for line in summary(logs)
                    if not re.match(r"\d+ passed, \d+ failed", line)))


if __name__ == "__main__":
    main()
