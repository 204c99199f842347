#!/usr/bin/python3
"""The dashboard in Debian's Chromium, driven by playwright-core: against answers that the tests choose
(mocked.js) and against a gateway between a legacy service and a gRPC service (real.js).

    tests/browser/browser.py [--build DIR] [--only mocked|real] [--shots] [WORD...]

WORD: only tests whose names hold it.  --shots: makes the pictures in docs/, tests nothing.
"""
import argparse
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "integration"), str(HERE.parent)]
import npm  # noqa: E402
from harness import ROOT, Gateway, Settings, config  # noqa: E402
from migration_case import Twin, migration_config  # noqa: E402

SUITES = ("mocked", "real")
TOKEN = "a-token-of-the-tests"
OPTIONS = """
stage: shadow
guard: { window: 30s, requests: 50, errors: 1% }
ramp: { steps: [12.5%, 50%, 100%], hold: 10m }
"""


def node_modules():
    """npm's package, installed once into the build directory."""
    folder, lock = Settings.build / "browser", (HERE / "package-lock.json").read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        mark, packages = folder / "done", folder / "npm"
        if not mark.exists() or mark.read_bytes() != lock:
            shutil.rmtree(packages, ignore_errors=True)
            packages.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, packages / name)
            npm.install(packages)
            mark.write_bytes(lock)
    return packages / "node_modules"


def environment(folder):
    """Chromium wants a home that it may write to; it leaves nothing in the user's."""
    return {**os.environ, "SLUICE_NODE_MODULES": str(node_modules()), "HOME": folder,
            "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}


def run_script(name, arguments, variables):
    """(passed, failed) of a script's last line; what it says is shown."""
    with tempfile.TemporaryDirectory(dir=Settings.work()) as folder:
        process = subprocess.Popen(["node", str(HERE / name), *arguments], stdout=subprocess.PIPE,
                                   text=True, env={**environment(folder), **variables})
        output = ""
        for line in process.stdout:
            print(line, end="", flush=True)
            output += line
        code = process.wait()
    found = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.M)
    passed, failed = map(int, found[-1]) if found else (0, 1)
    return passed, failed or int(code != 0)


def with_page(script, arguments):
    """The page comes from the program, with its headers; the figures from the script."""
    gateway = Gateway(config(["grpc://127.0.0.1:1"]), ready=False)
    try:
        return run_script(script, arguments,
                          {"SLUICE_PAGE": f"http://127.0.0.1:{gateway.admin_port}/"})
    finally:
        gateway.kill()


def mocked(words):
    return with_page("mocked.js", words)


def real(words):
    """Two gateways before the same services: with a token and without."""
    with tempfile.TemporaryDirectory(dir=Settings.work()) as folder, ExitStack() as stack:
        token = Path(folder) / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        twin = Twin()
        stack.callback(twin.kill)
        twin.set(legacy={"int64": "number", "names": "proto", "override": {"email": "a@b.example"}})
        text = migration_config(twin.legacy, twin.grpc, OPTIONS)
        gateways = []
        for admin in (f"token_file: {token}", ""):
            gateways.append(Gateway(text, admin=admin))
            stack.callback(gateways[-1].kill)
        facts = {"admin": f"http://127.0.0.1:{gateways[0].admin_port}/", "token": TOKEN,
                 "open": f"http://127.0.0.1:{gateways[1].admin_port}/", "port": gateways[0].port}
        return run_script("real.js", words, {"SLUICE_REAL": json.dumps(facts)})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=Settings.build)
    parser.add_argument("--only", choices=SUITES)
    parser.add_argument("--shots", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    Settings.build = options.build.resolve()
    if options.shots:
        with_page("shot.js", [str(ROOT / "docs" / name)
                              for name in ("dashboard.png", "dashboard-route.png")])
        return
    passed = failed = 0
    for name in SUITES:
        if options.only in (None, name):
            more = globals()[name](options.words)
            passed, failed = passed + more[0], failed + more[1]
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
