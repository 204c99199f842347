"""Where routes stand: orders, the state file, restarts, reloads, groups, journal, readiness."""
import json
import os
import select
import signal
import subprocess
import threading
import time

import harness
from harness import Process, Settings, Test, config, free_port, wait_for
from legacy_case import Legacy

CLEAR = "\x1b[H\x1b[J"  # before each picture on a terminal
GET = """\
  - name: get-user
    match: GET /v1/users/{user_id}
    rpc: userservice.UserService/GetUser
    upstream: users
"""
LIST = """\
  - name: list-users
    match: GET /v1/users
    rpc: userservice.UserService/ListUsers
    upstream: users
"""


def routes(get="stage: shadow", more=""):
    return "routes:\n" + GET + "".join(f"    {line}\n" for line in get.splitlines()) + more


class Stages(Test):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.legacy = Legacy()
        cls.addClassCleanup(cls.legacy.kill)

    def setUp(self):
        self.server = self.users()

    def text(self, table=None, endpoints=None):
        text = config(endpoints or [self.server.endpoint], routes=table or routes())
        return text.replace("upstreams:\n", "legacy: old\nupstreams:\n  old:\n    endpoints: "
                            f"[{self.legacy.endpoint}]\n")

    def put(self, gw, order, route="get-user", *arguments):
        body = order if isinstance(order, str) else json.dumps(order)
        return gw.admin(f"/routes/{route}/stage", "-X", "PUT", "-d", body, *arguments)

    def stand(self, gw, route="get-user"):
        found = gw.admin(f"/routes/{route}").json()
        return found["stage"], found["share"]

    def state(self, gw):
        return json.loads(gw.path.with_name("sluice.yaml.state").read_text())["routes"]

    def begin_again(self, gw):
        """Another process on the files of one that has ended."""
        again = Process([Settings.sluice(), "serve", str(gw.path)], "gateway",
                        stdout=subprocess.DEVNULL)

        def end():
            if again.process.poll() is None:
                again.signal(signal.SIGTERM)
                self.assertEqual(again.wait(10), 0)
            again.kill()

        self.addCleanup(end)
        gw.process = again.process
        wait_for(gw.listening, 10, "the gateway listens again")
        return again

    def restart(self, gw):
        gw.stop()
        return self.begin_again(gw)


class Orders(Stages):
    def test_an_order_is_done_kept_logged_and_in_the_journal(self):
        gw = self.gateway(self.text())
        answer = self.put(gw, {"stage": "canary", "share": "12.5%", "why": "first try"})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json(), {"name": "get-user", "stage": "canary", "share": "12.5%",
                                         "from": {"stage": "shadow", "share": None},
                                         "moved": ["get-user"]})
        self.assertEqual(self.stand(gw), ("canary", "12.5%"))
        found = gw.admin("/routes/get-user").json()
        self.assertEqual(found["configured"], {"stage": "shadow", "share": None})
        newest, first = found["journal"]
        self.assertEqual((newest["who"], newest["why"]), ("operator", "first try"))
        self.assertEqual(newest["at"], found["since"])
        self.assertEqual(first["who"], "configuration")
        self.assertEqual(self.state(gw)["get-user"]["share"], "12.5%")
        lines = [line for line in gw.log() if line["event"] == "stage"]
        self.assertEqual([(x["route"], x["from"], x["to"], x["who"], x["why"]) for x in lines],
                         [("get-user", "shadow", "canary 12.5%", "operator", "first try")])
        self.assertEqual(harness.metric_sum(gw.metrics(), "sluice_stage", route="get-user"), 2)
        self.assertEqual(harness.metric_sum(gw.metrics(), "sluice_stage_share"), 0.125)
        self.assertEqual(self.put(gw, {"stage": "canary", "share": "12.5%"}).json()["moved"], [])

    def test_bad_orders(self):
        table = routes(more=LIST)
        gw = self.gateway(self.text(table).replace("legacy: old\n", "", 1)
                          .replace("    stage: shadow\n", "    stage: shadow\n    legacy: old\n"))
        rows = [("", 400), ("{", 400), ("[]", 400), ("{}", 400), ('{"stage":"canari"}', 400),
                ('{"stage":1}', 400), ('{"stage":"canary"}', 400),
                ('{"stage":"canary","share":10}', 400), ('{"stage":"canary","share":"0%"}', 400),
                ('{"stage":"canary","share":"101%"}', 400),
                ('{"stage":"shadow","share":"5%"}', 400), ('{"stage":"grpc","x":1}', 400),
                ('{"stage":"grpc","why":1}', 400), ('{"stage":"grpc","why":"a\\nb"}', 400),
                ('{"stage":"grpc","why":"%s"}' % ("x" * 300), 400),
                ('{"stage":"grpc","stage":"legacy"}', 400),
                ('{"stage":"grpc","why":"%s"}' % ("x" * 5000), 400), ("[" * 3000, 400),
                (" " * 100000, 413)]
        for body, status in rows:
            answer = self.put(gw, body)
            self.assertEqual(answer.status, status, (body[:60], answer))
            if status == 413:
                self.assertIn("65536 bytes", answer.json()["error"])
            self.assertTrue(answer.json()["error"])
        self.assertEqual(self.put(gw, {"stage": "grpc"}, "nobody").status, 404)
        answer = self.put(gw, {"stage": "shadow"}, "list-users")
        self.assertEqual(answer.status, 400)
        self.assertIn("no legacy side", answer.json()["error"])
        self.assertEqual(gw.admin("/routes/get-user/stage").status, 405)
        self.assertEqual(self.stand(gw), ("shadow", None))

    def test_a_token_is_asked_for(self):
        token = Settings.work() / "stage-token"
        token.write_text("s3cret\n")
        token.chmod(0o600)
        gw = self.gateway(self.text(), admin=f"token_file: {token}")
        right = ("-H", "Authorization: Bearer s3cret")
        self.assertEqual(self.put(gw, {"stage": "grpc"}).status, 401)
        self.assertEqual(gw.admin("/routes/get-user/diffs", "-X", "DELETE").status, 401)
        self.assertEqual(self.stand(gw), ("shadow", None))
        self.assertEqual(self.put(gw, {"stage": "grpc"}, "get-user", *right).status, 200)
        self.assertEqual(gw.admin("/routes/get-user/diffs", "-X", "DELETE", *right).status, 200)

    def test_a_group_moves_as_one(self):
        group = "stage: shadow\ngroup: users\n"
        table = routes(group, LIST + "".join(f"    {x}\n" for x in group.splitlines()))
        gw = self.gateway(self.text(table))
        answer = self.put(gw, {"stage": "canary", "share": "5%"}, "list-users")
        self.assertEqual(answer.json()["moved"], ["get-user", "list-users"])
        self.assertEqual(self.stand(gw, "get-user"), ("canary", "5%"))
        self.assertEqual(self.stand(gw, "list-users"), ("canary", "5%"))

    def test_ready_goes_by_the_present_stage(self):
        gw = self.gateway(self.text(endpoints=[f"grpc://127.0.0.1:{free_port()}"]), ready=False)
        wait_for(lambda: gw.admin("/readyz").status == 200, 5, "ready: only legacy answers")
        self.put(gw, {"stage": "canary", "share": "1%"})
        self.assertEqual(gw.admin("/readyz").status, 503)
        self.put(gw, {"stage": "shadow"})
        self.assertEqual(gw.admin("/readyz").status, 200)


class Kept(Stages):
    def test_a_restart_goes_on_where_it_was(self):
        gw = self.gateway(self.text())
        self.put(gw, {"stage": "grpc", "why": "done"})
        self.restart(gw)
        self.assertEqual(self.stand(gw), ("grpc", None))
        first = gw.admin("/routes/get-user").json()["journal"][0]
        self.assertEqual(first["who"], "state file")
        self.assertIn("operator: done", first["why"])

    def test_a_reload_that_names_another_stage_wins(self):
        gw = self.gateway(self.text())
        self.put(gw, {"stage": "grpc"})
        self.assertEqual(gw.admin("/reload", "-X", "POST").status, 200)
        self.assertEqual(self.stand(gw), ("grpc", None))
        gw.write(self.text(routes("stage: canary\ncanary: 3%")))
        self.assertEqual(gw.admin("/reload", "-X", "POST").status, 200)
        self.assertEqual(self.stand(gw), ("canary", "3%"))
        newest = gw.admin("/routes/get-user").json()["journal"][0]
        self.assertEqual(newest["who"], "configuration")
        self.assertIn("said shadow when the stage was set to grpc by operator", newest["why"])
        self.assertEqual(self.state(gw), {})

    def test_a_restart_whose_file_names_another_stage_wins(self):
        gw = self.gateway(self.text())
        self.put(gw, {"stage": "grpc"})
        gw.write(self.text(routes("stage: legacy")))
        again = self.restart(gw)
        self.assertEqual(self.stand(gw), ("legacy", None))
        lines = [json.loads(x) for x in again.stderr().splitlines() if '"event":"stage"' in x]
        self.assertEqual([(x["route"], x["from"], x["to"], x["who"]) for x in lines],
                         [("get-user", "grpc", "legacy", "configuration")])
        self.assertIn("said shadow when the stage was set to grpc by operator", lines[0]["why"])

    def test_a_restart_whose_file_names_the_stage_that_was_set_says_nothing(self):
        gw = self.gateway(self.text())
        self.put(gw, {"stage": "grpc"})
        gw.write(self.text(routes("stage: grpc")))
        again = self.restart(gw)
        self.assertEqual(self.stand(gw), ("grpc", None))
        self.assertNotIn('"event":"stage"', again.stderr())
        self.assertEqual(self.state(gw), {})

    def test_a_broken_state_file_is_set_aside(self):
        gw = self.gateway(self.text())
        gw.stop()
        file = gw.path.with_name("sluice.yaml.state")
        file.write_text('{"version":1,"routes":{"get-user":')
        again = self.begin_again(gw)
        self.assertEqual(self.stand(gw), ("shadow", None))
        self.assertFalse(file.exists())
        self.assertTrue(file.with_name("sluice.yaml.state.broken").exists())
        self.assertIn("sluice.yaml.state", again.stderr())

    def test_another_place_for_the_file(self):
        gw = self.gateway("state: elsewhere.json\n" + self.text())
        self.put(gw, {"stage": "grpc"})
        found = json.loads(gw.path.with_name("elsewhere.json").read_text())
        self.assertEqual(found["routes"]["get-user"]["stage"], "grpc")

    def test_a_file_that_cannot_be_written_is_told_once(self):
        gw = self.gateway("state: missing/state\n" + self.text())
        for stage in ("grpc", "legacy", "grpc"):
            self.assertEqual(self.put(gw, {"stage": stage}).status, 200)
        self.assertEqual(self.stand(gw), ("grpc", None))
        lines = [line for line in gw.log() if line["event"] == "state"]
        self.assertEqual([line["level"] for line in lines], ["warn"])

    def test_kill_9_during_many_moves_leaves_a_whole_file(self):
        gw = self.gateway(self.text())
        file = gw.path.with_name("sluice.yaml.state")
        moved = 0
        for turn in range(5):
            done = []
            ending = threading.Event()

            def move(done=done, ending=ending):
                number = 0
                while not ending.is_set():
                    number += 1
                    order = {"stage": "canary", "share": f"{number % 90 + 1}%"}
                    try:
                        status = self.put(gw, order, "get-user", "-m", "2").status
                    except Exception:  # the gateway is gone
                        return
                    if status == 200:
                        done.append(order["share"])

            thread = threading.Thread(target=move)
            thread.start()
            wait_for(lambda done=done: len(done) > 3 + turn, 20, "some moves")
            gw.process.kill()
            gw.process.wait()
            ending.set()
            thread.join()
            moved += len(done)
            entry = json.loads(file.read_text())["routes"]["get-user"]  # whole, always
            # What was answered with 200 is on the disk, or one that came after it.
            after = int(done[-1][:-1])
            self.assertIn(int(entry["share"][:-1]), (after, after + 1))
            again = self.begin_again(gw)
            self.assertEqual(self.stand(gw), ("canary", entry["share"]))
            self.assertNotIn(".broken", again.stderr())
        self.assertGreater(moved, 20)


class Commands(Stages):
    def sluice(self, gw, *arguments, code=0, **variables):
        made = subprocess.run([Settings.sluice(), *arguments, "--admin",
                               f"127.0.0.1:{gw.admin_port}"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, env={**os.environ, **variables})
        self.assertEqual(made.returncode, code, made)
        return made.stdout.decode(), made.stderr.decode()

    def test_stage(self):
        gw = self.gateway(self.text())
        out, _ = self.sluice(gw, "stage", "get-user", "canary", "25%", "--why", 'say "so"')
        self.assertEqual(out, "get-user: shadow -> canary 25%\n")
        self.assertEqual(self.stand(gw), ("canary", "25%"))
        self.assertEqual(gw.admin("/routes/get-user").json()["journal"][0]["why"], 'say "so"')
        out, _ = self.sluice(gw, "stage", "get-user", "canary", "25%")
        self.assertIn("already", out)
        self.assertIn("404", self.sluice(gw, "stage", "nobody", "grpc", code=1)[1])
        self.assertIn("stage", self.sluice(gw, "stage", "get-user", "canari", code=2)[1])
        self.assertIn("share", self.sluice(gw, "stage", "get-user", "canary", "5", code=2)[1])
        self.sluice(gw, "stage", "get-user", code=2)
        self.sluice(gw, "stage", "get/user", "grpc", code=2)

    def test_stage_with_a_token(self):
        token = Settings.work() / "command-token"
        token.write_text("s3cret\n")
        token.chmod(0o600)
        gw = self.gateway(self.text(), admin=f"token_file: {token}")
        self.assertIn("401", self.sluice(gw, "stage", "get-user", "grpc", code=1)[1])
        self.sluice(gw, "stage", "get-user", "grpc", "--token-file", str(token))
        self.sluice(gw, "stage", "get-user", "legacy", SLUICE_ADMIN_TOKEN="s3cret")
        self.assertIn("401", self.sluice(gw, "stage", "get-user", "grpc", code=1,
                                         SLUICE_ADMIN_TOKEN="other")[1])
        self.assertEqual(self.stand(gw), ("legacy", None))

    def test_status(self):
        gw = self.gateway(self.text())
        gw.curl("/v1/users/7")
        out, _ = self.sluice(gw, "status")
        head, row = out.splitlines()
        self.assertTrue(head.startswith("route"))
        self.assertEqual(row.split()[:3], ["get-user", "shadow", "-"])
        self.assertNotIn("\x1b", out)
        listed = json.loads(self.sluice(gw, "status", "--json")[0])
        self.assertEqual([route["name"] for route in listed], ["get-user"])
        self.sluice(gw, "status", "--wach", code=2)

    def test_status_watches_and_shows_rates(self):
        gw = self.gateway(self.text())
        made = Process([Settings.sluice(), "status", "--watch", "--admin",
                        f"127.0.0.1:{gw.admin_port}"], "status", stdout=subprocess.PIPE)
        self.addCleanup(made.kill)
        lines = [made.process.stdout.readline().decode() for _ in range(2)]
        gw.curl("/v1/users/7")
        lines += [made.process.stdout.readline().decode() for _ in range(2)]
        self.assertEqual(lines[0].split()[0], "route")
        self.assertEqual(lines[1].split()[3], "-")  # nothing to compare with yet
        self.assertGreater(float(lines[3].split()[3]), 0)  # legacy's
        made.signal(signal.SIGTERM)

    def on_terminal(self, count, *words, **more):
        """What the command draws on a terminal until it has done so `count` times, and begun once more:
        (pictures, all of it).  What NO_COLOR the tests themselves have says nothing."""
        ours, its = os.openpty()
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        process = subprocess.Popen([Settings.sluice(), *words], stdout=its, stderr=its,
                                   env={**environment, "TERM": "xterm", **more})
        os.close(its)
        drawn, end = "", time.monotonic() + 30
        try:
            while drawn.count(CLEAR) <= count and time.monotonic() < end:
                if select.select([ours], [], [], 0.1)[0]:
                    drawn += os.read(ours, 65536).decode()
        except OSError as error:  # nobody has the other end any more
            self.fail(f"ended with {process.wait(60)}: {error}\n{drawn}")
        finally:
            process.send_signal(signal.SIGTERM)  # who runs the tests may ignore SIGINT
            process.wait(60)
            os.close(ours)
        return drawn.split(CLEAR)[1:count + 1], drawn

    def test_status_draws_a_terminal_anew(self):
        gw = self.gateway(self.text())
        words = ("status", "--watch", "--admin", f"127.0.0.1:{gw.admin_port}")
        pictures, drawn = self.on_terminal(2, *words)
        self.assertEqual(len(pictures), 2, drawn)
        for picture in pictures:
            self.assertTrue(picture.startswith("\x1b[1mroute"), picture)
            self.assertIn("get-user", picture)
        pictures, drawn = self.on_terminal(1, *words, NO_COLOR="1")
        self.assertEqual(len(pictures), 1, drawn)
        self.assertIn("get-user", pictures[0])
        self.assertNotIn("\x1b[1m", drawn)

    def test_no_gateway(self):
        for words in (("status",), ("suggest", "get-user"), ("stage", "get-user", "grpc")):
            made = subprocess.run([Settings.sluice(), *words, "--admin",
                                   f"127.0.0.1:{free_port()}"], capture_output=True, timeout=60)
            self.assertEqual(made.returncode, 1, made)
            self.assertIn(b"127.0.0.1", made.stderr)

    def test_suggest_without_anything_to_suggest(self):
        gw = self.gateway(self.text())
        self.assertEqual(self.sluice(gw, "suggest", "get-user")[0],
                         "# get-user: nothing to suggest\n")
        self.assertIn("404", self.sluice(gw, "suggest", "nobody", code=1)[1])


if __name__ == "__main__":
    harness.main()
