"""Descriptor sets that change: `sluice compat`, and a reload that would break clients."""
import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import harness
from harness import ROOT, Settings, Test, config, wait_for

DESCRIPTORS = ROOT / "descriptors"


def compile_proto(folder, text, name="shop"):
    """Text -> the path of its descriptor set."""
    source, made = Path(folder) / f"{name}.proto", Path(folder) / f"{name}.pb"
    source.write_text(text)
    subprocess.run(["protoc", f"-I{folder}", f"-I{ROOT}/proto/builtin", "-I/usr/include",
                    "--include_imports", f"--descriptor_set_out={made}", str(source)], check=True)
    return made


class Sets(Test):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=Settings.work())
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_sluice(self, *arguments, code=0, **options):
        made = subprocess.run([Settings.sluice(), *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, **options)
        self.assertEqual(made.returncode, code, made)
        return made.stdout.decode(), made.stderr.decode()


class Compat(Sets):
    OLD = """syntax = "proto3"; package shop.v1;
        import "google/api/annotations.proto";
        service Shop { rpc Get(Item) returns (Item) { option (google.api.http) = { get: "/v1/{id}" }; } }
        message Item { string id = 1; int32 size = 2; string note = 3; }"""

    def compat(self, new, code):
        old = compile_proto(self.folder, self.OLD, "old")
        return self.run_sluice("compat", old, compile_proto(self.folder, new, "new"), code=code)

    def test_says_what_breaks_whom(self):
        new = (self.OLD.replace("int32 size = 2", "int64 size = 2")
               .replace("note = 3", "remark = 3").replace("/v1/{id}", "/v2/{id}"))
        out, err = self.compat(new, 1)
        lines = out.splitlines()
        self.assertEqual(err, "")
        for line in lines:
            self.assertRegex(line, "^" + re.escape(str(self.folder / "new.pb")) +
                             r": (break|warning): shop\.v1\.[\w./]+: .+ "
                             r"\((gRPC clients|REST clients|both)\)$")
        self.assertEqual(len([line for line in lines if ": break: " in line]), 3)
        for part in ("Item.size: type changed from int32 to int64", "Item.note: renamed to remark",
                     'Shop/Get: route "GET /v1/{id}" removed'):
            self.assertIn(part, out)

    def test_what_only_warns_is_0(self):
        out, _ = self.compat(self.OLD.replace('note = 3', 'remark = 3 [json_name = "note"]'), 0)
        self.assertIn(": warning: shop.v1.Item.note: ", out)
        self.assertNotIn(": break: ", out)

    def test_additions_are_silent(self):
        out, err = self.compat(self.OLD.replace("note = 3;", "note = 3; bytes more = 4;"), 0)
        self.assertEqual((out, err), ("", ""))

    def test_every_set_is_compatible_with_itself(self):
        for path in DESCRIPTORS.glob("*.pb"):
            self.assertEqual(self.run_sluice("compat", path, path), ("", ""))

    def test_a_set_that_cannot_be_read(self):
        good = DESCRIPTORS / "userservice.pb"
        for bad in sorted((DESCRIPTORS / "broken").glob("*.pb")) + [self.folder / "no.pb", self.folder]:
            for pair in ((good, bad), (bad, good)):
                out, err = self.run_sluice("compat", *pair, code=1)
                self.assertEqual(out, "")
                for line in err.splitlines():
                    self.assertTrue(line.startswith(f"{bad}: "), line)
                self.assertTrue(err)

    def test_wrong_usage_is_2(self):
        good = str(DESCRIPTORS / "userservice.pb")
        for arguments in ((), (good,), (good, good, good), ("--all", good), (good, good, "--all")):
            out, err = self.run_sluice("compat", *arguments, code=2)
            self.assertEqual(out, "")
            self.assertIn("compat OLD.pb NEW.pb", err)


if __name__ == "__main__":
    harness.main()
