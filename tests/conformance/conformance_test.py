#!/usr/bin/python3
"""Tests of the judge: no testee gets past it by skipping, failing or hiding a test."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import conformance  # noqa: E402
import tools  # noqa: E402

TESTS = (  # name, payload of the request, format out, category, answer
    ("Required.Proto3.JsonInput.A.ProtobufOutput", 'json_payload: "{\\"a\\": skipped: \\"\\"}"', "PROTOBUF",
     "JSON_TEST", 'protobuf_payload: "\\010\\001"'),
    ("Recommended.Proto2.JsonInput.B.JsonOutput", 'json_payload: ""', "JSON", "JSON_TEST",
     'parse_error: "no: \\"x\\""'),
    ("Required.Editions.ProtobufInput.C.JsonOutput", 'protobuf_payload: "a"', "JSON", "BINARY_TEST",
     'json_payload: "{}"'),
    ("Required.Proto3.ProtobufInput.D.ProtobufOutput", 'protobuf_payload: "a"', "PROTOBUF",
     "BINARY_TEST", 'skipped: "x"'),
)
REPORT = ("json protobuf json T protobuf", "json json json T parse_error",
          "protobuf json binary T json", "protobuf protobuf binary T skipped")
SUMS = ("CONFORMANCE SUITE PASSED: 3 successes, 1 skipped, 0 expected failures, 0 unexpected failures.",
        "CONFORMANCE SUITE PASSED: 0 successes, 0 skipped, 0 expected failures, 0 unexpected failures.")


def lines(tests=TESTS):
    return [f"conformance test: name={name}, request=goo.gle/debugstr  {payload} "
            f'requested_output_format: {out} message_type: "T" test_category: {category}, '
            f"response=goo.gle/debugproto {answer}\n" for name, payload, out, category, answer in tests]


class JudgeTest(unittest.TestCase):
    def setUp(self):
        self.wanted = conformance.JSON_TESTS, conformance.OTHER_TESTS
        conformance.JSON_TESTS, conformance.OTHER_TESTS = 3, (1, 0)

    def tearDown(self):
        conformance.JSON_TESTS, conformance.OTHER_TESTS = self.wanted

    def judge(self, tests=TESTS, sums=SUMS, report=REPORT, more=()):
        run = conformance.Run([*lines(tests), *more, *(line + "\n" for line in sums)])
        return conformance.bad_tests(run), conformance.faults(run, report)

    def test_all_good(self):
        self.assertEqual(self.judge(), ({}, []))

    def test_table(self):
        rows = conformance.table(conformance.Run(lines()), {}).splitlines()
        self.assertEqual(rows[3], "| proto3 | 1 | 0 | 0 | 0 | 1 |")
        self.assertEqual(rows[-1], "| all | 1 | 1 | 1 | 0 | 3 |")

    def test_skipped_json_is_a_failure(self):
        skipped = (*TESTS[:2], (*TESTS[2][:4], 'skipped: "too hard"'), TESTS[3])
        sums = (SUMS[0].replace("3 successes, 1 s", "2 successes, 2 s"), SUMS[1])
        bad, wrong = self.judge(skipped, sums, (*REPORT[:2], "protobuf json binary T skipped", REPORT[3]))
        self.assertEqual(list(bad), [TESTS[2][0]])
        self.assertEqual(wrong, [])

    def test_failure(self):
        bad, _ = self.judge(more=[f"ERROR, test={TESTS[0][0]}: wrong., request=...\n"],
                            sums=(SUMS[0].replace("3 s", "2 s").replace("0 unex", "1 unex"), SUMS[1]))
        self.assertEqual(list(bad), [TESTS[0][0]])

    def test_expected_failure_counts(self):
        bad, wrong = self.judge(more=[f"FAILED AS EXPECTED, test={TESTS[0][0]}: wrong.\n"],
                                sums=(SUMS[0].replace("3 s", "2 s").replace("0 exp", "1 exp"), SUMS[1]))
        self.assertEqual((len(bad), len(wrong)), (1, 1))

    def test_missing(self):
        for row, wanted in (("tests", "tests that touch JSON: 2, not 3"),
                            ("sums", "suites that ended with a sum: 1, not 2"),
                            ("report", "requests that the testee wrote down")):
            given = {"tests": TESTS[1:], "sums": SUMS[:1], "report": REPORT[1:]}[row]
            _, wrong = self.judge(**{row: given})
            self.assertTrue(any(line.startswith(wanted) for line in wrong), (row, wrong))

    def test_garbled(self):
        _, wrong = self.judge(more=["conformance test: name=X, request=cut\n"])
        self.assertTrue(any("cannot be read" in line for line in wrong), wrong)


class SourcesTest(unittest.TestCase):
    LIST = ("# deb http://a old main\n"
            "deb [arch=amd64 signed-by=/k] http://a/debian old main contrib\n"
            "deb http://a/debian old-updates main\n"
            "deb-src http://a/debian old main\n"
            "deb http://vendor/repo old stable\n")
    STANZAS = ("# a comment\nTypes: deb deb-src\nURIs: http://b/debian\nSuites: old old-updates\n"
               "Components: main\nSigned-By:\n -----BEGIN\n .\n abc\n\n"
               "Types: deb\nURIs: http://b/security\nSuites: old-security\nComponents: main\n\n"
               "Enabled: no\nTypes: deb\nURIs: http://c\nSuites: old\nComponents: main\n")

    def test_names_are_exchanged(self):
        with tempfile.TemporaryDirectory() as name:
            etc, out = Path(name) / "etc", Path(name)
            (etc / "sources.list.d").mkdir(parents=True)
            (etc / "sources.list").write_text(self.LIST)
            (etc / "sources.list.d/b.sources").write_text(self.STANZAS)
            tools.write_sources(out, "old", etc)
            self.assertEqual((out / "exchanged.list").read_text(),
                             "deb [arch=amd64 signed-by=/k] http://a/debian "
                             f"{tools.NEXT_RELEASE} main contrib\n")
            self.assertEqual((out / "exchanged.sources").read_text(),
                             f"Types: deb\nURIs: http://b/debian\nSuites: {tools.NEXT_RELEASE}\n"
                             "Components: main\nSigned-By: \n -----BEGIN\n .\n abc\n")
            with self.assertRaises(tools.Missing):
                tools.write_sources(out, "other", etc)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=0)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
