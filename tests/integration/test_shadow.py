#!/usr/bin/python3
"""Both sides of a route: who answers, what is sent twice, how answers are compared, what falls back."""
import collections
import json
import socket
import threading
import time

from harness import Settings, heavy, main, metric_sum, wait_for
from legacy_case import Raw
from migration_case import Migrating


class Stages(Migrating):
    def test_each_stage_has_its_side(self):
        for stage, side in (("legacy", "legacy"), ("shadow", "legacy"), ("grpc", "grpc")):
            self.twin.reset()
            gw = self.between(f"stage: {stage}\nshadow: {{ sample: 0% }}")
            self.twin.set(legacy={"override": {"name": "legacy"}}, grpc={"override": {"name": "grpc"}})
            for _ in range(5):
                self.assertEqual(gw.curl("/v1/users/7").json()["name"], side, stage)
            state = self.twin.state()
            self.assertEqual(state["legacy" if side == "grpc" else "grpc"], {}, stage)
            gw.stop()

    def test_without_a_stage_grpc_answers_and_legacy_takes_the_rest(self):
        gw = self.between("timeout: 5s")
        self.assertEqual(gw.curl("/v1/users/7").json()["userId"], "7")
        self.assertEqual(self.twin.state()["legacy"], {})
        self.assertEqual(gw.curl("/v1/users/7", "-X", "DELETE").json(), {})
        self.assertEqual(self.twin.state()["legacy"], {"DELETE": 1})

    def test_legacy_gets_the_request_and_gives_the_answer_as_they_are(self):
        gw = self.between("stage: legacy")
        self.twin.set(legacy={"raw": '{ "odd":  [1, 2,3] }'})
        answer = gw.curl("/v1/users/7?x=%41&x=2", "-H", "X-Own: 1")
        self.assertEqual(answer.body, b'{ "odd":  [1, 2,3] }')
        self.assertIn("1.1 sluice", answer.header("via"))

    def test_a_body_that_grpc_would_refuse_goes_to_legacy(self):
        gw = self.between("stage: legacy")
        answer = gw.curl("/v1/users", "-d", '{"name": "Ada", "nobody knows this": 1}',
                         "-H", "Content-Type: application/json")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.twin.state()["bodies"],
                         [["legacy", '{"name": "Ada", "nobody knows this": 1}']])


class Shadow(Migrating):
    def test_equal_answers_are_counted_as_equal(self):
        gw = self.between("stage: shadow")
        for n in range(20):
            self.assertEqual(gw.curl(f"/v1/users/{n}").status, 200)
        self.assertEqual(self.settled(gw, 20), {"equal": 20, "different": 0, "failed": 0,
                                                "dropped": 0})
        self.assertEqual(self.diffs(gw), [])
        self.assertEqual(self.twin.state()["grpc"]["GetUser"], 20)

    def test_errors_and_lists_are_compared_too(self):
        gw = self.between("stage: shadow")
        self.assertEqual(gw.curl("/v1/users/none").status, 404)
        self.assertEqual(self.settled(gw, 1)["equal"], 1, self.diffs(gw))
        self.assertEqual(gw.curl("/v1/users").status, 200)
        self.assertEqual(self.settled(gw, 1, "list-users")["equal"], 1, self.diffs(gw, "list-users"))
        self.twin.set(legacy={"order": True})
        gw.curl("/v1/users")
        self.assertEqual(self.settled(gw, 2, "list-users")["different"], 1)
        self.assertEqual([d["kind"] for d in self.diffs(gw, "list-users")], ["order"])

    def test_each_kind_of_difference_is_named(self):
        gw = self.between("stage: shadow")
        rows = [({"override": {"name": "Other"}}, {}, "/name", "value"),
                ({}, {"override": {"name": None}}, "/name", "missing"),
                ({"override": {"email": None}}, {}, "/email", "extra"),
                ({"override": {"name": ["a"]}}, {}, "/name", "type"),
                ({"int64": "number"}, {}, "/createdAt", "representation"),
                ({"names": "proto"}, {}, "/user_id", "representation"),
                ({"defaults": True}, {"override": {"email": None}}, "/email", "default")]
        for legacy, grpc, pointer, kind in rows:
            self.twin.reset()
            self.twin.set(legacy, grpc)
            before = sum(self.parity(gw).values())
            gw.admin("/routes/get-user/diffs", "-X", "DELETE")
            gw.curl("/v1/users/7")
            self.settled(gw, before + 1)
            self.assertIn((pointer, kind), self.kinds(gw), (legacy, grpc, self.diffs(gw)))

    def test_gzip_of_legacy_is_looked_into(self):
        gw = self.between("stage: shadow")
        self.twin.set(legacy={"gzip": True, "big": 2000}, grpc={"big": 2000})
        answer = gw.curl("/v1/users/7", "-H", "Accept-Encoding: gzip")
        self.assertEqual(answer.header("content-encoding"), "gzip")
        self.assertEqual(self.settled(gw, 1)["equal"], 1, self.diffs(gw))

    def test_unsafe_methods_are_sent_twice_only_where_the_route_says_so(self):
        post = ("-d", '{"name": "Ada"}', "-H", "Content-Type: application/json")
        gw = self.between("stage: shadow")
        self.assertEqual(gw.curl("/v1/users", *post).status, 200)
        gw.curl("/v1/users")
        self.settled(gw, 1, "list-users")
        self.assertEqual(self.twin.state()["bodies"], [["legacy", '{"name": "Ada"}']])
        gw.stop()
        self.twin.reset()
        gw = self.between("stage: shadow\nshadow: { unsafe: true }")
        self.assertEqual(gw.curl("/v1/users", *post).status, 200)
        self.assertEqual(self.settled(gw, 1, "create-user")["equal"], 1, self.diffs(gw, "create-user"))
        self.assertEqual(self.twin.state()["bodies"], [["legacy", '{"name": "Ada"}'], ["grpc", "Ada"]])

    def test_coverage_says_what_was_compared(self):
        gw = self.between("stage: shadow")
        self.twin.set(legacy={"override": {"email": None}}, grpc={"override": {"email": None}})
        gw.curl("/v1/users/7")
        gw.curl("/v1/users/none")
        self.settled(gw, 2)
        coverage = gw.admin("/routes/get-user").json()["coverage"]
        self.assertEqual(coverage["fields"], {"seen": 3, "total": 4, "missing": ["/email"]})
        self.assertEqual(coverage["statuses"], {"200": 1, "404": 1})
        self.twin.reset()
        gw.curl("/v1/users/7")
        self.settled(gw, 3)
        coverage = gw.admin("/routes/get-user").json()["coverage"]
        self.assertEqual(coverage["fields"], {"seen": 4, "total": 4, "missing": []})

    def test_a_sample_is_a_sample(self):
        gw = self.between("stage: shadow\nshadow: { sample: 25%, in_flight: 1000 }")
        with gw.connect() as client:
            for n in range(800):
                self.assertEqual(client.get(f"/v1/users/{n}").status, 200)
        count = wait_for(lambda: sum(self.parity(gw).values()), 5, "something was compared")
        time.sleep(0.5)
        count = sum(self.parity(gw).values())
        self.assertTrue(120 < count < 290, count)  # 200 +- 7 standard deviations

    def test_what_does_not_fit_is_dropped_and_counted(self):
        gw = self.between("stage: shadow\nshadow: { body: 1KiB }")
        self.twin.set(legacy={"big": 5000})
        answer = gw.curl("/v1/users/7")
        self.assertEqual(len(answer.json()["name"]), 5000)
        self.assertEqual(self.settled(gw, 1)["dropped"], 1)
        self.twin.reset()
        self.twin.set(grpc={"big": 5000})
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        self.assertEqual(self.settled(gw, 2)["dropped"], 2)

    def test_a_client_that_leaves_leaves_nothing_behind(self):
        gw = self.between("stage: shadow")
        self.twin.set(legacy={"hang": 1})
        with gw.connect() as client:
            client.send("GET /v1/users/7 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
        self.assertEqual(self.settled(gw, 1)["dropped"], 1)
        self.assertEqual(metric_sum(gw.metrics(), "sluice_shadows_in_flight", route="get-user"), 0)
        self.assertEqual(self.twin.state()["grpc"], {})

    def test_grpc_may_be_compared_with_legacy(self):
        gw = self.between("stage: grpc\nshadow: { legacy: true }")
        self.twin.set(grpc={"override": {"name": "new"}})
        self.assertEqual(gw.curl("/v1/users/7").json()["name"], "new")
        self.assertEqual(self.settled(gw, 1)["different"], 1)
        found = self.diffs(gw)[0]
        self.assertEqual((found["pointer"], found["kind"]), ("/name", "value"))
        self.assertEqual((json.loads(found["legacy"]), json.loads(found["grpc"])), ("User 7", "new"))

    def test_what_legacy_itself_changes_is_unstable(self):
        gw = self.between("stage: shadow")
        self.twin.set(legacy={"unstable": True})
        with gw.connect() as client:
            for n in range(400):
                client.get("/v1/users/7")
                if n % 50 == 49:
                    time.sleep(0.1)
        wait_for(lambda: [d for d in self.diffs(gw) if d["unstable"]], 5, "an unstable pointer")
        self.assertEqual({d["pointer"] for d in self.diffs(gw) if d["unstable"]}, {"/email"})


class BadShadow(Migrating):
    """Whatever the gRPC side does in stage shadow, clients see nothing of it."""

    def steady(self, gw, count=40):
        with gw.connect() as client:
            for n in range(count):
                answer = client.get(f"/v1/users/{n}")
                self.assertEqual((answer.status, answer.json()["userId"]), (200, str(n)))

    def test_it_hangs(self):
        gw = self.between("stage: shadow\nshadow: { timeout: 3s, in_flight: 10 }")
        self.twin.set(grpc={"hang": 5})
        begin = time.monotonic()
        self.steady(gw)
        self.check_took(begin, 2)  # no client waited, and the first ten are still there
        parity = self.settled(gw, 40)
        self.assertEqual((parity["failed"], parity["dropped"]), (10, 30))
        self.assertEqual(metric_sum(gw.metrics(), "sluice_shadows_in_flight", route="get-user"), 0)

    def test_in_flight_is_of_all_workers_together(self):
        gw = self.between("stage: shadow\nshadow: { timeout: 12s, in_flight: 2 }", workers=4)
        self.twin.set(grpc={"hang": 15})
        begin = time.monotonic()
        for n in range(40):  # each on a connection of its own: they come to all workers
            self.assertEqual(gw.curl(f"/v1/users/{n}").status, 200)
        self.check_took(begin, 12)  # else others would have their places
        self.assertIn(metric_sum(gw.metrics(), "sluice_shadows_total", route="get-user"), (1, 2))

    def test_it_is_not_there(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            gw = self.between("stage: shadow", ready=False,
                              grpc=f"grpc://127.0.0.1:{probe.getsockname()[1]}")
            wait_for(lambda: gw.curl("/v1/users/1").status == 200, 5, "legacy answers")
            self.steady(gw)
            self.assertEqual(self.settled(gw, 41, seconds=15)["equal"], 0)

    def test_it_resets_and_answers_garbage(self):
        def reset(connection, _number):
            connection.recv(1000)
        def garbage(connection, _number):
            connection.recv(1000)
            connection.sendall(b"\x00\xff garbage" * 1000)
            connection.recv(1000)
        for serve in (reset, garbage):
            raw = Raw(serve)
            self.addCleanup(raw.close)
            gw = self.between("stage: shadow\nshadow: { timeout: 500ms }", ready=False,
                              grpc=f"grpc://127.0.0.1:{raw.port}")
            wait_for(lambda: gw.curl("/v1/users/1").status == 200, 5, "legacy answers")
            self.steady(gw)
            self.assertEqual(self.settled(gw, 41)["equal"], 0)
            gw.stop()

    def test_it_answers_more_than_is_kept(self):
        gw = self.between("stage: shadow")
        self.twin.set(grpc={"big": 3 << 20})
        before = gw.rss()
        self.steady(gw, 20)
        self.assertEqual(self.settled(gw, 20)["dropped"], 20)
        if not Settings.sanitized():
            self.assertLess(gw.rss() - before, 64 << 20)

    def test_a_stop_does_not_wait_for_it(self):
        gw = self.between("stage: shadow\nshadow: { timeout: 20s }")
        self.twin.set(grpc={"hang": 15})
        self.steady(gw, 5)
        wait_for(lambda: self.twin.state()["grpc"].get("GetUser") == 5, 5, "the shadows run")
        begin = time.monotonic()
        gw.stop(5)
        self.check_took(begin, 4)

    def test_a_reload_meanwhile(self):
        gw = self.between("stage: shadow\nshadow: { timeout: 3s }")
        self.twin.set(grpc={"hang": 1})
        self.steady(gw, 5)
        self.assertEqual(gw.admin("/reload", "-X", "POST").status, 200)
        self.twin.set(grpc={"hang": 0})
        self.steady(gw, 5)
        self.assertEqual(self.settled(gw, 10)["equal"], 10)


class Canary(Migrating):
    def sides(self, gw, users, header="x-user-id"):
        found = {}
        with gw.connect() as client:
            for name in users:
                answer = client.get("/v1/users/7", f"{header}: {name}\r\n" if header else "")
                found[name] = answer.json()["name"]
        return found

    def test_a_user_stays_on_one_side_while_the_share_grows(self):
        gw = self.between("stage: canary\ncanary: 10%\nsticky: { header: x-user-id }\n"
                          "shadow: { sample: 0% }")
        self.twin.set(legacy={"override": {"name": "legacy"}}, grpc={"override": {"name": "grpc"}})
        users = [f"u{n}" for n in range(400)]
        before = self.sides(gw, users)
        self.assertEqual(before, self.sides(gw, users))
        for share in ("25%", "60%", "100%"):
            self.assertEqual(gw.admin("/routes/get-user/stage", "-X", "PUT", "-d", json.dumps(
                {"stage": "canary", "share": share})).status, 200)
            now = self.sides(gw, users)
            self.assertEqual([u for u in users if before[u] == "grpc" and now[u] != "grpc"], [])
            before = now
        self.assertEqual(set(before.values()), {"grpc"})

    def test_the_share_is_kept_without_a_key(self):
        gw = self.between("stage: canary\ncanary: 30%\nshadow: { sample: 0% }")
        self.twin.set(legacy={"override": {"name": "legacy"}}, grpc={"override": {"name": "grpc"}})
        count = collections.Counter(self.sides(gw, range(600), header=None).values())
        self.assertTrue(110 < count["grpc"] < 250, count)

    def test_safe_requests_of_both_sides_are_compared(self):
        gw = self.between("stage: canary\ncanary: 50%")
        self.twin.set(grpc={"override": {"email": "grpc@example.com"}})
        self.sides(gw, range(40), header=None)
        self.assertEqual(self.settled(gw, 40)["different"], 40)
        found = self.diffs(gw)
        self.assertEqual([(d["pointer"], d["kind"], d["count"]) for d in found],
                         [("/email", "value", 40)])
        self.assertEqual(json.loads(found[0]["grpc"]), "grpc@example.com")
        self.assertEqual(json.loads(found[0]["legacy"]), "7@example.com")

    def test_a_legacy_that_is_not_there_is_no_difference(self):
        """Else the guard would take the route back to it."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            gw = self.between("stage: canary\ncanary: 50%\n"
                              "guard: { window: 5s, requests: 5, errors: 1%, parity: 99.9% }",
                              ready=False, legacy=f"http://127.0.0.1:{probe.getsockname()[1]}")
            with gw.connect() as client:
                count = collections.Counter(client.get(f"/v1/users/{n}").status for n in range(60))
            self.assertEqual(sum(count.values()), 60)
            self.assertTrue(count[200] > 10 and count[200] < 50, count)
            self.assertEqual(self.settled(gw, 60), {"equal": 0, "different": 0, "failed": 60,
                                                    "dropped": 0})
            self.assertEqual(gw.admin("/routes/get-user").json()["stage"], "canary")

    def test_a_cookie_keeps_the_side_and_groups_draw_alike(self):
        gw = self.between("stage: canary\ncanary: 50%\nsticky: { cookie: session }\ngroup: users\n"
                          "shadow: { sample: 0% }")
        self.twin.set(legacy={"override": {"name": "legacy"}}, grpc={"override": {"name": "grpc"}})
        seen = set()
        with gw.connect() as client:
            for n in range(60):
                cookie = f"Cookie: a=b; session=s{n}; c=d\r\n"
                one = client.get("/v1/users/7", cookie).json()["name"]
                every = {u["name"] for u in client.get("/v1/users", cookie).json()}
                self.assertEqual(every, {one})
                seen.add(one)
        self.assertEqual(seen, {"legacy", "grpc"})


class Fallback(Migrating):
    def test_legacy_answers_what_grpc_cannot(self):
        gw = self.between("stage: grpc\nfallback: true\nretry: { attempts: 1 }")
        for code in (14, 12):
            self.twin.set(grpc={"fail": code})
            with gw.connect() as client:
                for n in range(10):
                    answer = client.get(f"/v1/users/{n}")
                    self.assertEqual((answer.status, answer.json()["userId"]), (200, str(n)))
                self.assertEqual(client.get("/v1/users").status, 200)
        self.assertEqual(metric_sum(gw.metrics(), "sluice_fallbacks_total", route="get-user",
                                    result="answered"), 20)
        self.assertEqual(self.twin.state()["legacy"]["GET"], 22)

    @heavy
    def test_no_more_at_a_time_than_legacy_is_to_bear(self):
        """GW_FALLBACKS_MAX of them wait for legacy; who comes then gets gRPC's error."""
        gw = self.between("stage: grpc\nfallback: true\nretry: { attempts: 1 }\ntimeout: 20s")
        self.twin.set(grpc={"fail": 14}, legacy={"hang": 3})
        waiting = []
        for n in range(256):
            waiting.append(gw.connect())
            self.addCleanup(waiting[-1].close)
            waiting[-1].send(f"GET /v1/users/{n} HTTP/1.1\r\nHost: x\r\n\r\n")
        fallbacks = lambda result: metric_sum(gw.metrics(), "sluice_fallbacks_total",
                                              route="get-user", result=result)
        wait_for(lambda: fallbacks("answered") == 256, 10, "256 wait for legacy")
        for _ in range(3):
            self.check_error(gw.curl("/v1/users/7"), 503, 14)
        self.assertEqual(fallbacks("refused"), 3)
        self.assertEqual({client.answer().status for client in waiting}, {200})
        self.twin.set(legacy={"hang": 0})
        self.assertEqual(gw.curl("/v1/users/7").status, 200)

    def test_other_errors_and_unsafe_methods_stay_errors(self):
        gw = self.between("stage: grpc\nfallback: true\nretry: { attempts: 1 }")
        self.twin.set(grpc={"fail": 13})
        self.check_error(gw.curl("/v1/users/7"), 500, 13)
        self.twin.set(grpc={"fail": 14})
        self.check_error(gw.curl("/v1/users", "-d", '{"name": "x"}', "-H",
                                 "Content-Type: application/json"), 503, 14)
        self.assertEqual(self.twin.state()["legacy"], {})

    def test_without_it_the_error_is_the_answer(self):
        gw = self.between("stage: grpc\nretry: { attempts: 1 }")
        self.twin.set(grpc={"fail": 14})
        self.check_error(gw.curl("/v1/users/7"), 503, 14)
        self.assertEqual(self.twin.state()["legacy"], {})

    def test_the_service_is_not_there(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            gw = self.between("stage: grpc\nfallback: true", ready=False,
                              grpc=f"grpc://127.0.0.1:{probe.getsockname()[1]}")
            for n in range(5):
                self.assertEqual(gw.curl(f"/v1/users/{n}").status, 200)

    def test_legacy_has_what_is_left_of_the_deadline(self):
        gw = self.between("stage: grpc\nfallback: true\nretry: { attempts: 1 }\ntimeout: 1s")
        self.twin.set(grpc={"fail": 14, "latency_ms": 400}, legacy={"hang": 5})
        begin = time.monotonic()
        self.check_error(gw.curl("/v1/users/7"), 504, 4)
        self.check_took(begin, 2, 0.8)

    def test_legacy_fails_too(self):
        gw = self.between("stage: grpc\nfallback: true\nretry: { attempts: 1 }")
        self.twin.set(grpc={"fail": 14}, legacy={"fail": 500})
        self.assertEqual(gw.curl("/v1/users/7").status, 500)
        with gw.connect() as client:
            client.send("GET /v1/users/7 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(client.answer().status, 500)


class Guard(Migrating):
    def load(self, gw, clients=4, pace=0.002):
        """Steady requests, until the test is over or says so; the answers' statuses."""
        seen, over = [], threading.Event()
        self.addCleanup(over.set)
        def one():
            with gw.connect() as client:
                n = 0
                while not over.is_set():
                    n += 1
                    seen.append(client.get(f"/v1/users/{n}").status)
                    time.sleep(pace)
        threads = [threading.Thread(target=one) for _ in range(clients)]
        for thread in threads:
            thread.start()

        def end():
            over.set()
            for thread in threads:
                thread.join()
        return seen, end

    def stage(self, gw):
        found = gw.admin("/routes/get-user").json()
        return found["stage"], found["share"]

    @heavy
    def test_errors_take_the_route_back_and_no_client_sees_one(self):
        gw = self.between("stage: canary\ncanary: 50%\nfallback: true\nretry: { attempts: 1 }\n"
                          "guard: { window: 5s, requests: 50, errors: 2%, back_to: legacy }\n"
                          "shadow: { sample: 0% }")
        seen, end = self.load(gw)
        time.sleep(2)
        self.assertEqual(self.stage(gw), ("canary", "50%"))
        self.twin.set(grpc={"fail": 14})
        broken = time.monotonic()
        wait_for(lambda: self.stage(gw)[0] == "legacy", 3, "the guard took the route back")
        self.check_took(broken, 2.5)
        end()
        self.assertEqual(set(seen), {200})
        move = gw.admin("/routes/get-user").json()["journal"][0]
        self.assertEqual((move["who"], move["to"]["stage"]), ("guard", "legacy"))
        self.assertIn("errors", move["why"])
        self.assertTrue([line for line in gw.log() if line["event"] == "stage"])

    @heavy
    def test_differences_take_the_route_back(self):
        gw = self.between("stage: canary\ncanary: 50%\n"
                          "guard: { window: 5s, requests: 50, errors: 1%, parity: 99% }")
        _, end = self.load(gw)
        time.sleep(1.5)
        self.assertEqual(self.stage(gw)[0], "canary")
        self.twin.set(grpc={"override": {"email": "wrong@example.com"}})
        wait_for(lambda: self.stage(gw)[0] == "shadow", 3, "the guard took the route back")
        end()
        self.assertIn("parity", gw.admin("/routes/get-user").json()["journal"][0]["why"])

    @heavy
    def test_a_slow_side_takes_the_route_back(self):
        gw = self.between("stage: canary\ncanary: 50%\nshadow: { sample: 0% }\n"
                          "guard: { window: 5s, requests: 50, errors: 1%, p99_ratio: 4 }")
        # Both as slow as no other work of the machine's makes one of them: that is no ratio of 4.
        self.twin.set(legacy={"latency_ms": 60}, grpc={"latency_ms": 60})
        _, end = self.load(gw, clients=12)
        time.sleep(1.5)
        self.assertEqual(self.stage(gw)[0], "canary")
        self.twin.set(grpc={"latency_ms": 600})
        wait_for(lambda: self.stage(gw)[0] == "shadow", 4, "the guard took the route back")
        end()

    @heavy
    def test_a_ramp_goes_to_the_end(self):
        gw = self.between("stage: shadow\nramp: { steps: [10%, 50%, 100%], hold: 500ms, "
                          "min_compared: 20, min_parity: 80% }")
        _, end = self.load(gw)
        wait_for(lambda: self.stage(gw)[0] == "grpc", 9, "the ramp reached grpc")
        end()
        journal = gw.admin("/routes/get-user").json()["journal"]
        self.assertEqual([(m["to"]["stage"], m["to"]["share"]) for m in journal[::-1][-4:]],
                         [("canary", "10%"), ("canary", "50%"), ("canary", "100%"), ("grpc", None)])
        self.assertEqual({m["who"] for m in journal[:4]}, {"ramp"})


if __name__ == "__main__":
    main()
