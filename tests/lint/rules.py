"""The rules.  Each is a function (source) -> [(line, message)] with the files it looks at; the
layers and homes are those of docs/architecture.md."""
import re
from pathlib import PurePosixPath

LAYERS = ("base", "schema", "codec", "route", "net", "upstream", "migrate", "control", "exchange",
          "front", "admin", "demo", "command")
# Headers of the top level that a layer may include: both drive the whole program.
TOP_LEVEL_HEADERS = {"admin": {"server.h"}, "command": {"server.h"}}

HOMES = (
    (r"uv\.h|nghttp2/.*", ("net",)),
    (r"zlib\.h|openssl/.*", ("net",)),
    (r"wslay/.*", ("front",)),
    (r"microhttpd\.h", ("admin", "demo")),
    (r"protobuf-c/.*|.*\.pb-c\.h", ("schema", "upstream", "admin")),
    (r"jansson\.h", ("migrate", "control", "admin", "demo", "command")),
    (r"yaml\.h", ("control",)),
    # Macros that work in place, without a symbol or a type that could leak: docs/decisions/0002.
    (r"uthash\.h|utarray\.h|utlist\.h", LAYERS + ("",)),
)
LIBC = re.compile(r"(sys|netinet|arpa|linux|net)/[\w.]+|(assert|ctype|dirent|emmintrin|errno|fcntl|"
                  r"float|getopt|immintrin|inttypes|limits|math|netdb|poll|pthread|sched|setjmp|"
                  r"signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|"
                  r"stdnoreturn|string|strings|syslog|termios|time|unistd|wchar)\.h")

BANNED = {
    "strcpy": "has no bound", "strcat": "has no bound", "sprintf": "has no bound",
    "vsprintf": "has no bound", "gets": "has no bound", "strtok": "keeps hidden state",
    "alloca": "has no limit", "atoi": "hides errors", "atol": "hides errors",
    "atoll": "hides errors", "atof": "hides errors", "system": "starts a shell",
    "popen": "starts a shell", "rand": "is neither random nor safe between threads",
    "srand": "is neither random nor safe between threads", "setjmp": "leaves by a side door",
    "sigsetjmp": "leaves by a side door", "longjmp": "leaves by a side door",
    "siglongjmp": "leaves by a side door",
}
BANNED_CALL = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(")

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
SCRIPT_COLUMNS_MAX = 110  # Python and shell, whose lines carry whole requests

MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/[\w.]")
# Spelled apart, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


def layer_of(path):
    """The layer of gateway/LAYER/file or tests/unit/LAYER/file; "" for gateway/*.c; else None."""
    parts = PurePosixPath(path).parts
    if parts[0] == "gateway":
        return parts[1] if len(parts) > 2 else ""
    if parts[:2] == ("tests", "unit") and len(parts) > 3:
        return parts[2]
    return None


def check_layers(source):
    layer = layer_of(source.path)
    if layer not in LAYERS:
        if layer not in ("", None):
            yield 1, f"{layer}/ is not in the list of layers"
        return
    allowed = LAYERS[:LAYERS.index(layer) + 1]
    for line, angled, name in source.includes:
        folder = name.split("/")[0]
        if angled or folder in allowed or re.fullmatch(r".*\.pb-c\.h", name):
            continue
        if folder in LAYERS:
            yield line, f"{layer}/ must not include {name}: {folder}/ is above it"
        elif source.path.startswith("gateway/") and name not in TOP_LEVEL_HEADERS.get(layer, ()):
            yield line, f'write the path from gateway/: "{name}"'


def check_homes(source):
    layer = layer_of(source.path)
    for line, angled, name in source.includes:
        for pattern, homes in HOMES:
            if re.fullmatch(pattern, name):
                if layer not in homes:
                    yield line, f"{name} lives in {', '.join(h + '/' for h in homes)}"
                break
        else:
            if angled and not LIBC.fullmatch(name):
                yield line, f"{name} has no home in tests/lint/rules.py"


def check_own_header_first(source):
    path = PurePosixPath(source.path)
    own = str(path.relative_to("gateway").with_suffix(".h"))
    names = [name for _line, _angled, name in source.includes]
    if own in names and names[0] != own:
        yield source.includes[0][0], f'the first include must be "{own}"'


def check_header_form(source):
    stem = PurePosixPath(source.path).stem
    if not re.match(rf"/\* {re.escape(stem)}: ", source.text):
        yield 1, f'a header opens with its contract: "/* {stem}: what it is ..."'
    if not re.search(r"^#pragma once$", source.without_comments, re.M):
        yield 1, "#pragma once is missing"


def check_banned(source):
    for match in BANNED_CALL.finditer(source.code_and_macros):
        name = match.group(1)
        yield source.line_of(match.start()), f"{name}() {BANNED[name]}"


def check_file_length(source):
    if len(source.lines) > FILE_LINES_MAX:
        yield len(source.lines), f"{len(source.lines)} lines, at most {FILE_LINES_MAX}"


def check_function_length(source):
    for function in source.functions:
        length = function.last - function.first + 1
        if length > FUNCTION_LINES_MAX:
            yield (function.first,
                   f"{function.name}() has {length} lines, at most {FUNCTION_LINES_MAX}")


def check_goto(source):
    for function in source.functions:
        for match in re.finditer(r"\bgoto\s+(\w+)", function.body):
            label = re.search(rf"\b{match.group(1)}\s*:(?!:)", function.body)
            if label is None or label.start() < match.start():
                line = function.body_first + function.body.count("\n", 0, match.start())
                yield line, f"goto {match.group(1)} does not go forward"


def check_names(source):
    for function in source.functions:
        static = re.search(r"\bstatic\b", function.head) is not None
        named = function.name.startswith("gw_")
        if not static and not named and function.name not in ("main", "?"):
            yield function.first, f"{function.name}(): an exported symbol is named gw_*"
        if static and named and source.path.endswith(".c"):
            yield function.first, f"{function.name}(): a static function has no gw_"
    for line, name in source.variables:
        if not name.startswith("gw_"):
            yield line, f"{name}: an exported symbol is named gw_*"


def check_columns(source):
    most = LINE_COLUMNS_MAX if source.path.endswith((".c", ".h")) else SCRIPT_COLUMNS_MAX
    for number, line in enumerate(source.lines, 1):
        if len(line) > most:
            yield number, f"{len(line)} columns, at most {most}"


def check_blanks(source):
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "the last line has no end"


def check_tabs(source):
    for number, line in enumerate(source.lines, 1):
        if "\t" in line:
            yield number, "tab"


def check_unfinished(source):
    for number, line in enumerate(source.lines, 1):
        found = UNFINISHED.search(line)
        if found:
            yield number, f"{found.group()}: write an issue, or do it"


def check_machine(source):
    for number, line in enumerate(source.lines, 1):
        found = MACHINE_PATHS.search(line)
        if found:
            yield number, f"a path of somebody's machine: {found.group()}"


def check_temporary(source):
    for number, line in enumerate(source.lines, 1):
        if "/tmp/" in line:
            yield number, "a fixed path in the shared temporary directory"


def check_lock_file(source):
    """npm finds a package by name, version and integrity; a host would tie everyone to it."""
    for number, line in enumerate(source.lines, 1):
        if '"resolved"' in line:
            yield number, 'names a registry host ("resolved")'


def is_c(path):
    return path.endswith((".c", ".h"))


def is_gateway(path):
    return is_c(path) and path.startswith("gateway/")


def is_code(path):
    return is_c(path) or path.endswith((".py", ".sh"))


def is_text(path):
    return (is_code(path) or path.endswith((".md", ".yaml", ".yml", ".proto", ".js", ".mk", ".1"))
            or PurePosixPath(path).name in ("Makefile", ".gitignore", ".clang-tidy"))


RULES = (
    ("layers", is_c, check_layers),
    ("homes", is_gateway, check_homes),
    ("own-header-first", lambda p: is_gateway(p) and p.endswith(".c"), check_own_header_first),
    ("header-form", lambda p: is_gateway(p) and p.endswith(".h"), check_header_form),
    ("banned", is_c, check_banned),
    ("file-length", is_code, check_file_length),
    ("function-length", is_c, check_function_length),
    ("goto", is_c, check_goto),
    ("names", is_gateway, check_names),
    ("columns", is_code, check_columns),
    ("blanks", is_text, check_blanks),
    ("tabs", is_c, check_tabs),
    ("unfinished", is_text, check_unfinished),
    ("machine", is_text, check_machine),
    ("temporary", is_gateway, check_temporary),
    ("lock-file", lambda p: p.endswith("package-lock.json"), check_lock_file),
)
