#!/usr/bin/python3
"""Makes the dashboard's files one page, and that a C file with its Content-Security-Policy.

    embed.py INDEX.html OUT.html OUT.c

Style sheets and scripts that the page names are put in their places.  The policy allows these by their
hashes and the page's own host to ask; nothing else runs or loads.
"""
import base64
import hashlib
import re
import sys
from pathlib import Path


def inline(index):
    """(page, {"style": [hash], "script": [hash]})"""
    hashes = {"style": [], "script": []}

    def put(kind, name):
        text = "\n" + (index.parent / name).read_text(encoding="utf-8")
        if f"</{kind}" in text.lower():
            raise SystemExit(f"{name}: </{kind} would end the element")
        digest = hashlib.sha256(text.encode()).digest()
        hashes[kind].append(f"'sha256-{base64.b64encode(digest).decode()}'")
        return f"<{kind}>{text}</{kind}>"

    page = index.read_text(encoding="utf-8")
    page = re.sub(r'<link rel="stylesheet" href="([\w.]+)">', lambda m: put("style", m[1]), page)
    page = re.sub(r'<script src="([\w.]+)"></script>', lambda m: put("script", m[1]), page)
    return page, hashes


def policy(hashes):
    return "; ".join(("default-src 'none'", "script-src " + " ".join(hashes["script"]),
                      "style-src " + " ".join(hashes["style"]), "connect-src 'self'", "img-src data:",
                      "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
                      "require-trusted-types-for 'script'"))


def c_text(page, csp):
    data = page.encode()
    rows = (",".join(map(str, data[i:i + 24])) for i in range(0, len(data), 24))
    return ('#include "admin/dashboard.h"\n'
            f'const char gw_dashboard_policy[] = "{csp}";\n'
            "const unsigned char gw_dashboard_page[] = {\n" + ",\n".join(rows) + "\n};\n"
            "const size_t gw_dashboard_page_n = sizeof gw_dashboard_page;\n")


def main(index, out_html, out_c):
    page, hashes = inline(Path(index))
    Path(out_html).write_text(page, encoding="utf-8")
    Path(out_c).write_text(c_text(page, policy(hashes)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
