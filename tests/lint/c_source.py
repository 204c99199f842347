"""A C file as the lint reads it: raw text, and the same text with comments, strings and
preprocessor lines blanked, so that what is left at a place is code at that place."""
import re
from bisect import bisect_right
from functools import cached_property

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
ATTRIBUTES = re.compile(r"\b(?:__attribute__|GW_[A-Z]+)\s*\((?:[^()]|\([^()]*\))*\)")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


class Function:
    """A definition at file level; lines count from 1 and include signature and closing brace."""

    def __init__(self, name, head, body, first, last, body_first):
        self.name, self.head, self.body = name, head, body
        self.first, self.last, self.body_first = first, last, body_first


class Source:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.lines = text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()

    @cached_property
    def without_comments(self):
        return TOKEN.sub(lambda m: blank(m) if m.group()[0] == "/" else m.group(), self.text)

    @cached_property
    def code_and_macros(self):
        return TOKEN.sub(blank, self.text)

    @cached_property
    def code(self):
        return DIRECTIVE.sub(blank, self.code_and_macros)

    @cached_property
    def line_starts(self):
        return [0] + [i + 1 for i, c in enumerate(self.text) if c == "\n"]

    def line_of(self, offset):
        return bisect_right(self.line_starts, offset)

    @cached_property
    def includes(self):
        """(line, is it <angled>, name) in order."""
        return [(self.line_of(m.start(2)), m.group(1) == "<", m.group(2))
                for m in INCLUDE.finditer(self.without_comments)]

    @cached_property
    def top_level(self):
        """[(start, text of what stands before, offset of "{" or ";", offset after)]: the
        declarations at file level, in order; a definition's offsets enclose its body."""
        found, start, depth, opened = [], 0, 0, 0
        for m in re.finditer(r"[{};]", self.code):
            c, at = m.group(), m.start()
            if c == "{":
                if depth == 0:
                    opened = at
                depth += 1
            elif c == "}":
                depth = max(0, depth - 1)
                if depth == 0 and is_function_head(self.code[start:opened]):
                    found.append((start, self.code[start:opened], opened, at + 1))
                    start = at + 1
            elif depth == 0:
                found.append((start, self.code[start:at], at, at + 1))
                start = at + 1
        return found

    @cached_property
    def functions(self):
        result = []
        for start, head, opened, end in self.top_level:
            if self.code[opened] != "{":
                continue
            first = start + len(head) - len(head.lstrip())
            result.append(Function(function_name(head), " ".join(head.split()),
                                   self.code[opened:end], self.line_of(first),
                                   self.line_of(end - 1), self.line_of(opened)))
        return result

    @cached_property
    def variables(self):
        """(line, name) of each variable defined at file level without `static` or `extern`."""
        result = []
        for start, head, opened, _end in self.top_level:
            if self.code[opened] != ";":
                continue
            before_body = head.split("{")[0]
            declared = re.sub(r"\{.*\}", "", head, flags=re.S).split("=")[0]
            words = declared.split()
            if not words or words[0] in ("typedef", "static", "extern", "_Static_assert"):
                continue
            if words[0] in ("struct", "union", "enum"):
                names_nothing = declared.strip() == before_body.strip() and "=" not in before_body
                if names_nothing and ("{" in head or len(words) == 2):
                    continue
            if "(" in declared:
                continue
            name = re.search(r"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*$", declared)
            if name:
                first = start + len(head) - len(head.lstrip())
                result.append((self.line_of(first), name.group(1)))
        return result


def is_function_head(head):
    """`int f(void)` is one; `struct s`, `int a[] =`, `enum e` are not."""
    return "=" not in head and head.rstrip().endswith(")")


def function_name(head):
    match = re.search(r"([A-Za-z_]\w*)\s*\(", ATTRIBUTES.sub(" ", head))
    return match.group(1) if match else "?"
