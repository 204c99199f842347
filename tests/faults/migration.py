"""What clients notice of a migration: a canary whose gRPC side breaks, and shadows that misbehave."""
import socket
import threading
import time

from harness import Gateway, metric_sum, wait_for
from migration_case import Twin, migration_config
from stage import Load, failures, p99

GUARDED = """stage: canary
canary: 50%
fallback: true
retry: { attempts: 1 }
shadow: { sample: 1% }
guard: { window: 2s, requests: 50, errors: 2%, back_to: legacy }
"""


def between(twin, options, grpc=None):
    return Gateway(migration_config(twin.legacy, grpc or twin.grpc, options), ready=False)


def guard(stage):
    """The gRPC side of a canary begins to fail at 1,000 requests a second."""
    twin = Twin()
    gateway = between(twin, GUARDED)
    try:
        wait_for(lambda: gateway.curl("/v1/users/1").status == 200, 5, "it serves")
        load = Load(gateway.port, 1000, 24, prefix="u").start()
        time.sleep(3)
        broken = time.time()
        twin.set(grpc={"fail": 14})
        wait_for(lambda: gateway.admin("/routes/get-user").json()["stage"] == "legacy", 5,
                 "the route stands at legacy again")
        time.sleep(0.5)
        outcomes = load.stop()
        route = gateway.admin("/routes/get-user").json()
        move = next(m for m in route["journal"] if m["who"] == "guard")
        at = time.mktime(time.strptime(move["at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        took = at + float(move["at"][19:-1]) - broken
        failed = failures(outcomes)
        rate = len(outcomes) / (outcomes[-1].sent - outcomes[0].sent)
        stage.in_time(took <= 1, f"guard: back at legacy {took * 1e3:.0f} ms after the first failure, at "
                                 f"{rate:.0f} requests/s (1000): {move['why']}")
        stage.none_failed(failed, f"guard: {sum(failed.values())} of {len(outcomes)} clients' requests "
                                  f"failed (0), {route['fallbacks']} were answered by legacy instead")
    finally:
        gateway.kill()
        twin.kill()


def bad_upstream(kind):
    """A listener that a shadow is sent to: its endpoint, and what ends it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    open_ones = []

    def one(connection):
        try:
            while connection.recv(65536):
                if kind == "resets":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    connection.close()
                    return
                if kind == "floods":  # SETTINGS, then PING without end
                    connection.sendall(b"\0\0\0\4\0\0\0\0\0")
                    for _ in range(500):
                        connection.sendall(b"\0\0\x08\6\0\0\0\0\0" + b"x" * 8)
                if kind == "garbage":
                    connection.sendall(bytes(range(256)) * 64)
        except OSError:
            pass

    def run():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    return f"grpc://127.0.0.1:{listener.getsockname()[1]}", listener


def shadows(stage):
    """The shadow's upstream hangs, resets, floods, answers garbage; clients are served by legacy.
    Latency beside that of stage legacy, in turns; the exact figure is `make bench`'s to give."""
    twin = Twin()
    quiet = between(twin, "stage: legacy")
    try:
        for kind in ("hangs", "resets", "floods", "garbage"):
            endpoint, listener = bad_upstream(kind)
            gateway = between(twin, "stage: shadow\nshadow: { timeout: 500ms }", endpoint)
            took, outcomes = {"legacy": [], "shadow": []}, []
            for _ in range(4 if stage.long else 2):
                for name, gw in (("legacy", quiet), ("shadow", gateway)):
                    load = Load(gw.port, 300, 8, prefix="u").start()
                    time.sleep(1)
                    seen = load.stop()
                    took[name] += [o.took for o in seen]
                    outcomes += seen
            failed = failures(outcomes)
            metrics = gateway.metrics()
            compared = metric_sum(metrics, "sluice_parity_total", route="get-user", result="equal")
            stage.check(not failed and compared == 0,
                        f"a shadow that {kind}: {sum(failed.values())} of {len(outcomes)} requests "
                        f"failed (0); p99 {p99(took['shadow']) * 1e3:.1f} ms beside "
                        f"{p99(took['legacy']) * 1e3:.1f} at stage legacy")
            gateway.kill()
            listener.close()
    finally:
        quiet.kill()
        twin.kill()


CASES = (guard, shadows)
