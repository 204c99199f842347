"""Backends that die, end and come back."""
import collections
import random
import time

from stage import Backend, Cutter, failures, p99


def kill_one(stage):
    """C1; calls take 20 ms, so that there are always some on their way to each backend."""
    stage.stage()
    load = stage.load(1000, 48, posts=0.3, prefix="hold-20")
    time.sleep(2)
    killed = time.monotonic()
    stage.backends[0].kill()
    time.sleep(4)
    outcomes = load.stop()
    gets, posts = ([o for o in outcomes if o.method == m] for m in ("GET", "POST"))
    failed, lost = failures(gets), [o for o in posts if o.status != 200]
    late = [o for o in lost if o.sent > killed + 0.1]
    quiet = p99([o.took for o in outcomes if o.sent < killed - 0.2])
    after = p99([o.took for o in outcomes if o.sent > killed + 1])
    stage.none_failed(failed, f"kill one of three: {sum(failed.values())} of {len(gets)} idempotent "
                              f"requests failed (0) {failed or ''}")
    stage.check(len(lost) <= 48 and not late,
                f"kill one of three: {len(lost)} of {len(posts)} POSTs failed (48, the clients), "
                f"{len(late)} of them sent later (0)")
    stage.in_time(after < max(5 * quiet, 0.1),
                  f"kill one of three: p99 {quiet * 1e3:.1f} ms before, {after * 1e3:.1f} ms from 1 s "
                  "after it on")
    stage.strike()


def kill_all(stage):
    """C2"""
    stage.stage()
    load = stage.load(200, 8)
    time.sleep(1)
    for backend in stage.backends:
        backend.kill()
    dead = time.monotonic()
    time.sleep(6 if stage.long else 3)
    back = stage.backends[0]
    back.start()
    back_at = time.monotonic()
    time.sleep(3)
    outcomes = load.stop()
    refused = [o for o in outcomes if dead + 0.1 < o.sent < back_at - 0.6]
    statuses = {o.status for o in refused}
    slowest = max(o.took for o in refused)
    good = [o.sent + o.took for o in outcomes if o.sent > back_at - 0.6 and o.status == 200]
    first = min(good) - back_at if good else float("inf")
    stage.check(statuses == {503}, f"kill all of three: statuses {statuses} (503)")
    stage.in_time(slowest < 0.05 or p99([o.took for o in refused]) < 0.05,
                  f"kill all: 503 within {p99([o.took for o in refused]) * 1e3:.1f} ms at the 99th "
                  f"percentile, {slowest * 1e3:.1f} at most (50)")
    stage.in_time(first <= 1.2, f"kill all: served again {first:.2f} s after the restart (1.2)")
    stage.strike()


def rolling_restart(stage):
    """C10"""
    stage.stage(language="node")
    rounds, rate, wanted = (10, 1000, 20_000) if stage.long else (3, 500, 1_000)
    load = stage.load(rate, 16, posts=0.5)
    time.sleep(0.5)
    done = 0
    while done < rounds or load.number < wanted:
        backend = stage.backends[done % 3]
        backend.end()
        backend.start()
        time.sleep(1)
        done += 1
    outcomes = load.stop()
    failed = failures(outcomes)
    stage.none_failed(failed, f"rolling restart x {done}: {sum(failed.values())} of {len(outcomes)} "
                              f"failed, POST included (0) {failed or ''}")
    stage.explain(outcomes)
    stage.strike()


def connection_age(stage):
    """Connections that their service ends by age, as gRPC servers are often told to."""
    stage.stage(options=["--age-ms", "400"])
    load = stage.load(500, 8, posts=0.5)
    time.sleep(20 if stage.long else 6)
    outcomes = load.stop()
    failed = failures(outcomes)
    connects = stage.metric("connects_total")
    stage.check(connects >= 12, f"connection age: {connects:.0f} connections were made")
    stage.none_failed(failed, f"connection age: {sum(failed.values())} of {len(outcomes)} failed, "
                              f"POST included (0) {failed or ''}")
    stage.explain(outcomes)
    stage.strike()


def once_each(stage):
    """C12: kill, GOAWAY and RST in turn, at random places and times; the RST come from relays before
    the backends."""
    stage.new_ledger()
    backends = [Backend(stage.ledger) for _ in range(3)]
    cutters = [Cutter(b.address) for b in backends]
    stage.set(backends, [c.address for c in cutters], connected=3)
    wanted = 100_000 if stage.long else 5_000
    load = stage.load(1500 if stage.long else 800, 16, posts=1.0)
    chance = random.Random(7)
    faults = collections.Counter()
    while load.number < wanted:
        number = chance.randrange(3)
        fault = ("kill", "GOAWAY", "RST")[sum(faults.values()) % 3]
        faults[fault] += 1
        if fault == "RST":
            cutters[number].tell("reset")
        else:
            backends[number].kill() if fault == "kill" else backends[number].end()
            time.sleep(chance.uniform(0.05, 0.3))
            backends[number].start()
        time.sleep(chance.uniform(0.1, 0.5))
    outcomes = load.stop()
    counts = stage.executions()
    twice = [name for name, count in counts.items() if count > 1]
    answers = collections.Counter(o.name for o in outcomes)
    unanswered = [o for o in outcomes if o.status <= 0]
    phantom = [o for o in outcomes if o.status == 200 and counts[o.name] != 1]
    stage.check(not twice, f"{len(outcomes)} POSTs under {sum(faults.values())} faults: "
                           f"{len(twice)} executed twice (0)")
    stage.check(max(answers.values()) == 1 and not unanswered,
                f"POSTs under faults: {len(unanswered)} without an answer (0)")
    stage.check(not phantom, f"POSTs under faults: {len(phantom)} answered 200 but not executed "
                             "once (0)")
    stage.note(f"(faults: {dict(faults)}; statuses besides 200: {failures(outcomes)})")
    for cutter in cutters:
        cutter.kill()
    stage.strike()


CASES = (kill_one, kill_all, rolling_restart, connection_age, once_each)
