#!/usr/bin/python3
"""Tests of the lint: each rule finds what it is for, and leaves the good row alone."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from c_source import Source  # noqa: E402
from lint import check_file  # noqa: E402
from rules import RULES  # noqa: E402

HEADER = "/* a: what it is. */\n#pragma once\n"
LONG_BODY = "  x++;\n" * 70
# (rule, path, text, lines with findings)
ROWS = (
    ("layers", "gateway/route/a.c", '#include "codec/a.h"\n#include "net/a.h"\n', [2]),
    ("layers", "gateway/route/a.c", '/* #include "net/a.h" */\n', []),
    ("layers", "gateway/route/a.c", '#include "a.h"\n', [1]),
    ("layers", "gateway/admin/a.c", '#include "server.h"\n#include "worker.h"\n', [2]),
    ("layers", "gateway/main.c", '#include "demo/a.h"\n', []),
    ("layers", "gateway/misc/a.c", "\n", [1]),
    ("layers", "tests/unit/route/a_test.c", '#include "unit/test.h"\n#include "net/a.h"\n', [2]),
    ("homes", "gateway/net/a.c", "#include <uv.h>\n#include <nghttp2/nghttp2.h>\n", []),
    ("homes", "gateway/front/a.c", "#include <sys/socket.h>\n#include <uv.h>\n", [2]),
    ("homes", "gateway/worker.c", "#include <uv.h>\n", [1]),
    ("homes", "gateway/codec/a.c", '#include "sluice/descriptor.pb-c.h"\n', [1]),
    ("homes", "gateway/codec/a.c", "#include <uthash.h>\n#include <cjson.h>\n", [2]),
    ("own-header-first", "gateway/net/a.c", '#include "net/a.h"\n#include <uv.h>\n', []),
    ("own-header-first", "gateway/net/a.c", '#include <uv.h>\n#include "net/a.h"\n', [1]),
    ("header-form", "gateway/net/a.h", HEADER, []),
    ("header-form", "gateway/net/a.h", "/* b: other. */\n#pragma once\n", [1]),
    ("header-form", "gateway/net/a.h", "/* a: no guard. #pragma once */\n", [1]),
    ("banned", "gateway/net/a.c", "void f(void) {\n  strcpy(a, b);\n}\n", [2]),
    ("banned", "gateway/net/a.c", 'void f(void) {\n  puts("rand()"); /* atoi() */\n}\n', []),
    ("banned", "gateway/net/a.c", "#define COPY(a, b) strcat(a, b)\n", [1]),
    ("banned", "gateway/net/a.c", "int f(void) { return my_system(); }\n", []),
    ("file-length", "gateway/net/a.c", "\n" * 800, []),
    ("file-length", "gateway/net/a.c", "\n" * 801, [801]),
    ("function-length", "gateway/net/a.c", "int f(int x) {\n" + LONG_BODY[:-7 * 2] + "}\n", []),
    ("function-length", "gateway/net/a.c", "\nint f(int x)\n{\n" + LONG_BODY + "}\n", [2]),
    ("function-length", "gateway/net/a.c", "int a[] = {\n" + "  1,\n" * 90 + "};\n", []),
    ("function-length", "tests/unit/net/a_test.c", "TEST(a, b) {\n" + LONG_BODY + "}\n", [1]),
    ("goto", "gateway/net/a.c", "int f(void) {\n  goto done;\ndone:\n  return 1;\n}\n", []),
    ("goto", "gateway/net/a.c", "int f(void) {\nagain:\n  x();\n  goto again;\n}\n", [4]),
    ("names", "gateway/net/a.c", "int gw_a(void) { return 1; }\nint b(void) { return 1; }\n", [2]),
    ("names", "gateway/net/a.c", "static int gw_b(void) { return 1; }\n", [1]),
    ("names", "gateway/net/a.c", "static GW_PRINTF(1, 2) void b(char *s, ...) { x(s); }\n", []),
    ("names", "gateway/net/a.h", "static inline int gw_b(void) { return 1; }\n", []),
    ("names", "gateway/net/a.c", "enum { A = 1, B };\nstruct s;\nint f(int);\nint count;\n", [4]),
    ("names", "gateway/net/a.c", "const struct s rows[2] = { { 1 }, { 2 } };\n", [1]),
    ("names", "gateway/net/a.c", "struct s { int a; } gw_s;\nstatic int c = 1;\n", []),
    ("columns", "tests/a.py", "x" * 110 + "\n" + "x" * 111 + "\n", [2]),
    ("columns", "gateway/a.c", "x" * 100 + "\n" + "x" * 101 + "\n", [2]),
    ("blanks", "docs/a.md", "good\nbad \n", [2]),
    ("blanks", "docs/a.md", "good\nno end", [2]),
    ("tabs", "gateway/net/a.c", "int a;\n\tint b;\n", [2]),
    ("unfinished", "docs/a.md", "done\nTO" + "DO: more\n", [2]),
    ("machine", "docs/a.md", "see /ro" + "ot/notes\nsee /etc/sluice\na/work/b\n", [1]),
    ("temporary", "gateway/net/a.c", 'open("/tmp' + '/x");\n', [1]),
    ("lock-file", "tests/package-lock.json", '{\n  "resolved": "https://a.example/b"\n}\n', [2]),
)


class Rows(unittest.TestCase):
    def test_every_rule_has_a_good_and_a_bad_row(self):
        for name, _wanted, _rule in RULES:
            rows = [lines for rule, _path, _text, lines in ROWS if rule == name]
            self.assertTrue(any(rows), f"{name}: no bad row")
        self.assertEqual({r for r, *_ in ROWS}, {name for name, *_ in RULES})

    def test_functions_are_found_with_their_extents(self):
        text = "int x;\n\nint f(void) {\n  if (x) { y(); }\n}\nint g(void);\n"
        source = Source("gateway/a.c", text)
        self.assertEqual([(f.name, f.first, f.last) for f in source.functions], [("f", 3, 5)])


def row_test(rule, path, text, lines):
    def test(self):
        found = dict(check_file(path, text)).get(rule)
        self.assertIsNotNone(found, f"{rule} does not look at {path}")
        self.assertEqual([line for line, _message in found], lines, found)
    return test


for index, row in enumerate(ROWS):
    setattr(Rows, f"test_{index:02d}_{row[0].replace('-', '_')}", row_test(*row))

if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=0).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
