#!/usr/bin/python3 -B
"""What a request costs: Sluice beside nghttpx and nginx, on one core, in the same run.

The gateways are pinned to core 0; load generator and backend share core 1.  Each round starts all
gateways anew and loads every one, one after the other, so that whatever else the machine does meets
all of them alike; ratios are taken within a round and their median is shown.  docs/benchmarks.md
explains the figures.

  bench.py [--quick] [--enforce] [--build DIR] [--rounds N] [--seconds N] [--json FILE]
           [--gateways sluice,nghttpx,nginx]
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from gateways import HERE, MIGRATING, TOP, BenchError, Gateway, find_program, start_backend

CASES = {"GET unary": ("GET", "/v1/users/7", 0), "POST 300 B": ("POST", "/v1/users", 300),
         "GET legacy": ("GET", "/old/users/7", 0)}  # no route: passed on to the HTTP/1.1 backend
CLIENTS = (64, 128)
SYSCALL_CLIENTS = 64
SYSCALL_SECONDS = 1
IDLE_CONNECTIONS = 1000

# case, peer, the goal, the budget of the design
RATIO_GOALS = (("GET unary", "nghttpx", 0.85, 0.75), ("GET unary", "nginx", 0.65, 0.60),
               ("POST 300 B", "nghttpx", 0.90, 0.80), ("GET legacy", "nginx", 1.10, 1.10))
SYSCALL_GOAL = 2.5
SYSCALL_GOALS = {"GET legacy": 5.0}  # nothing is shared there: two reads, two writes, and waiting
IDLE_KB_GOAL = 6.0


def load(gateway, case, clients, seconds, core):
    """One run of wrk: its own figures and the CPU time that the gateway took meanwhile."""
    method, path, body_bytes = CASES[case]
    pin = ["taskset", "-c", str(core)] if core is not None else []
    cpu_before = gateway.cpu_ns()
    done = subprocess.run(
        [*pin, find_program("wrk"), "-t1", f"-c{clients}", f"-d{seconds}s", "-s",
         os.path.join(HERE, "request.lua"), f"http://127.0.0.1:{gateway.port}{path}", "--",
         method, str(body_bytes)],
        capture_output=True, text=True, timeout=seconds + 30)
    cpu_ns = gateway.cpu_ns() - cpu_before
    line = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if line is None:
        raise BenchError(f"wrk failed: {done.stdout}{done.stderr}")
    figures = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line.group(1))}
    if figures["requests"] == 0:
        raise BenchError(f"{gateway.name} answered nothing: {gateway.log_tail()}")
    return {
        "requests": figures["requests"],
        "failed": figures["failed"],
        "per_second": figures["requests"] / (figures["microseconds"] / 1e6),
        "cpu_us": cpu_ns / 1e3 / figures["requests"],
        "p50_ms": figures["p50"] / 1e3,
        "p99_ms": figures["p99"] / 1e3,
    }


def measure_rounds(gateways, rounds, seconds, core):
    """{(case, clients, gateway): [figures of each round]}"""
    results = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for gateway in gateways:
            if number > 0:
                gateway.restart()
            load(gateway, "GET unary", max(CLIENTS), 1, core)  # warms up, is not counted
        order = gateways if number % 2 == 0 else gateways[::-1]
        for case in CASES:
            for clients in CLIENTS:
                for gateway in order:
                    figures = load(gateway, case, clients, seconds, core)
                    results.setdefault((case, clients, gateway.name), []).append(figures)
    return results


# ---- system calls -------------------------------------------------------------------------------

def perf_counts_syscalls():
    if shutil.which("perf") is None:
        return False
    tried = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"],
                           capture_output=True, text=True)
    return tried.returncode == 0 and re.match(r"\d+,", tried.stderr) is not None


def perf_command(pids, output):
    return ["perf", "stat", "-x,", "-o", output, "-e", "raw_syscalls:sys_enter", "-p",
            ",".join(str(pid) for pid in pids)]


def strace_command(pids, output):
    return [find_program("strace"), "-c", "-f", "-o", output,
            *[word for pid in pids for word in ("-p", str(pid))]]


def syscall_count(method, output):
    with open(output) as f:
        text = f.read()
    pattern = r"^(\d+),.*sys_enter" if method == "perf" else r"^\s*100\.00\s+\S+\s+\S+\s+(\d+)"
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise BenchError(f"{method} counted nothing: {text.strip()}")
    return int(found.group(1))


def measure_syscalls(gateway, case, method, core, work):
    """System calls for each request, counted from before the load to after it."""
    output = os.path.join(work, f"{method}.txt")
    command = (perf_command if method == "perf" else strace_command)(gateway.pids(), output)
    counter = subprocess.Popen(["setpriv", "--pdeathsig", "INT", *command],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        if counter.poll() is not None:
            raise BenchError(f"{method} could not attach to {gateway.name}")
        figures = load(gateway, case, SYSCALL_CLIENTS, SYSCALL_SECONDS, core)
    finally:
        if counter.poll() is None:
            counter.send_signal(signal.SIGINT)
        counter.wait(10)
    return syscall_count(method, output) / figures["requests"]


# ---- the report ---------------------------------------------------------------------------------

def median_of(runs, key):
    return statistics.median(run[key] for run in runs)


def median_ratio(results, case, clients, peer):
    """Sluice's CPU for each request over the peer's; None when one of them did not run."""
    ours = results.get((case, clients, "sluice"))
    theirs = results.get((case, clients, peer))
    if ours is None or theirs is None:
        return None
    return statistics.median(a["cpu_us"] / b["cpu_us"] for a, b in zip(ours, theirs))


def print_figures(results, names):
    print(f"\n{'case':<12}{'clients':>8}  {'gateway':<9}{'CPU µs/request':>15}{'requests/s':>12}"
          f"{'p50 ms':>8}{'p99 ms':>8}{'failed':>8}  {'sluice/this':>11}")
    for case in CASES:
        for clients in CLIENTS:
            for name in names:
                runs = results[(case, clients, name)]
                ratio = median_ratio(results, case, clients, name) if name != "sluice" else None
                print(f"{case:<12}{clients:>8}  {name:<9}{median_of(runs, 'cpu_us'):>15.2f}"
                      f"{median_of(runs, 'per_second'):>12.0f}{median_of(runs, 'p50_ms'):>8.2f}"
                      f"{median_of(runs, 'p99_ms'):>8.2f}{sum(r['failed'] for r in runs):>8}"
                      f"  {f'{ratio:.2f}' if ratio is not None else '':>11}")


def print_others(names, syscalls, method, idle_kb):
    print(f"\n{'':<12}{'':>8}  {'gateway':<9}{'syscalls/request':>17}{'KB/idle connection':>20}")
    for name in names:
        for case in CASES:
            kb = f"{idle_kb[name]:.1f}" if case == next(iter(CASES)) else ""
            calls = syscalls[(case, name)]
            print(f"{case:<12}{SYSCALL_CLIENTS:>8}  {name:<9}{calls:>17.2f}{kb:>20}")
    how = {"perf": "perf stat -e raw_syscalls:sys_enter",
           "strace": "strace -c -f, which slows the gateway"}
    print(f"System calls: {how[method]}, {SYSCALL_SECONDS} s of load for each row.")


def goals_of(results, syscalls, idle_kb):
    """(what, measured, goal, the design's budget)"""
    rows = []
    for case, peer, goal, budget in RATIO_GOALS:
        for clients in CLIENTS:
            ratio = median_ratio(results, case, clients, peer)
            rows.append((f"{case}, CPU against {peer}, {clients} clients", ratio, goal, budget))
    for case in CASES:
        rows.append((f"{case}, system calls for each request, {SYSCALL_CLIENTS} clients",
                     syscalls.get((case, "sluice")), SYSCALL_GOALS.get(case, SYSCALL_GOAL),
                     SYSCALL_GOALS.get(case, SYSCALL_GOAL)))
    rows.append((f"KB resident for each of {IDLE_CONNECTIONS} idle connections",
                 idle_kb.get("sluice"), IDLE_KB_GOAL, IDLE_KB_GOAL))
    return rows


def print_goals(rows):
    """False when a goal was missed."""
    word = {True: "reached", False: "missed"}
    print(f"\n{'goal':<62}{'measured':>9}{'goal':>8}{'':>9}{'design':>8}{'':>9}")
    for what, measured, goal, budget in rows:
        if measured is None:
            print(f"{what:<62}{'-':>9}{goal:>8.2f}{'not run':>9}{budget:>8.2f}{'not run':>9}")
        else:
            print(f"{what:<62}{measured:>9.2f}{goal:>8.2f}{word[measured <= goal]:>9}"
                  f"{budget:>8.2f}{word[measured <= budget]:>9}")
    return all(measured is not None and measured <= goal for _, measured, goal, _ in rows)


# ---- the run ------------------------------------------------------------------------------------

def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build", help="where sluice and bench/backend are")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="of one run of the load generator")
    parser.add_argument("--enforce", action="store_true", help="exit 1 when a goal is missed")
    parser.add_argument("--json", help="writes all figures to this file")
    parser.add_argument("--gateways", default="sluice,nghttpx,nginx")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 3)
    options.build = os.path.join(TOP, options.build)
    return options


def cores():
    """(of the gateway, of load generator and backend); None: not pinned."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        print("Only one core: nothing is pinned, and requests/s mean little.", file=sys.stderr)
        return None, None
    return usable[0], usable[1]


# ---- stages of a migration ----------------------------------------------------------------------

MIGRATION_CLIENTS = 64
# stage, peer, figure, goal
MIGRATION_GOALS = (("at legacy", "nginx", "cpu_us", 1.10),
                   ("shadow hangs", "at legacy", "p99_ms", 1.05),
                   ("shadow 1 %", "at legacy", "p99_ms", 1.05))


def bench_migration(options, sluice, work, ports, core_pair, processes):
    """The client's side of a route at stages legacy and shadow; True when every goal was reached."""
    gateway_core, load_core = core_pair
    gateways = [Gateway(name, sluice, work, gateway_core, *ports) for name in (*MIGRATING, "nginx")]
    processes.extend(gateways)
    results = {}
    for gateway in gateways:
        gateway.wait_ready()
        load(gateway, "GET unary", MIGRATION_CLIENTS, 1, load_core)
    for number in range(max(options.rounds, 5)):
        for gateway in gateways if number % 2 == 0 else gateways[::-1]:
            results.setdefault(gateway.name, []).append(
                load(gateway, "GET unary", MIGRATION_CLIENTS, options.seconds, load_core))
    print(f"\n{'stage, GET':<14}{'clients':>8}{'CPU µs/request':>16}{'requests/s':>12}{'p50 ms':>8}"
          f"{'p99 ms':>8}{'failed':>8}")
    for name, runs in results.items():
        print(f"{name:<14}{MIGRATION_CLIENTS:>8}{median_of(runs, 'cpu_us'):>16.2f}"
              f"{median_of(runs, 'per_second'):>12.0f}{median_of(runs, 'p50_ms'):>8.2f}"
              f"{median_of(runs, 'p99_ms'):>8.2f}{sum(r['failed'] for r in runs):>8}")
    reached = True
    for name, peer, figure, goal in MIGRATION_GOALS:
        ratio = statistics.median(a[figure] / b[figure] for a, b in zip(results[name], results[peer]))
        reached = reached and ratio <= goal
        print(f"{name}, {'CPU' if figure == 'cpu_us' else 'p99'} against {peer}: {ratio:.2f}, goal "
              f"{goal:.2f} {'reached' if ratio <= goal else 'missed'}")
    return reached


def save_figures(path, results, syscalls, idle_kb):
    rows = [{"case": case, "clients": clients, "gateway": name, "rounds": runs}
            for (case, clients, name), runs in results.items()]
    calls = [{"case": case, "gateway": name, "syscalls": n} for (case, name), n in syscalls.items()]
    with open(path, "w") as f:
        json.dump({"runs": rows, "syscalls": calls, "idle_kb": idle_kb}, f, indent=1)


def bench(options, work, processes):
    """True when every goal was reached."""
    gateway_core, load_core = cores()
    names = options.gateways.split(",")
    sluice = os.path.join(options.build, "sluice")
    backend, grpc_port, http_port = start_backend(
        os.path.join(options.build, "bench", "backend"), load_core, work)
    processes.append(backend)
    gateways = []
    for name in names:
        gateways.append(Gateway(name, sluice, work, gateway_core, grpc_port, http_port))
        processes.append(gateways[-1])
    for gateway in gateways:
        gateway.wait_ready()
    print(f"{', '.join(names)}: core {gateway_core}; load and backend: core {load_core}; "
          f"{options.rounds} rounds of {options.seconds} s; load average before: "
          f"{os.getloadavg()[0]:.1f}")
    # Before any load, which would leave free memory behind that connections could use unseen.
    idle_kb = {g.name: g.idle_connection_kb(IDLE_CONNECTIONS) for g in gateways}
    method = "perf" if perf_counts_syscalls() else "strace"
    syscalls = {(case, g.name): measure_syscalls(g, case, method, load_core, work)
                for g in gateways for case in CASES}
    results = measure_rounds(gateways, options.rounds, options.seconds, load_core)
    print_figures(results, names)
    print_others(names, syscalls, method, idle_kb)
    reached = print_goals(goals_of(results, syscalls, idle_kb))
    reached = bench_migration(options, sluice, work, (grpc_port, http_port),
                              (gateway_core, load_core), processes) and reached
    if options.json:
        save_figures(options.json, results, syscalls, idle_kb)
    return reached


def main():
    options = parse_arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    processes = []
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as work:
        os.chmod(work, 0o755)  # nginx's worker runs as another user
        try:
            reached = bench(options, work, processes)
        except (BenchError, OSError) as e:
            print(f"bench: {e}", file=sys.stderr)
            return 2
        finally:
            for process in reversed(processes):
                process.stop()
    return 1 if options.enforce and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
