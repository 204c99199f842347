#!/usr/bin/python3
"""Tests of the summary that tests/check.sh ends with: each kind of failure is told in few lines."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from failures import COLUMNS_MAX, LINES_MAX, SUITES_MAX, summary  # noqa: E402

UNITTEST = """\
test_good (__main__.Status.test_good) ... ok
test_bad (__main__.Status.test_bad) ... FAIL

======================================================================
FAIL: test_bad (__main__.Status.test_bad)
It does what it should.
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/srv/tests/integration/test_status.py", line 30, in test_bad
    self.check(answer)
  File "/srv/tests/integration/harness.py", line 7, in check
    self.assertEqual(answer.status, 200)
AssertionError: 503 != 200

----------------------------------------------------------------------
Ran 2 tests in 0.1s

FAILED (failures=1)
FAIL integration status: 1 passed, 1 failed, 4.0 s
"""
CMOCKA = """\
[ RUN      ] route: a
[       OK ] route: a
[ RUN      ] route: b
[  ERROR   ] --- 1 != 2
[   LINE   ] --- tests/unit/route/a_test.c:7: error: Failure!
[  FAILED  ] route: b
[==========] unit: 2 test(s) run.
[  FAILED  ] unit: 1 test(s), listed below:
[  FAILED  ] route: b

 1 FAILED TEST(S)
FAIL unit route: 1 passed, 1 failed, 0.0 s
"""
FUZZ = """\
#1\tINITED cov: 1 ft: 1
unexplained difference: the gateway refuses
input:  08
==12== ERROR: libFuzzer: deadly signal
    #0 0x1 in abort
    #1 0x2 in check /srv/tests/fuzz/wire_diff_fuzz.cc:40:3
artifact_prefix='a-'; Test unit written to a-crash-1
Base64: CAE=
stat::peak_rss_mb: 90
FAIL fuzz wire_diff: 0 passed, 1 failed, 5.0 s
"""
GOOD = "noise: error: of a suite that passes\nok   integration admin: 3 passed, 0 failed, 1.0 s\n"


class Summary(unittest.TestCase):
    def test_names_come_last_a_group_once(self):
        logs = [("test", GOOD + UNITTEST + UNITTEST.replace("status:", "unary:") + CMOCKA),
                ("asan-build", "gateway/a.c:1:2: error: no\nmake: *** [a.o] Error 1\n"),
                ("fuzz", FUZZ)]
        self.assertEqual(summary(logs)[-1], "failed: integration status, unary; unit route; asan-build; "
                                            "fuzz wire_diff")

    def test_unittest(self):
        self.assertEqual(summary([("test", GOOD + UNITTEST)])[:-1], [
            "integration status:", "  FAIL: test_bad (__main__.Status.test_bad)",
            "    at tests/integration/test_status.py, line 30", "  AssertionError: 503 != 200"])

    def test_cmocka(self):
        self.assertEqual(summary([("test", GOOD + CMOCKA)])[:-1], [
            "unit route:", "  [  ERROR   ] --- 1 != 2",
            "  [   LINE   ] --- tests/unit/route/a_test.c:7: error: Failure!",
            "  [  FAILED  ] route: b"])

    def test_a_fuzzer_shows_its_input(self):
        lines = summary([("fuzz", FUZZ)])
        for wanted in ("  unexplained difference: the gateway refuses", "  input:  08",
                       "  ==12== ERROR: libFuzzer: deadly signal", "  Base64: CAE=",
                       "      #1 0x2 in check /srv/tests/fuzz/wire_diff_fuzz.cc:40:3"):
            self.assertIn(wanted, lines)
        self.assertNotIn("  stat::peak_rss_mb: 90", lines)

    def test_a_step_without_suites(self):
        self.assertEqual(summary([("demo", "a\n\nb\n")]), ["demo:", "  a", "  b", "failed: demo"])
        self.assertEqual(summary([("demo", "")]), ["demo:", "failed: demo"])
        self.assertEqual(summary([("faults", "ok     a\nFAILED b: 3\n1 passed, 1 failed\n")])[:2],
                         ["faults:", "  FAILED b: 3"])

    def test_it_is_bounded(self):
        one = "".join(f"FAIL: test_{i} (a)\n{'x' * 9}Error: {'y' * 5000}\n" for i in range(300))
        logs = [("test", "".join(f"{one}FAIL integration n{i}: 0 passed, 300 failed, 1.0 s\n"
                                 for i in range(40)))]
        lines = summary(logs)
        self.assertLessEqual(len(lines), LINES_MAX + 1)
        self.assertEqual(sum(line.startswith("integration n") for line in lines), SUITES_MAX)
        self.assertLess(max(map(len, lines[:-1])), COLUMNS_MAX + 10)
        self.assertIn("n39", lines[-1])


if __name__ == "__main__":
    outcome = unittest.TextTestRunner(stream=sys.stdout).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed or not outcome.testsRun else 0)
