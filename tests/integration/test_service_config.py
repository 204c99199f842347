"""gRPC's service config: what gRPC's clients are given holds for the gateway's calls too."""
import json
import threading
import time

import harness
from harness import ROUTES, Test, config, free_port, wait_for

JSON = ("-H", "Content-Type: application/json")
SERVICE = "userservice.UserService"


def policy(method=None, **settings):
    name = {"service": SERVICE}
    if method:
        name["method"] = method
    return {"name": [name], **settings}


def retries(attempts, backoff="0.01s", codes=("UNAVAILABLE",)):
    return {"maxAttempts": attempts, "initialBackoff": backoff, "maxBackoff": "1s",
            "backoffMultiplier": 1, "retryableStatusCodes": list(codes)}


class ServiceConfig(Test):
    def serve(self, endpoints, service_config, ready=True, upstream="", routes=ROUTES):
        path = harness.Settings.work() / f"service-{free_port()}.json"
        path.write_text(json.dumps(service_config))
        self.addCleanup(path.unlink)
        lines = f"service_config: {path}\n{upstream}"
        return self.gateway(config(endpoints, upstream=lines, routes=routes), ready=ready)

    def test_calls_are_tried_as_often_as_the_policy_of_their_method_says(self):
        server = self.users()
        gw = self.serve([server.endpoint], {
            "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1},
            "methodConfig": [
                policy(retryPolicy=retries(2)),
                policy("GetUser", retryPolicy=retries(5, codes=["UNAVAILABLE", 9, 10]))]})
        self.assertEqual(gw.curl("/v1/users/flaky-4").status, 200)
        self.assertEqual(server.state()["count"], 5)
        server.clear()
        self.check_error(gw.curl("/v1/users/flaky-5"), 503, 14)
        self.assertEqual(server.state()["count"], 5)
        server.clear()
        self.check_error(gw.curl("/v1/users/status-10"), 409, 10)  # ABORTED: worth another try
        self.assertEqual(server.state()["count"], 5)
        server.clear()
        self.check_error(gw.curl("/v1/users/status-5"), 404, 5)
        self.assertEqual(server.state()["count"], 1)
        server.clear()  # of its service's policy: two
        self.assertEqual(gw.curl("/v1/users/flaky-1", "-X", "DELETE").status, 200)
        self.assertEqual(server.state()["count"], 2)

    def test_many_failures_stop_retries(self):
        server = self.users()
        gw = self.serve([server.endpoint], {
            "retryThrottling": {"maxTokens": 4, "tokenRatio": 0.1},
            "methodConfig": [policy(retryPolicy=retries(5))]})
        for _ in range(10):
            self.check_error(gw.curl("/v1/users/status-14"), 503, 14)
        self.assertEqual(server.state()["count"], 11)  # two failures leave half of the tokens

    def test_an_attempt_that_takes_too_long_is_tried_again_whoever_sees_it_first(self):
        """The service knows an attempt's time by grpc-timeout and ends it at the same moment."""
        server = self.users()
        gw = self.serve([server.endpoint], {
            "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1}}, upstream=(
                "retry: { attempts: 2, timeout: 60ms, backoff: 1ms }"))
        for number in range(1, 21):
            self.check_error(gw.curl("/v1/users/sleep-300"), 504, 4)
            self.assertEqual(server.state()["count"], 2 * number)

    def test_what_may_have_had_an_effect_is_not_repeated(self):
        server = self.users()
        gw = self.serve([server.endpoint], {"methodConfig": [policy(retryPolicy=retries(5))]})
        answer = gw.curl("/v1/users", *JSON, "-d", '{"name":"flaky-1"}')
        self.check_error(answer, 503, 14)
        self.assertEqual(server.state()["count"], 1)

    def test_the_timeout_shortens_the_routes(self):
        server = self.users()
        gw = self.serve([server.endpoint], {"methodConfig": [policy(timeout="0.3s")]})
        begun = time.monotonic()
        self.check_error(gw.curl("/v1/users/hang"), 504, 4)
        self.check_took(begun, 5)
        self.assertLessEqual(server.last()["timeout"], 0.3)

    def test_a_call_waits_until_the_service_is_there(self):
        port, answers = free_port(), []
        gw = self.serve([f"grpc://127.0.0.1:{port}"], {"methodConfig": [
            policy("GetUser", waitForReady=True)]}, ready=False)
        self.check_error(gw.curl("/v1/users/7", "-X", "DELETE"), 503, 14)  # others fail at once
        client = threading.Thread(target=lambda: answers.append(gw.curl("/v1/users/7")))
        client.start()
        time.sleep(1.5)  # longer than circuit.waiting_time
        self.assertEqual(answers, [])
        self.users("--address", f"127.0.0.1:{port}")
        client.join(15)
        self.assertEqual([a.status for a in answers], [200])

    def test_waiting_ends_with_the_deadline(self):
        gw = self.serve([f"grpc://127.0.0.1:{free_port()}"], {"methodConfig": [
            policy(waitForReady=True, timeout="1.2s")]}, ready=False)
        begun = time.monotonic()
        self.check_error(gw.curl("/v1/users/7"), 504, 4)
        self.assertGreaterEqual(time.monotonic() - begun, 1.2)
        wait_for(lambda: gw.metrics()["sluice_upstream_waiting"][0][1] == 0, 5, "nobody waits")

    def test_limits_of_messages(self):
        server = self.users()
        gw = self.serve([server.endpoint], {"methodConfig": [
            policy(maxRequestMessageBytes=100, maxResponseMessageBytes="200")]})
        self.assertEqual(gw.curl("/v1/users/7").status, 200)
        answer = gw.curl("/v1/users/big-300")
        self.check_error(answer, 502, 13)
        self.assertIn("limit of 200", answer.json()["message"])
        answer = gw.curl("/v1/users", *JSON, "-d", json.dumps({"name": "x" * 150}))
        self.check_error(answer, 413, 8)
        self.assertIn("limit of 100", answer.json()["message"])

    def test_the_configuration_wins(self):
        server = self.users()
        routes = ROUTES.replace("  - match: POST", "    retry: { attempts: 3 }\n  - match: POST", 1)
        gw = self.serve([server.endpoint], {"methodConfig": [policy(retryPolicy=retries(5))]},
                        upstream="retry: { attempts: 1 }", routes=routes)
        self.check_error(gw.curl("/v1/users/flaky-9"), 503, 14)
        self.assertEqual(server.state()["count"], 3)
        server.clear()
        self.check_error(gw.curl("/v1/users/flaky-9", "-X", "DELETE"), 503, 14)
        self.assertEqual(server.state()["count"], 1)

    def test_pick_first_stays(self):
        servers = [self.users(), self.users()]
        gw = self.serve([s.endpoint for s in servers], {
            "loadBalancingConfig": [{"xds_experimental": {}}, {"pick_first": {}}]})
        for i in range(20):
            self.assertEqual(gw.curl(f"/v1/users/{i}").status, 200)
        self.assertIn(0, [s.state()["count"] for s in servers])


if __name__ == "__main__":
    harness.main()
