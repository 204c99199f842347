"""What operators see: health, metrics, routes, log."""
import json
import re
import time

import harness
from harness import Shared, Test, config, free_port, metric_sum, parse_metrics, wait_for


class Health(Test):
    def test_ready_follows_the_upstream(self):
        port = free_port()
        gw = self.gateway(config([f"grpc://127.0.0.1:{port}"]), ready=False)
        self.assertEqual(gw.admin("/livez").status, 200)
        answer = gw.admin("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertIn(b"users", answer.body)  # the reason names the upstream
        server = self.users("--address", f"127.0.0.1:{port}")
        wait_for(lambda: gw.admin("/readyz").status == 200, 5, "ready once the upstream is there")
        server.kill()
        wait_for(lambda: gw.admin("/readyz").status == 503, 5, "not ready without the upstream")
        self.assertEqual(gw.admin("/livez").status, 200)

    def test_admin_is_not_on_the_clients_port(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        for target in ("/livez", "/readyz", "/metrics", "/routes", "/reload", "/drain"):
            self.assertEqual(gw.curl(target).status, 404)

    def test_unknown_paths_and_methods(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint]))
        self.assertEqual(gw.admin("/nothing").status, 404)
        self.assertIn(gw.admin("/livez", "-X", "DELETE").status, (404, 405))


class Metrics(Shared):
    def test_requests_are_counted_by_route_side_and_code(self):
        before = self.gw.metrics()
        for target in ("/v1/users/7",) * 3 + ("/v1/users/status-5", "/v1/users?page_size=2"):
            self.gw.curl(target)
        after = self.gw.metrics()

        def more(name, **labels):
            return metric_sum(after, name, **labels) - metric_sum(before, name, **labels)
        self.assertEqual(more("sluice_requests_total", route="get-user", side="grpc"), 4)
        self.assertEqual(more("sluice_requests_total", route="list-users"), 1)
        codes = {labels["code"] for labels, _ in after["sluice_requests_total"]
                 if labels["route"] == "get-user"}
        self.assertLessEqual({"200", "404"}, codes)
        self.assertEqual(more("sluice_request_seconds_count"), 5)

    def test_histogram_is_a_histogram(self):
        self.gw.curl("/v1/users/sleep-50")
        found = self.gw.metrics()
        series = {}
        for labels, value in found["sluice_request_seconds_bucket"]:
            key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
            series.setdefault(key, []).append((float(labels["le"].replace("+Inf", "inf")), value))
        for key, buckets in series.items():
            self.assertEqual([b for b, _ in buckets], sorted(b for b, _ in buckets))
            self.assertEqual([v for _, v in buckets], sorted(v for _, v in buckets))
            count = [v for labels, v in found["sluice_request_seconds_count"]
                     if tuple(sorted(labels.items())) == key]
            self.assertEqual(count, [buckets[-1][1]])
        self.assertGreaterEqual(metric_sum(found, "sluice_request_seconds_sum"), 0.05)

    def test_what_grpc_clients_count_of_a_method(self):
        def figure(found, name, method="GetUser", **labels):
            return metric_sum(found, "grpc_client_" + name, grpc_target="users",
                              grpc_method=f"userservice.UserService/{method}", **labels)
        before = self.gw.metrics()
        for target in ("/v1/users/7",) * 3 + ("/v1/users/status-5", "/v1/users/sleep-50",
                                              "/v1/users/flaky-2", "/v1/users?page_size=100"):
            self.gw.curl(target)
        after = self.gw.metrics()

        def more(name, **labels):
            return figure(after, name, **labels) - figure(before, name, **labels)
        sent = "attempt_sent_total_compressed_message_size_bytes_"
        received = "attempt_rcvd_total_compressed_message_size_bytes_"
        self.assertEqual(more("attempt_started_total"), 8)
        for name, unavailable in (("attempt_duration_seconds_", 2), ("call_duration_seconds_", 0)):
            self.assertEqual(more(name + "count", grpc_status="OK"), 5)
            self.assertEqual(more(name + "count", grpc_status="NOT_FOUND"), 1)
            self.assertEqual(more(name + "count", grpc_status="UNAVAILABLE"), unavailable)
            self.assertGreaterEqual(more(name + "sum", grpc_status="OK"), 0.05)
        self.assertEqual(more(sent + "count"), 8)
        # field 1 with its tag and length, and the text: "7", "status-5", "sleep-50", "flaky-2"
        self.assertEqual(more(sent + "sum"), 3 * 3 + 10 + 10 + 3 * 9)
        self.assertEqual(more(received + "sum", grpc_status="NOT_FOUND"), 0)
        self.assertGreater(more(received + "sum", grpc_status="OK"), 3 * len("7Ada Lovelace"))
        self.assertEqual(more("attempt_started_total", method="ListUsers"), 1)
        self.assertEqual(more("call_duration_seconds_count", method="ListUsers"), 1)
        self.assertGreater(more(received + "sum", method="ListUsers"), 1024)

    def test_names_types_and_limits(self):
        self.gw.curl("/v1/users", "-H", "Content-Length: 99999999", "-X", "POST", "-m", "2")
        answer = self.gw.admin("/metrics")
        self.assertTrue(answer.header("content-type").startswith("text/plain; version=0.0.4"))
        text = answer.body.decode()
        found = parse_metrics(text)
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.assertEqual(types["sluice_requests_total"], "counter")
        self.assertEqual(types["sluice_request_seconds"], "histogram")
        self.assertTrue([n for n in found if n.startswith("sluice_upstream_")])
        self.assertIn("sluice_limits_hit_total", found)
        self.assertGreaterEqual(metric_sum(found, "sluice_limits_hit_total", limit="body"), 1)
        for name in found:
            base = re.sub("_(bucket|sum|count)$", "", name)
            self.assertTrue(name in types or base in types, name)
        seen = set()
        for line in text.splitlines():
            if not line.startswith("#"):
                key = line.rsplit(" ", 1)[0]
                self.assertNotIn(key, seen)
                seen.add(key)

    def test_routes(self):
        found = self.gw.admin("/routes").json()
        self.assertEqual(len(found), 5)
        route = [r for r in found if r["name"] == "get-user"][0]
        self.assertEqual({k: route[k] for k in ("match", "rpc", "upstream", "stage")},
                         {"match": "GET /v1/users/{user_id}",
                          "rpc": "userservice.UserService/GetUser", "upstream": "users",
                          "stage": "grpc"})
        self.assertEqual(self.gw.admin("/routes/get-user").json()["name"], "get-user")
        self.assertEqual(self.gw.admin("/routes/nobody").status, 404)


class TwoWorkers(Metrics):
    OPTIONS = {"workers": 2}


class Log(Shared):
    def line(self, target, *arguments):
        before = len(self.lines())
        answer = self.gw.curl(target, *arguments)
        wait_for(lambda: len(self.lines()) > before, 2, "a line for the exchange")
        time.sleep(0.05)
        found = self.lines()[before:]
        self.assertEqual(len(found), 1, found)
        return answer, found[0]

    def lines(self):
        return [line for line in self.gw.log() if "method" in line]

    def test_one_line_for_each_exchange(self):
        trace = "0af7651916cd43dd8448eb211c80319c"
        answer, line = self.line("/v1/users/7?x=1", "-H",
                                 f"Traceparent: 00-{trace}-b7ad6b7169203331-01")
        self.assertEqual({k: line[k] for k in ("route", "side", "method", "path", "status",
                                               "grpc_status", "upstream", "attempts", "trace_id")},
                         {"route": "get-user", "side": "grpc", "method": "GET",
                          "path": "/v1/users/7", "status": 200, "grpc_status": 0,
                          "upstream": "users", "attempts": 1, "trace_id": trace})
        self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")
        self.assertGreaterEqual(json.dumps(line).count(str(len(answer.body))), 1)
        self.assertTrue([k for k in line if k.startswith("duration")], line)

    def test_errors_have_their_reason(self):
        _, line = self.line("/v1/users/status-5")
        self.assertEqual((line["status"], line["grpc_status"]), (404, 5))
        _, line = self.line("/nothing")
        self.assertEqual(line["status"], 404)
        self.assertTrue(line["reason"])
        _, line = self.line("/v1/users/hang", "-H", "X-Request-Timeout-Ms: 100")
        self.assertEqual((line["status"], line["grpc_status"]), (504, 4))
        self.assertTrue(line["reason"])

    def test_hostile_bytes_stay_json(self):
        for target in ("/v1/users/%22%0a%5c", '/v1/users/"', "/v1/users/\x7f"):
            self.gw.curl(target)
        self.gw.log()

    def test_a_client_that_left(self):
        before = len(self.lines())
        with self.gw.connect() as client:
            client.send("GET /v1/users/hang HTTP/1.1\r\nHost: t\r\n\r\n")
            wait_for(lambda: self.server.state()["running"] == 1, 2, "the call runs")
        wait_for(lambda: len(self.lines()) == before + 1, 2, "a line")
        self.assertEqual(self.lines()[-1]["status"], 499)


class Actions(Test):
    def setUp(self):
        self.server = self.users()

    def test_reload(self):
        gw = self.gateway(config([self.server.endpoint]))
        gw.write(gw.text.replace("/v1/users/{user_id}", "/v2/users/{user_id}"))
        self.assertEqual(gw.admin("/reload", "-X", "POST").status, 200)
        wait_for(lambda: gw.curl("/v2/users/7").status == 200, 2, "the new route answers")
        gw.write(gw.text.replace("GetUser", "GetUsr"))
        answer = gw.admin("/reload", "-X", "POST")
        self.assertGreaterEqual(answer.status, 400)
        self.assertIn(b"GetUsr", answer.body)
        self.assertEqual(gw.curl("/v2/users/7").status, 200)
        self.assertEqual(gw.admin("/reload").status, 405)

    def test_drain(self):
        gw = self.gateway(config([self.server.endpoint]))
        self.assertLess(gw.admin("/drain", "-X", "POST").status, 300)
        self.assertEqual(gw.wait(5), 0)

    def test_a_token_guards_what_changes_state(self):
        token = harness.Settings.work() / "token"
        token.write_text("s3cret\n")
        token.chmod(0o600)
        gw = self.gateway(config([self.server.endpoint]), admin=f"token_file: {token}")
        for header in ((), ("-H", "Authorization: Bearer wrong"), ("-H", "Authorization: s3cret"),
                       ("-H", "Authorization: Bearer s3cre"),
                       ("-H", "Authorization: Bearer s3crett")):
            for path in ("/reload", "/drain"):
                answer = gw.admin(path, "-X", "POST", *header)
                self.assertEqual(answer.status, 401, answer)
                self.assertIn("Bearer", answer.header("www-authenticate"))
        for path in ("/livez", "/readyz", "/metrics", "/routes"):
            self.assertEqual(gw.admin(path).status, 200)
        self.assertEqual(gw.admin("/reload", "-X", "POST", "-H", "Authorization: Bearer s3cret")
                         .status, 200)
        self.assertNotIn("s3cret", gw.stderr())


class Silent(Test):
    def test_the_access_log_can_be_off(self):
        server = self.users()
        gw = self.gateway(config([server.endpoint], extra="log: { level: error, access: false }"))
        gw.curl("/v1/users/7")
        gw.stop()
        self.assertEqual(gw.log(), [])


if __name__ == "__main__":
    harness.main()
