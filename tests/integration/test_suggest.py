"""`sluice suggest`: what it prints, copied into the route, removes the differences it speaks of."""
import subprocess

import harness
from harness import Settings
from migration_case import Migrating, migration_config


class Suggest(Migrating):
    OPTIONS = "stage: shadow\ncompare: { ignore: [/email] }"

    def suggest(self, gw):
        made = subprocess.run([Settings.sluice(), "suggest", "get-user", "--admin",
                               f"127.0.0.1:{gw.admin_port}"], capture_output=True, timeout=60)
        self.assertEqual(made.returncode, 0, made)
        return made.stdout.decode()

    def ask(self, gw, count):
        for number in range(count):
            self.assertEqual(gw.curl(f"/v1/users/{number + 1}").status, 200)

    def shown(self, gw):
        """Parity as status and dashboard show it."""
        parity = gw.admin("/routes/get-user").json()["parity"]
        return parity["equal"], parity["different"]

    def test_the_fragment_removes_the_differences(self):
        self.twin.set(legacy={"int64": "number", "names": "proto"})
        gw = self.between(self.OPTIONS)
        self.ask(gw, 10)
        self.assertGreater(self.settled(gw, 10)["different"], 0)
        found = self.suggest(gw)
        self.assertIn("json.int64: number\n", found)
        self.assertIn("json.names: proto\n", found)
        listed = gw.admin("/routes/get-user/suggest").json()
        self.assertEqual({item["option"] for item in listed["options"]},
                         {"json.int64: number", "json.names: proto"})
        self.assertEqual(listed["yaml"], found)
        gw.write(migration_config(self.twin.legacy, self.twin.grpc, self.OPTIONS + "\n" + found))
        answer = gw.admin("/reload", "-X", "POST")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.shown(gw), (0, 0))  # by other terms than before
        self.ask(gw, 3)
        self.settled(gw, 13)
        self.assertEqual(self.shown(gw), (3, 0))
        self.assertEqual(gw.admin("/reload", "-X", "POST").status, 200)
        self.assertEqual(self.shown(gw), (3, 0))  # by the same terms
        self.assertEqual(gw.admin("/routes/get-user/diffs", "-X", "DELETE").status, 200)
        self.assertEqual(self.shown(gw), (0, 0))
        before = self.parity(gw)
        self.ask(gw, 10)
        after = self.settled(gw, sum(before.values()) + 10)
        self.assertEqual(after["different"], before["different"])
        self.assertEqual(after["equal"], before["equal"] + 10)
        self.assertEqual(self.shown(gw), (10, 0))
        self.assertEqual(self.diffs(gw), [])
        self.assertEqual(self.suggest(gw), "# get-user: nothing to suggest\n")


if __name__ == "__main__":
    harness.main()
