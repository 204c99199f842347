#!/usr/bin/python3
"""Runs protobuf's official conformance tests against the codec of the gateway.

    tests/conformance/conformance.py [--build DIR]

Demanded: every test that touches JSON succeeds, recommended ones too, with an empty list of expected
failures.  Tests from bytes to bytes and those of the text format are none of a gateway's business, and
are skipped.  The runner counts a skipped test as a good one; so what was asked and what was answered
is taken from the runner's own protocol of each test, and compared with its sums and with what the
testee wrote down.  docs/conformance.md shows the figures; it fails here when it is not up to date.
"""
import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import tools

ROOT = Path(__file__).resolve().parents[2]
JSON_TESTS = 2762   # of the pinned version
OTHER_TESTS = (2805, 883)  # from bytes to bytes in the first suite, of the text format in the second
SECONDS_MAX = 600
# How else JSON can be printed by a route's options (`nulls` is not among them: an unset Value is null
# then, which reads as a Value that is null).
STYLES = (("all", "proto_names"), ("int64_number", "enum_number"))

SYNTAXES = {"Proto2": "proto2", "Proto3": "proto3", "Editions_Proto2": "editions, as proto2",
            "Editions_Proto3": "editions, as proto3", "Editions": "edition 2023"}
KINDS = ("JSON to protobuf", "JSON to JSON", "protobuf to JSON", "unknown fields ignored")


class Test:
    """One test as the runner shows it: `conformance test: name=..., request=..., response=...`."""

    def __init__(self, line):
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)  # payloads may look like anything
        self.name = re.match(r"conformance test: name=(\S+),", bare)[1]
        request, response = bare.split(", response=", 1)
        self.input = re.search(r" (protobuf|json|jspb|text)_payload: ", request)[1]
        self.output = re.search(r" requested_output_format: (\w+)", request)[1].lower()
        self.category = re.search(r" test_category: (\w+)", request)[1]
        self.answer = re.search(r" (\w+): \"\"", response)[1]
        self.level, self.syntax = self.name.split(".")[:2]

    @property
    def touches_json(self):
        return "json" in (self.input, self.output)

    @property
    def kind(self):
        if self.category == "JSON_IGNORE_UNKNOWN_PARSING_TEST":
            return KINDS[3]
        return f"{self.input} to {self.output}".replace("json", "JSON")


class Run:
    """What one run of the runner said."""

    def __init__(self, lines):
        self.tests, self.bad, self.sums, self.complaints = [], {}, [], []
        for line in lines:
            found = re.match(r"(ERROR|WARNING|FAILED AS EXPECTED), test=([^\s:]+)", line)
            if line.startswith("conformance test: name="):
                self.take(line)
            elif found:
                self.bad[found[2]] = line.strip()
            elif line.startswith("CONFORMANCE SUITE "):
                self.sums.append(tuple(map(int, re.findall(r"\b\d+\b", line))))

    def take(self, line):
        try:
            self.tests.append(Test(line))
        except (TypeError, ValueError, IndexError):
            self.complaints.append(f"a line of the runner that cannot be read: {line[:200].strip()}")


def faults(run, report, suites=2):
    """What is wrong with a run, one sentence each, beside the tests that failed; report: the lines that
    the testee wrote; suites: how many there are, since the runner ends with the first that fails."""
    out = list(run.complaints)

    def demand(what, wanted, got):
        if wanted != got:
            out.append(f"{what}: {got}, not {wanted}")

    json_tests = [test for test in run.tests if test.touches_json]
    others = [test for test in run.tests if not test.touches_json]
    demand("tests that touch JSON", JSON_TESTS, len(json_tests))
    demand("other tests", sum(OTHER_TESTS[:suites]), len(others))
    demand("suites that ended with a sum", suites, len(run.sums))
    demand("names that are there twice", 0, len(run.tests) - len({test.name for test in run.tests}))
    skipped = Counter(test.touches_json for test in run.tests if test.answer == "skipped")
    demand("other tests skipped", len(others), skipped[False])
    totals = [sum(column) for column in zip(*run.sums)] if run.sums else []
    failed = len(run.bad)
    demand("the runner's sums (successes, skipped, expected and unexpected failures)",
           [len(run.tests) - sum(skipped.values()) - failed, sum(skipped.values()), 0, failed], totals)
    wrote = Counter((*line.split()[:2], line.split()[-1]) for line in report)
    asked = Counter((test.input, test.output.replace("text_format", "text"),
                     test.answer.replace("_payload", "")) for test in run.tests)
    demand("requests that the testee wrote down", sorted(asked.items()), sorted(wrote.items()))
    return out


def bad_tests(run):
    """Name -> what is wrong with it: failures, and skipped tests that touch JSON."""
    bad = dict(run.bad)
    for test in run.tests:
        if test.touches_json and test.answer in ("skipped", "runtime_error", "timeout_error"):
            bad.setdefault(test.name, f"{test.answer.upper()}, test={test.name}")
    return bad


def table(run, bad):
    """Markdown: successes of each category, by the syntax of the messages' file and by level."""
    good = [test for test in run.tests if test.touches_json and test.name not in bad]
    rows = [("messages of", *KINDS, "all"), ("---",) * (len(KINDS) + 2)]

    def row(name, chosen):
        count = Counter(test.kind for test in chosen)
        rows.append((name, *(f"{count[kind]:,}" for kind in KINDS), f"{len(chosen):,}"))

    for syntax, name in SYNTAXES.items():
        row(name, [test for test in good if test.syntax == syntax])
    for level in ("Required", "Recommended"):
        row(f"all: {level.lower()}", [test for test in good if test.level == level])
    row("all", good)
    return "".join("| " + " | ".join(cells) + " |\n" for cells in rows)


def run_all(testee, folder, style=()):
    """(Run, the testee's report), with JSON printed in another style than the default one."""
    report, log = folder / "report", folder / "log"
    results = folder / "results"
    results.mkdir(parents=True, exist_ok=True)
    report.write_text("")
    command = [*tools.runner(), "--verbose", "--enforce_recommended", "--maximum_edition", "2023",
               "--output_dir", f"{results}/", str(testee), str(tools.descriptor_set()), str(report),
               *style]
    with open(log, "wb") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, timeout=SECONDS_MAX)
    with open(log, encoding="utf-8", errors="replace", newline="\n") as lines:
        return Run(lines), report.read_text().splitlines()


def run_style(testee, folder, style):
    """The faults of a run in another style: other text, but the same messages.  Tests that look at the
    text, the validators, are left out."""
    run, report = run_all(testee, folder / "-".join(style), style)
    bad = [line for name, line in bad_tests(run).items() if not name.endswith(".Validator")]
    wrong = faults(run, report, suites=1 if run.bad else 2)
    lines = [f"printed with {' and '.join(style)}: {line}" for line in [*bad, *wrong]]
    print(f"printed with {' and '.join(style)}: {'the same messages' if not lines else 'FAILED'}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    build = (ROOT / options.build).resolve()
    testee, folder = build / "conformance/testee", build / "conformance/run"
    try:
        with tools.locked():
            run, report = run_all(testee, folder)
            styles = [run_style(testee, folder, style) for style in STYLES]
    except tools.Missing as error:
        print(f"conformance: {error}\n0 passed, 1 failed")
        sys.exit(1)
    bad, wrong = bad_tests(run), faults(run, report)
    figures = table(run, bad)
    if figures not in (ROOT / "docs/conformance.md").read_text():
        wrong.append("docs/conformance.md does not hold this table")
    print(figures)
    skipped = Counter(test.kind for test in run.tests if not test.touches_json)
    print("skipped:", ", ".join(f"{count:,} {kind}" for kind, count in skipped.items()))
    lines = [*bad.values(), *wrong, *(line for style in styles for line in style)]
    for line in lines:
        print(line)
    passed = sum(test.touches_json and test.name not in bad for test in run.tests)
    passed += sum(not style for style in styles)
    print(f"{passed} passed, {len(lines)} failed")
    sys.exit(1 if lines or passed == 0 else 0)


if __name__ == "__main__":
    main()
