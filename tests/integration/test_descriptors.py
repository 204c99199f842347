"""Descriptor sets that change: `sluice compat`, and a reload that would break clients."""
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


class Init(Sets):
    def check(self, text):
        path = self.folder / "made.yaml"
        path.write_text(text)
        return self.run_sluice("check", "made.yaml", cwd=self.folder)

    def test_every_set_gives_a_configuration_that_check_accepts(self):
        for path in sorted(DESCRIPTORS.glob("*.pb")):
            with self.subTest(set=path.name):
                link = self.folder / path.name
                link.symlink_to(path)
                out, err = self.run_sluice("init", path.name, cwd=self.folder)
                self.assertEqual(err, "")
                self.assertIn(f"\n  - {path.name}\n", out)
                routes, err = self.check(out)
                self.assertEqual(err, "")
                methods = subprocess.run(["protoc", "--decode=google.protobuf.FileDescriptorSet",
                                          "-I/usr/include", "google/protobuf/descriptor.proto"],
                                         stdin=open(path, "rb"), stdout=subprocess.PIPE,
                                         check=True).stdout.decode().count("\n    method {")
                rpcs = {line.split()[-3] for line in routes.splitlines()[1:]}
                self.assertEqual(len(rpcs), methods)

    def test_all_sets_at_once_by_absolute_paths(self):
        paths = sorted(str(path) for path in DESCRIPTORS.glob("*.pb"))
        out, err = self.run_sluice("init", *paths)
        self.assertEqual(err, "")
        for path in paths:
            self.assertIn(path, out)
        self.assertEqual(self.check(out)[1], "")

    def test_rules_become_routes(self):
        out, _ = self.run_sluice("init", DESCRIPTORS / "userservice.pb")
        routes, _ = self.check(out)
        self.assertRegex(routes, r"update-user +PATCH /v1/users/\{user\.user_id\} +"
                                 r"userservice\.UserService/UpdateUser +user +grpc")

    def test_odd_names_of_files(self):
        for name in ("a b.pb", "-.pb", "#x: y.pb", 'q"\'\\.pb', "*.pb", "ä.pb", "null"):
            with self.subTest(name=name):
                (self.folder / name).write_bytes((DESCRIPTORS / "userservice.pb").read_bytes())
                out, _ = self.run_sluice("init", name, cwd=self.folder)
                self.assertEqual(self.check(out)[1], "")
        (self.folder / "${X}.pb").write_bytes((DESCRIPTORS / "userservice.pb").read_bytes())
        out, err = self.run_sluice("init", "${X}.pb", code=1, cwd=self.folder)
        self.assertEqual(out, "")
        self.assertTrue(err.startswith("${X}.pb: "), err)

    def test_broken_sets_are_refused(self):
        for bad in sorted((DESCRIPTORS / "broken").glob("*.pb")) + [self.folder / "no.pb"]:
            out, err = self.run_sluice("init", bad, code=1)
            self.assertEqual(out, "")
            for line in err.splitlines():
                self.assertTrue(line.startswith(f"{bad}: "), line)
            out, err = self.run_sluice("init", DESCRIPTORS / "userservice.pb", bad, code=1)
            self.assertEqual(out, "")
            self.assertTrue(err)

    def test_wrong_usage_is_2(self):
        for arguments in ((), ("--all",), ("--all", DESCRIPTORS / "userservice.pb")):
            out, err = self.run_sluice("init", *arguments, code=2)
            self.assertEqual(out, "")
            self.assertIn("init DESCRIPTORS...", err)


class Reload(Sets):
    """What the routes use must not break when descriptors change under a running gateway."""

    ROUTES = """
services:
  - service: userservice.UserService
    upstream: users
routes:
  - name: get-user
    match: GET /v1/users/{user_id}
    rpc: userservice.UserService/GetUser
    upstream: users
"""

    def setUp(self):
        super().setUp()
        self.users = harness.Users()
        self.addCleanup(self.users.kill)
        self.proto = (ROOT / "proto" / "userservice.proto").read_text()
        self.set = self.compile(self.proto)

    def compile(self, text):
        return compile_proto(self.folder, text, "userservice")

    def start(self, *arguments, routes=ROUTES):
        text = config([self.users.endpoint], routes=routes)
        text = text.replace(str(DESCRIPTORS / "userservice.pb"), str(self.set))
        gateway = harness.Gateway(text, arguments=arguments)
        self.addCleanup(gateway.kill)
        return gateway

    def break_user(self):
        """GetUser's answer gets another JSON name."""
        self.assertIn(" name = 2;", self.proto)
        self.compile(self.proto.replace(" name = 2;", " full_name = 2;"))

    def reload(self, gateway, target="/reload", *arguments):
        return gateway.admin(target, "-X", "POST", *arguments)

    def answer(self, gateway):
        return gateway.curl("/v1/users/1").json()

    def test_a_breaking_change_is_refused_and_the_old_one_serves_on(self):
        gateway = self.start()
        before = self.answer(gateway)
        self.assertIn("name", before)
        self.break_user()
        refused = self.reload(gateway)
        self.assertEqual(refused.status, 400, refused)
        found = refused.json()
        self.assertFalse(found["reloaded"])
        texts = [error["text"] for error in found["errors"]]
        self.assertTrue(any("userservice.User.name: renamed to full_name" in text and
                            "(REST clients)" in text for text in texts), texts)
        self.assertTrue(any("--allow-breaking" in text for text in texts), texts)
        line = (gateway.path.read_text().splitlines()).index(
            [x for x in gateway.path.read_text().splitlines() if x.startswith("descriptors:")][0])
        self.assertEqual({(e["line"], e["column"]) for e in found["errors"]}, {(line + 1, 14)})
        self.assertEqual(self.answer(gateway), before)

        gateway.signal(signal.SIGHUP)
        wait_for(lambda: any(x.get("event") == "reload" and "refused" in x.get("text", "")
                             for x in gateway.log()), 10, "SIGHUP is refused")
        self.assertEqual(self.answer(gateway), before)

        self.compile(self.proto)  # as it was: nothing stands in the way
        self.assertEqual(self.reload(gateway).status, 200)
        gateway.stop()

    def test_allowed_for_one_reload(self):
        for target, arguments in (("/reload?allow_breaking=true", ()),
                                  ("/reload", ("-d", '{"allow_breaking": true}'))):
            with self.subTest(target=target):
                self.compile(self.proto)
                gateway = self.start()
                self.break_user()
                for no in (("/reload?allow_breaking=false",), ("/reload", "-d", "{}x"),
                           ("/reload?allow_breaking=1",), ("/reload?allow_breaking",),
                           ("/reload", "-d", '{"allow_breaking":1}'),
                           ("/reload", "-d", '{"allow_breakng":true}'), ("/reload", "-d", "[]"),
                           ("/reload", "-d", '{"allow_breaking":true,"x":1}')):
                    self.assertEqual(self.reload(gateway, *no).status, 400, no)
                self.assertIn("name", self.answer(gateway))
                allowed = self.reload(gateway, target, *arguments)
                self.assertEqual(allowed.status, 200, allowed)
                self.assertIn("userservice.User.name", allowed.body.decode())  # as a warning
                self.assertIn("fullName", self.answer(gateway))
                self.compile(self.proto)  # the way back is another break
                self.assertEqual(self.reload(gateway).status, 400)
                gateway.stop()

    def test_allowed_from_the_start(self):
        gateway = self.start("--allow-breaking")
        self.break_user()
        gateway.signal(signal.SIGHUP)
        wait_for(lambda: "fullName" in self.answer(gateway), 10, "the new names are served")
        gateway.stop()

    def test_what_no_route_uses_may_change(self):
        routes = """
routes:
  - match: DELETE /v1/users/{user_id}
    rpc: userservice.UserService/DeleteUser
    upstream: users
"""
        gateway = self.start(routes=routes)
        self.break_user()
        self.assertEqual(self.reload(gateway).status, 200)
        gateway.stop()

    def test_additions_pass(self):
        gateway = self.start()
        self.compile(self.proto.replace(" name = 2;", " name = 2; string motto = 77;"))
        self.assertEqual(self.reload(gateway).json(), {"reloaded": True})
        gateway.stop()


class ReloadRoutes(Sets):
    """Routes that descriptors bring along."""

    PROTO = """syntax = "proto3"; package shop.v1;
        import "google/api/annotations.proto";
        service Shop {
          rpc Get(Item) returns (Item) { option (google.api.http) = { get: "/v1/items/{id}" }; }
          rpc List(Item) returns (Item) { option (google.api.http) = { get: "/v1/items" }; }
        }
        message Item { string id = 1; }"""
    CONFIG = """
descriptors: [%s]
upstreams: { shop: { endpoints: ["grpc://127.0.0.1:1"] } }
"""
    SERVICES = "services: [{ service: shop.v1.Shop, upstream: shop }]\n"
    EXPLICIT = """
routes: [{ match: "GET /v1/items/{id}", rpc: shop.v1.Shop/Get, upstream: shop }]
"""

    def start(self, more):
        made = compile_proto(self.folder, self.PROTO)
        gateway = harness.Gateway(self.CONFIG % made + more, ready=False)
        self.addCleanup(gateway.kill)
        return gateway

    def reload(self, gateway, proto):
        compile_proto(self.folder, proto)
        return gateway.admin("/reload", "-X", "POST")

    def test_a_route_that_goes_is_a_break(self):
        gateway = self.start(self.SERVICES)
        moved = self.PROTO.replace("/v1/items/{id}", "/v2/items/{id}")
        for text, what in ((moved, 'route "GET /v1/items/{id}" removed'),
                           (re.sub(r"rpc List.*", "", self.PROTO), "shop.v1.Shop/List: method removed"),
                           (self.PROTO.replace("Item) returns (Item)", "Item) returns (stream Item)"),
                            "answer is a stream now")):
            refused = self.reload(gateway, text)
            self.assertEqual(refused.status, 400, what)
            self.assertIn(what, " ".join(e["text"] for e in refused.json()["errors"]))
        kept = moved.replace('/{id}" }', '/{id}" additional_bindings { get: "/v1/items/{id}" } }', 1)
        self.assertEqual(self.reload(gateway, kept).status, 200)

    def test_a_route_of_the_file_stands(self):
        """The file says it; and what the operator takes out of it is no accident."""
        gateway = self.start(self.SERVICES + self.EXPLICIT)
        self.assertEqual(
            self.reload(gateway, self.PROTO.replace("/v1/items/{id}", "/v2/items/{id}")).status, 200)
        gateway.write(gateway.text.replace(self.SERVICES, ""))
        self.assertEqual(self.reload(gateway, re.sub(r"rpc List.*", "", self.PROTO)).status, 200)


if __name__ == "__main__":
    harness.main()
