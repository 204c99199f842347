#!/usr/bin/python3 -B
"""What a conversion costs: Sluice's codec beside protobuf C++ and jansson, on one core, in one run.

Each round runs every contender once, one after the other; ratios are taken within a round and
their median is shown.  docs/benchmarks.md explains the figures.

  codec_bench.py [--quick] [--enforce] [--build DIR] [--rounds N] [--milliseconds N] [--json FILE]
                 [--messages small,medium,large,text,numbers]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import codec_inputs

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
DIRECTIONS = {"json_to_wire": "JSON to wire", "wire_to_json": "wire to JSON"}
# contender: what it is in either direction
CONTENDERS = {
    "sluice": ("Sluice", "Sluice"),
    "stream": ("protobuf C++ JsonToBinaryStream", "protobuf C++ BinaryToJsonStream"),
    "dynamic": ("protobuf C++ DynamicMessage", "protobuf C++ DynamicMessage"),
    "jansson": ("jansson, only parsing", "jansson, only printing"),
}
# direction, contender, the goal for the medium message, the goal for the others
GOALS = (("json_to_wire", "stream", 50, 15), ("wire_to_json", "stream", 25, 15),
         ("json_to_wire", "jansson", 20, 15))


class BenchError(Exception):
    """Something without which there are no figures."""


def title(direction, contender):
    return CONTENDERS[contender][list(DIRECTIONS).index(direction)]


# ---- measuring ----------------------------------------------------------------------------------

def write_inputs(work, wanted):
    """{name: (message type, file, bytes of JSON)}"""
    inputs = {}
    for name, message, text in codec_inputs.make():
        if name not in wanted:
            continue
        path = os.path.join(work, f"{name}.json")
        with open(path, "wb") as f:
            f.write(text)
        inputs[name] = (message, path, len(text))
    return inputs


def measure(options, core, inputs, work):
    """({name: bytes of the wire}, {(name, direction, contender): [ns of each round]})"""
    pin = ["taskset", "-c", str(core)] if shutil.which("taskset") else []
    build = os.path.join(options.build, "bench")
    log = os.path.join(work, "figures")
    with open(log, "w") as f:
        done = subprocess.run([*pin, os.path.join(build, "codec_bench"),
                               os.path.join(build, "codec_bench.pb"), str(options.rounds),
                               str(options.milliseconds),
                               *[f"{message}={path}" for message, path, _ in inputs.values()]],
                              stdout=f, check=False)
    if done.returncode != 0:
        raise BenchError("the contenders do not agree, or did not run")
    names = {path: name for name, (_, path, _) in inputs.items()}
    wire_bytes, times = {}, {}
    with open(log) as f:
        for line in f:
            what, path, *rest = line.split()
            if what == "wire":
                wire_bytes[names[path]] = int(rest[0])
            else:
                direction, contender, _round, ns = rest
                times.setdefault((names[path], direction, contender), []).append(float(ns))
    return wire_bytes, times


# ---- the report ---------------------------------------------------------------------------------

def median_ratio(times, name, direction, contender):
    """How many times as long as Sluice; None when the message was not measured."""
    ours = times.get((name, direction, "sluice"))
    theirs = times.get((name, direction, contender))
    if ours is None or theirs is None:
        return None
    return statistics.median(b / a for a, b in zip(ours, theirs))


def print_figures(inputs, wire_bytes, times):
    print(f"\n{'message':<9}{'JSON bytes':>11}{'wire bytes':>11}  {'contender':<33}{'ns':>12}"
          f"{'MB/s':>8}{'this/Sluice':>13}")
    for direction, words in DIRECTIONS.items():
        print(words)
        for name, (_, _, json_bytes) in inputs.items():
            sizes = f"{name:<9}{json_bytes:>11}{wire_bytes[name]:>11}"
            for contender in CONTENDERS:
                ns = statistics.median(times[(name, direction, contender)])
                ratio = median_ratio(times, name, direction, contender)
                print(f"{sizes:<31}  {title(direction, contender):<33}{ns:>12.0f}"
                      f"{json_bytes * 1e3 / ns:>8.0f}{ratio:>13.1f}")
                sizes = ""


def print_goals(times):
    """False when a goal was missed."""
    reached_all = True
    print(f"\n{'goal: times as fast as':<40}{'message':<9}{'measured':>9}{'goal':>6}")
    for direction, contender, medium, other in GOALS:
        for name in codec_inputs.NAMES:
            goal = medium if name == "medium" else other
            ratio = median_ratio(times, name, direction, contender)
            reached = ratio is not None and ratio >= goal
            reached_all = reached_all and reached
            word = "not run" if ratio is None else "reached" if reached else "missed"
            shown = "-" if ratio is None else f"{ratio:.1f}"
            print(f"{title(direction, contender):<40}{name:<9}{shown:>9}{goal:>6}  {word}")
    return reached_all


# ---- the run ------------------------------------------------------------------------------------

def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", default="build", help="where bench/codec_bench is")
    parser.add_argument("--quick", action="store_true", help="5 rounds of 5 ms")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--milliseconds", type=int, help="of one contender in a round")
    parser.add_argument("--enforce", action="store_true", help="exit 1 when a goal is missed")
    parser.add_argument("--json", help="writes all figures to this file")
    parser.add_argument("--messages", default=",".join(codec_inputs.NAMES))
    options = parser.parse_args()
    options.rounds = options.rounds or (5 if options.quick else 21)
    options.milliseconds = options.milliseconds or (5 if options.quick else 20)
    options.build = os.path.join(TOP, options.build)
    return options


def save_figures(path, inputs, wire_bytes, times):
    rows = [{"message": name, "direction": direction, "contender": contender,
             "json_bytes": inputs[name][2], "wire_bytes": wire_bytes[name], "ns": rounds}
            for (name, direction, contender), rounds in times.items()]
    with open(path, "w") as f:
        json.dump(rows, f, indent=1)


def main():
    options = parse_arguments()
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as work:
        try:
            inputs = write_inputs(work, options.messages.split(","))
            print(f"core {core}; {options.rounds} rounds of {options.milliseconds} ms for each "
                  f"contender; load average before: {os.getloadavg()[0]:.1f}", flush=True)
            wire_bytes, times = measure(options, core, inputs, work)
        except (BenchError, OSError) as e:
            print(f"codec_bench: {e}", file=sys.stderr)
            return 2
    print_figures(inputs, wire_bytes, times)
    reached = print_goals(times)
    if options.json:
        save_figures(options.json, inputs, wire_bytes, times)
    return 1 if options.enforce and not reached else 0


if __name__ == "__main__":
    sys.exit(main())
