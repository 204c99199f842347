#!/usr/bin/python3
"""Checks what a script can see of the project's style; the rules are in rules.py.

    tests/lint/lint.py [FILE...]

Without files: all that git knows or would add.  Prints `FILE:LINE: message` for each finding, and
at the end `N passed, N failed`, where each rule counts once for each file it looks at.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from c_source import Source  # noqa: E402
from rules import RULES, is_c  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CLANG_FORMAT = "clang-format-14"
# What is not ours to shape: bytes that tests feed in, and what they expect back.
SKIPPED = re.compile(r"tests/fuzz/corpus/|tests/golden/|descriptors/.*\.pb$|LICENSE$|build/")
# (rule, file): why it may break the rule.  One that excuses nothing is itself a finding.
EXCEPTIONS = {}


def listed_files():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                         cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    names = sorted(set(out.decode().split("\0")) - {""})
    return [n for n in names if not SKIPPED.match(n) and (ROOT / n).is_file()]


def check_file(path, text, rules=RULES):
    """[(rule, [(line, message)])] for the rules that look at this file."""
    source = Source(path, text)
    return [(name, list(rule(source))) for name, wanted, rule in rules if wanted(path)]


def check_format(paths):
    """{path: [(line, message)]}; clang-format says the first lines that it would change."""
    findings = {path: [] for path in paths}
    for begin in range(0, len(paths), 64):
        out = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", "--ferror-limit=3",
                              *paths[begin:begin + 64]], cwd=ROOT, text=True, errors="replace",
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr
        for path, line in re.findall(r"^(\S+?):(\d+):\d+: error: ", out, re.M):
            findings[path].append((int(line), f"{CLANG_FORMAT} would change this"))
    return findings


def excused(rule, path, findings, used):
    if findings and (rule, path) in EXCEPTIONS:
        used.add((rule, path))
        return []
    return findings


def main(arguments):
    everything = not arguments
    paths = listed_files() if everything else [
        os.path.relpath(Path(a).resolve(), ROOT) for a in arguments]
    results, used = [], set()
    for path in paths:
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not a text
        results += [(path, excused(rule, path, found, used))
                    for rule, found in check_file(path, text)]
    try:
        results += check_format([p for p in paths if is_c(p)]).items()
    except FileNotFoundError:
        results.append((CLANG_FORMAT, [(0, "not installed")]))
    if everything:
        results += [("tests/lint/lint.py", [(1, f"the exception ({rule}, {path}) excuses nothing")])
                    for rule, path in EXCEPTIONS if (rule, path) not in used]

    for path, line, message in sorted({(p, l, m) for p, found in results for l, m in found}):
        print(f"{path}:{line}: {message}")
    failed = sum(1 for _path, found in results if found)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
