"""The commands of the program: exit codes, what they print, positions of errors."""
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

import harness
from bad_server import Upstream
from certificates import Certificate, Folder
from harness import ROOT, Settings, Test, config

LISTEN = 'listen: [{address: "127.0.0.1:8080"}]\n'


class Commands(Test):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=Settings.work())
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.good = self.write(LISTEN + config(["grpc://127.0.0.1:50051"]))

    def write(self, text, name="sluice.yaml"):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def run_sluice(self, *arguments, code=0, **variables):
        made = subprocess.run([Settings.sluice(), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, env={**os.environ, **variables})
        self.assertEqual(made.returncode, code, made)
        return made.stdout.decode(), made.stderr.decode()

    def test_version(self):
        self.assertRegex(self.run_sluice("--version")[0], r"^sluice \d+\.\d+\.\d+")

    def test_help_names_every_command(self):
        out, _ = self.run_sluice("--help")
        for command in ("serve", "check", "routes", "explain", "init", "compat", "demo", "status", "stage",
                        "suggest"):
            self.assertIn(command, out)

    def test_help_is_given_wherever_it_is_asked_for(self):
        for command in ("serve", "check", "routes", "explain", "init", "compat", "demo", "status",
                        "stage", "suggest"):
            for words in (("--help",), ("-h",), ("a-route", "--help"), ("a", "b", "--json", "--help")):
                with self.subTest(command=command, words=words):
                    out, err = self.run_sluice(command, *words)
                    self.assertTrue(out.startswith("usage: sluice\n  " + command), out)
                    self.assertEqual(err, "")

    def test_wrong_usage_is_2(self):
        for arguments in ((), ("nonsense",), ("check",), ("serve",), ("routes",), ("--nonsense",),
                          ("check", self.good, "more"), ("routes", self.good, "--nonsense"),
                          ("explain", self.good), ("explain",), ("demo", "--nonsense")):
            with self.subTest(arguments=arguments):
                out, err = self.run_sluice(*arguments, code=2)
                self.assertEqual(out, "")
                self.assertTrue(err)

    def test_unknown_command_names_the_nearest(self):
        self.assertIn('did you mean "serve"?', self.run_sluice("serv", code=2)[1])
        self.assertNotIn("did you mean", self.run_sluice("nonsense", code=2)[1])

    def test_check_prints_the_route_table(self):
        out, err = self.run_sluice("check", self.good)
        for word in ("get-user", "GET /v1/users/{user_id}", "userservice.UserService/GetUser",
                     "users", "grpc", "CreateUser"):
            self.assertIn(word, out)
        self.assertEqual(err, "")

    def test_routes(self):
        out, _ = self.run_sluice("routes", self.good)
        self.assertIn("list-users", out)
        found = json.loads(self.run_sluice("routes", self.good, "--json")[0])
        self.assertEqual(len(found), 5)
        self.assertEqual(found[0], {"name": "get-user", "match": "GET /v1/users/{user_id}",
                                    "rpc": "userservice.UserService/GetUser",
                                    "upstream": "users", "stage": "grpc"})

    def test_every_error_with_its_place(self):
        text = LISTEN + config(["grpc://127.0.0.1:50051"])
        for old, new in (("workers: 1", "workers: none"),
                         ("UserService/GetUser", "UserService/GetUsr"),
                         ("body: user", "boddy: user"),
                         ("success_status: 201", "success_status: 999"),
                         ("match: GET /v1/users\n", "match: GET /v1/{users\n")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = self.write(text)
        for command in (("check",), ("routes",), ("serve",)):
            _, err = self.run_sluice(command[0], path, code=1)
            places = []
            for line in err.splitlines():
                match = re.match(re.escape(path) + r":(\d+):(\d+): .+", line)
                self.assertIsNotNone(match, line)
                places.append((int(match[1]), int(match[2])))
            self.assertEqual(places, sorted(places))
            lines = text.splitlines()
            for word in ("none", "GetUsr", "boddy", "999", "{users"):
                number = [i + 1 for i, line in enumerate(lines) if word in line][0]
                self.assertIn(number, [line for line, _ in places], word)
            self.assertRegex(err, r"GetUsr.*GetUser")  # the nearest right names
            self.assertRegex(err, r"boddy.*body")

    def test_conflicts_name_both_routes(self):
        path = self.write(LISTEN + config(["grpc://h:1"]) + (
            "  - name: other\n    match: GET /v1/users/{user_id}\n"
            "    rpc: userservice.UserService/GetUser\n    upstream: users\n"))
        _, err = self.run_sluice("check", path, code=1)
        self.assertIn("other", err)
        self.assertIn("get-user", err)

    def test_one_mistake_each(self):
        good = LISTEN + config(["grpc://127.0.0.1:50051"])
        rows = (("nonsense: 1\n", "nonsense"),
                ("workers: 1\n", "workers"),  # twice
                ("drain_timeout: 5\n", "5"), ("drain_timeout: 5x\n", "5x"),
                ("limits: { body: 4 }\nworkers2: 1\n", "workers2"),
                ("limits: { boddy: 4KiB }\n", "boddy"), ("limits: { body: -1 }\n", "-1"),
                ("limits: [1]\n", "mapping"), ("log: { level: loud }\n", "loud"),
                ("drain_timeout: ${NOBODY_SETS_THIS}\n", "NOBODY_SETS_THIS"),
                ("defaults: { stream: xml }\n", "xml"), ("\tx: 1\n", ""), ("a: [\n", ""))
        for more, word in rows:
            with self.subTest(more=more):
                _, err = self.run_sluice("check", self.write(more + good), code=1)
                self.assertIn(word, err)
                self.assertIn("sluice.yaml:", err)
        for old, new, word in (
                ("upstream: users", "upstream: user", "user"),
                ("rpc: userservice.UserService/GetUser", "rpc: GetUser", "GetUser"),
                ("{user_id}", "{usr_id}", "user_id"), ("match: GET ", "match: ", "match"),
                ("grpc://127.0.0.1:50051", "127.0.0.1:50051", "127.0.0.1:50051"),
                ("grpc://127.0.0.1:50051", "grpc://127.0.0.1:0", "0"),
                ("userservice.pb", "nothing.pb", "nothing.pb"),
                ("body: user", "body: user.nme", "nme"),
                (LISTEN, "", "listen")):
            with self.subTest(new=new):
                self.assertIn(old, good)
                _, err = self.run_sluice("check", self.write(good.replace(old, new)), code=1)
                self.assertIn(word, err)

    def test_missing_and_unreadable_files(self):
        for path in (str(self.folder / "nobody.yaml"), str(self.folder), "/dev/null"):
            with self.subTest(path=path):
                self.assertIn(path, self.run_sluice("check", path, code=1)[1])

    def test_explain(self):
        out, _ = self.run_sluice("explain", self.good, "GET /v1/users/7?x=1")
        for word in ("get-user", "userservice.UserService/GetUser", "user_id", "7", "0a0137",
                     "list-users"):
            self.assertIn(word, re.sub(r"(?<=[0-9a-f]{2}) (?=[0-9a-f]{2})", "", out))
        body = self.write('{"name":"N"}', "body.json")
        out, _ = self.run_sluice("explain", self.good, "PATCH /v1/users/7", "--body", body)
        self.assertIn("UpdateUser", out)
        self.assertRegex(out, r'"name": ?"N"')

    def test_explain_names_the_metadata_that_a_service_gets(self):
        service = Upstream(lambda call: call.answer())
        self.addCleanup(service.kill)
        for option in ("compression: identity", "compression: gzip"):
            with self.subTest(option=option):
                gw = self.gateway(config([service.endpoint], upstream=option))
                self.assertEqual(gw.curl("/v1/users/7", "-A", "").status, 200)
                got = {name: value for name, value in service.requests[-1].headers.items()
                       if not name.startswith(("x-forwarded-", "traceparent"))}
                out, _ = self.run_sluice("explain", str(gw.path), "GET /v1/users/7")
                block = out.split("\nmetadata\n")[1].split("\n  and these client headers")[0]
                told = dict(line.split(None, 1) for line in block.splitlines())
                self.assertTrue(1 <= int(got.pop("grpc-timeout")[:-1]) <= int(told.pop("grpc-timeout")[:-1]))
                self.assertEqual(told, got)

    def test_explain_says_1_when_no_route_wins_or_a_value_is_bad(self):
        for request in ("GET /nothing", "PUT /v1/users/7", "GET /v1/users?page_size=x",
                        "GET /v1/users/%zz"):
            with self.subTest(request=request):
                out, err = self.run_sluice("explain", self.good, request, code=1)
                self.assertTrue(out + err)

    def test_demo_once(self):
        out, _ = self.run_sluice("demo", "--once")
        self.assertIn("curl", out)
        self.assertIn("/v1/users", out)
        self.assertIn("200", out)

    def test_standard_streams_may_be_closed(self):
        """As some supervisors start programs: the numbers of these streams are no socket's then."""
        for closed in ("<&-", "<&- >&-", "<&- >&- 2>&-"):
            with self.subTest(closed=closed):
                made = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", Settings.sluice(),
                                       "demo", "--once"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, timeout=60)
                self.assertEqual(made.returncode, 0, made)
        gateway = self.gateway(config([self.users().endpoint]),
                               prefix=["sh", "-c", 'exec "$@" <&- >&-', "sh"])
        self.assertEqual([gateway.curl(f"/v1/users/{i}").status for i in range(5)], [200] * 5)
        gateway.stop()

    def test_the_readme_shows_what_the_demo_answers(self):
        text = (ROOT / "README.md").read_text()
        block = text[text.index("While `make demo` serves"):].split("```")[1]
        shown = [part.split("\n", 1) for part in block.strip().split("$ curl ")[1:]]
        self.assertGreaterEqual(len(shown), 4)
        demo = subprocess.Popen([Settings.sluice(), "demo"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(demo.stdout.close)
        try:
            told = next(line for line in demo.stdout if "The gateway serves on at" in line)
            base = re.search(r"http://127\.0\.0\.1:\d+", told)[0]
            for line, answer in shown:
                with self.subTest(line):
                    words = shlex.split(line.replace("http://127.0.0.1:8080", base))
                    got = subprocess.run(["curl", "-sS", *words], stdout=subprocess.PIPE, text=True,
                                         check=True, timeout=20).stdout
                    undated = [[one for one in of.strip().splitlines() if not one.startswith("Date:")]
                               for of in (got, answer)]
                    self.assertEqual(undated[0], undated[1])
        finally:
            demo.send_signal(signal.SIGINT)
            self.assertEqual(demo.wait(20), 0)

    def test_examples_are_right(self):
        certs = Folder(self.folder / "certs")
        for name in ("gateway", "clients", "services", "gateway-client"):
            certs.pair(name, Certificate(name, names=[name], ca=True))
        files = sorted((ROOT / "config").glob("*.yaml"))
        self.assertTrue(files)
        for file in files:
            with self.subTest(file=file.name):
                self.run_sluice("check", str(file), SLUICE_CERTS=str(certs.path))


if __name__ == "__main__":
    harness.main()
