"""Raw HTTP/1.1 requests that must be refused, and some that must not (RELIABILITY A1, A7, A8, A10).

Each goes to a running gateway four times: in one write, byte by byte, cut behind every CRLF, and behind
a good request in the same write.  Behind each hostile one stands GET /smuggled, which nobody may answer.

    run(host, port) -> (passed, failed)        python3 hostile_h1.py HOST PORT

The gateway must serve userservice.UserService by its google.api.http rules, with user 7 present and
default limits."""

import re
import socket
import sys

TIMEOUT_S = 8
HOST = b"Host: users.example\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
USER = b'{"name":"Ann","email":"ann@users.example"}'
LAST = b"GET /v1/users/7 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
GOOD_FIRST = b"GET /v1/users/7 HTTP/1.1\r\n" + HOST + b"\r\n"

LINE_MAX = 8192
HEADER_MAX = 8192
BLOCK_MAX = 16384
COUNT_MAX = 100
BODY_MAX = 4 << 20

BAD = {400}
URI_LONG = {414}
LARGE_HEAD = {431}
LARGE_BODY = {413}
CODING = {400, 501}
METHOD = {501}
VERSION = {505}


def get(*fields, line=b"GET /v1/users/7 HTTP/1.1", host=HOST):
    return line + b"\r\n" + host + b"".join(f + b"\r\n" for f in fields) + b"\r\n"


def post(*fields, body=USER, line=b"POST /v1/users HTTP/1.1"):
    return get(b"Content-Type: application/json", *fields, line=line) + body


def chunked(body, *fields):
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


def chunk(size=None, extension=b"", end=b"\r\n"):
    """One chunk that holds the user."""
    size = b"%x" % len(USER) if size is None else size
    return size + extension + b"\r\n" + USER + end


def line_of(n):
    """A request line of n bytes."""
    head, tail = b"GET /v1/users/7?fill=", b" HTTP/1.1"
    return head + b"x" * (n - len(head) - len(tail)) + tail


def header_of(n, name=b"X-Fill"):
    """A field line of n bytes."""
    return name + b": " + b"x" * (n - len(name) - 2)


def block_of(n):
    """A request whose field lines with their CRLFs are n bytes, none too long."""
    first = header_of(HEADER_MAX - 2)
    rest = n - len(HOST) - len(first) - 2
    return get(first, header_of(rest - 2, b"X-Rest"))


LENGTH = b"Content-Length: %d" % len(USER)
CHUNKED = b"Transfer-Encoding: chunked"

# ---- what must be refused: name, bytes, the statuses that are right ------------------------------

HOSTILE = []


def hostile(expected, **vectors):
    for name, request in vectors.items():
        HOSTILE.append((name, request, expected))


def hostile_lines(expected, **lines):
    hostile(expected, **{name: get(line=line) for name, line in lines.items()})


def hostile_fields(expected, **fields):
    hostile(expected, **{name: get(field) for name, field in fields.items()})


def hostile_hosts(**hosts):
    hostile(BAD, **{"host_" + name: get(host=b"Host: " + host + b"\r\n") for name, host in hosts.items()})


def hostile_chunks(expected, **bodies):
    hostile(expected, **{"chunk_" + name: chunked(body) for name, body in bodies.items()})


hostile_lines(
    BAD,
    line_method_lower=b"get /v1/users/7 HTTP/1.1",
    line_method_mixed=b"Get /v1/users/7 HTTP/1.1",
    line_leading_space=b" GET /v1/users/7 HTTP/1.1",
    line_leading_tab=b"\tGET /v1/users/7 HTTP/1.1",
    line_two_spaces_first=b"GET  /v1/users/7 HTTP/1.1",
    line_two_spaces_second=b"GET /v1/users/7  HTTP/1.1",
    line_trailing_space=b"GET /v1/users/7 HTTP/1.1 ",
    line_tab_first=b"GET\t/v1/users/7 HTTP/1.1",
    line_tab_second=b"GET /v1/users/7\tHTTP/1.1",
    line_vertical_tab=b"GET\x0b/v1/users/7 HTTP/1.1",
    line_form_feed=b"GET /v1/users/7\x0cHTTP/1.1",
    line_space_in_target=b"GET /v1/users /7 HTTP/1.1",
    line_no_version=b"GET /v1/users/7",
    line_no_target=b"GET HTTP/1.1",
    line_only_method=b"GET",
    line_method_nul=b"G\0T /v1/users/7 HTTP/1.1",
    line_method_high=b"G\xc3\x8bT /v1/users/7 HTTP/1.1",
    line_method_colon=b"GET: /v1/users/7 HTTP/1.1",
    line_method_parenthesis=b"GET( /v1/users/7 HTTP/1.1",
    line_method_empty_target=b"GET / v1 HTTP/1.1",
    target_nul=b"GET /v1/users/7\0 HTTP/1.1",
    target_control=b"GET /v1/users/\x017 HTTP/1.1",
    target_delete=b"GET /v1/users/7\x7f HTTP/1.1",
    target_high=b"GET /v1/users/\xc3\xa4 HTTP/1.1",
    target_overlong=b"GET /v1/users/\xc0\xaf7 HTTP/1.1",
    target_fragment=b"GET /v1/users/7#x HTTP/1.1",
    target_bare_cr=b"GET /v1/users/7\rX HTTP/1.1",
    target_no_slash=b"GET v1/users/7 HTTP/1.1",
    target_query_only=b"GET ?x=1 HTTP/1.1",
    target_star_get=b"GET * HTTP/1.1",
    target_star_longer=b"OPTIONS */v1 HTTP/1.1",
    target_authority=b"GET users.example:80 HTTP/1.1",
    target_ftp=b"GET ftp://users.example/v1/users/7 HTTP/1.1",
    target_one_slash=b"GET http:/users.example/v1/users/7 HTTP/1.1",
    target_no_authority=b"GET http:///v1/users/7 HTTP/1.1",
    target_userinfo=b"GET http://me@users.example/v1/users/7 HTTP/1.1",
    target_bad_port=b"GET http://users.example:8x/v1/users/7 HTTP/1.1",
    target_other_host=b"GET http://other.example/v1/users/7 HTTP/1.1",
    target_other_port=b"GET http://users.example:81/v1/users/7 HTTP/1.1",
    version_lower=b"GET /v1/users/7 http/1.1",
    version_no_minor=b"GET /v1/users/7 HTTP/1.",
    version_no_dot=b"GET /v1/users/7 HTTP/11",
    version_two_digits=b"GET /v1/users/7 HTTP/1.10",
    version_leading_zero=b"GET /v1/users/7 HTTP/01.1",
    version_letters=b"GET /v1/users/7 HTTP/x.y",
    version_space=b"GET /v1/users/7 HTTP/ 1.1",
    version_comma=b"GET /v1/users/7 HTTP/1,1",
    version_misspelt=b"GET /v1/users/7 HTPP/1.1",
    version_other=b"GET /v1/users/7 ICY/1.1",
    version_nul=b"GET /v1/users/7 HTTP/1.1\0",
)
hostile_lines(
    VERSION,
    version_09=b"GET /v1/users/7 HTTP/0.9",
    version_12=b"GET /v1/users/7 HTTP/1.2",
    version_20=b"GET /v1/users/7 HTTP/2.0",
    version_99=b"GET /v1/users/7 HTTP/9.9",
)
hostile_lines(
    METHOD,
    method_trace=b"TRACE /v1/users/7 HTTP/1.1",
    method_connect=b"CONNECT users.example:443 HTTP/1.1",
    method_connect_path=b"CONNECT /v1/users/7 HTTP/1.1",
    method_endless=b"G" * 100 + b" /v1/users/7 HTTP/1.1",
)
hostile(
    BAD,
    other_preface=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    other_preface_in_http11=get(line=b"PRI * HTTP/1.1"),
    other_tls_hello=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xa5" * 64,
    other_tls_alert=b"\x15\x03\x01\x00\x02\x02\x28",
    other_proxy_v1=b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 80\r\n" + get(),
    other_proxy_v2=b"\r\n\r\n\0\r\nQUIT\n!\x11\x00\x0c" + b"\0" * 12 + get(),
    other_ssh=b"SSH-2.0-OpenSSH_9.2\r\n",
    other_socks=b"\x05\x01\x00",
    other_smtp=b"EHLO users.example\r\n",
    other_json=b'{"name":"Ann"}\r\n\r\n',
    other_zeros=b"\0" * 32,
    other_answer=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    lf_leading=b"\n" + get(),
    cr_leading=b"\r" + get(),
    crlf_leading_three=b"\r\n" * 3 + get(),
    lf_after_line=get().replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
    cr_after_line=get().replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r"),
    crcrlf_after_line=get().replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\r\n"),
    lf_everywhere=get().replace(b"\r\n", b"\n"),
    lf_after_field=get(b"X-A: 1").replace(b": 1\r\n", b": 1\n"),
    cr_after_field=get(b"X-A: 1", b"X-B: 2").replace(b": 1\r\n", b": 1\r"),
    crcrlf_after_field=get(b"X-A: 1").replace(b": 1\r\n", b": 1\r\r\n"),
    lf_at_end=get()[:-2] + b"\n",
    cr_at_end=get()[:-1] + b"X",
    crcrlf_at_end=get()[:-2] + b"\r\r\n",
    fold_first=b"GET /v1/users/7 HTTP/1.1\r\n " + HOST + b"\r\n",
    no_host=get(host=b""),
    two_hosts=get(HOST[:-2]),
    two_hosts_differ=get(b"Host: other.example"),
    two_hosts_one_empty=get(b"Host:"),
    two_hosts_http10=get(HOST[:-2], line=b"GET /v1/users/7 HTTP/1.0"),
)
hostile_fields(
    BAD,
    field_folded_space=b"X-A: 1\r\n 2",
    field_folded_tab=b"X-A: 1\r\n\t2",
    field_folded_empty=b"X-A:\r\n \r\n 2",
    field_leading_space=b" X-A: 1",
    field_space_before_colon=b"X-A : 1",
    field_tab_before_colon=b"X-A\t: 1",
    field_no_colon=b"X-A",
    field_no_name=b": 1",
    field_space_in_name=b"X A: 1",
    field_parenthesis=b"X(A): 1",
    field_quoted_name=b'"X-A": 1',
    field_slash_in_name=b"X/A: 1",
    field_at_in_name=b"X@A: 1",
    field_bracket_in_name=b"X[A]: 1",
    field_nul_in_name=b"X\0A: 1",
    field_control_in_name=b"X\x08A: 1",
    field_high_in_name=b"X\xe4A: 1",
    field_nul_in_value=b"X-A: 1\x002",
    field_control_in_value=b"X-A: 1\x012",
    field_escape_in_value=b"X-A: \x1b[2J",
    field_delete_in_value=b"X-A: 1\x7f",
    field_cr_in_value=b"X-A: 1\rX-B: 2",
    field_lf_in_value=b"X-A: 1\nX-B: 2",
    connection_malformed=b"Connection: close; now",
    length_space_before_colon=b"Content-Length : 5",
    length_underscore=b"Content_Length: 5",
    coding_underscore=b"Transfer_Encoding: chunked",
    coding_space_before_colon=b"Transfer-Encoding : chunked",
    coding_nul_in_name=b"Transfer\0-Encoding: chunked",
)
hostile_hosts(
    empty=b"",
    space=b"a b",
    two=b"a, b",
    userinfo=b"me@users.example",
    path=b"users.example/v1",
    query=b"users.example?x",
    fragment=b"users.example#x",
    backslash=b"users.example\\x",
    angle=b"<users.example>",
    bad_escape=b"users%zz",
    port_only=b":80",
    port_letters=b"users.example:http",
    port_negative=b"users.example:-1",
    port_large=b"users.example:65536",
    port_twice=b"users.example:80:80",
    bracket_open=b"[::1",
    bracket_empty=b"[]",
    bracket_behind=b"[::1]x",
    bracket_name=b"[users.example]",
    high=b"users\xc3\xa4.example",
    nul=b"users\0.example",
)
hostile(
    BAD,
    both_length_first=post(LENGTH, CHUNKED, body=chunk() + b"0\r\n\r\n"),
    both_coding_first=post(CHUNKED, LENGTH, body=chunk() + b"0\r\n\r\n"),
    both_length_zero=post(b"Content-Length: 0", CHUNKED, body=chunk() + b"0\r\n\r\n"),
    both_unknown_coding=post(LENGTH, b"Transfer-Encoding: identity"),
    both_on_get=get(LENGTH, CHUNKED) + b"0\r\n\r\n",
    length_twice=post(LENGTH, LENGTH),
    length_twice_differ=post(LENGTH, b"Content-Length: 5"),
    length_twice_case=post(LENGTH, b"CONTENT-LENGTH: 0"),
    length_list_same=post(b"Content-Length: %d, %d" % (len(USER), len(USER))),
    length_list_differ=post(b"Content-Length: %d, 5" % len(USER)),
    length_empty=post(b"Content-Length:"),
    length_plus=post(b"Content-Length: +%d" % len(USER)),
    length_minus=post(b"Content-Length: -1"),
    length_minus_zero=post(b"Content-Length: -0"),
    length_hex=post(b"Content-Length: 0x2a"),
    length_inner_space=post(b"Content-Length: 4 2"),
    length_fraction=post(b"Content-Length: 42.0"),
    length_exponent=post(b"Content-Length: 1e1"),
    length_quoted=post(b'Content-Length: "42"'),
    length_semicolon=post(b"Content-Length: 42;"),
    length_underscore_digits=post(b"Content-Length: 4_2"),
    length_letters=post(b"Content-Length: many"),
    length_vertical_tab=post(b"Content-Length: \x0b42"),
    length_over_int64=post(b"Content-Length: 9223372036854775808"),
    length_over_uint64=post(b"Content-Length: 18446744073709551616"),
    length_wraps=post(b"Content-Length: 18446744073709551658"),
    length_endless=post(b"Content-Length: " + b"9" * 200),
    length_many_zeros=post(b"Content-Length: " + b"0" * 60 + b"42"),
    coding_http10=post(CHUNKED, body=chunk() + b"0\r\n\r\n", line=b"POST /v1/users HTTP/1.0"),
    coding_twice=post(CHUNKED, CHUNKED, body=chunk() + b"0\r\n\r\n"),
    coding_empty=post(b"Transfer-Encoding:", body=chunk() + b"0\r\n\r\n"),
    coding_vertical_tab=post(b"Transfer-Encoding: \x0bchunked", body=chunk() + b"0\r\n\r\n"),
    coding_folded=post(b"Transfer-Encoding:\r\n chunked", body=chunk() + b"0\r\n\r\n"),
    coding_line_feed=post(b"X-A: 1\nTransfer-Encoding: chunked", LENGTH),
)
for _name, _value in dict(
    chunked_twice=b"chunked, chunked",
    chunked_first=b"chunked, gzip",
    gzip_chunked=b"gzip, chunked",
    gzip=b"gzip",
    identity=b"identity",
    misspelt=b"xchunked",
    cut_short=b"chunke",
    parameter=b"chunked;q=1",
    quoted=b'"chunked"',
    comma_first=b", chunked",
    comma_last=b"chunked,",
    two_words=b"chunked chunked",
).items():
    hostile(CODING, **{"coding_" + _name: post(b"Transfer-Encoding: " + _value, body=chunk() + b"0\r\n\r\n")})

hostile_chunks(
    BAD,
    no_size=b"\r\n" + USER + b"\r\n0\r\n\r\n",
    hex_prefix=chunk(b"0x2a"),
    plus=chunk(b"+2a"),
    minus=chunk(b"-2a"),
    not_hex=chunk(b"2g"),
    leading_space=chunk(b" 2a"),
    trailing_space=chunk(b"2a "),
    trailing_tab=chunk(b"2a\t"),
    nine_digits=chunk(b"00000002a"),
    wraps=chunk(b"1000000000000002a"),
    size_nul=chunk(b"2a\0"),
    size_lf=chunk().replace(b"\r\n", b"\n", 1),
    size_cr=chunk().replace(b"\r\n", b"\r", 1),
    size_crcrlf=chunk().replace(b"\r\n", b"\r\r\n", 1),
    data_longer=chunk(b"29"),
    data_shorter=chunk(b"2b", end=b"\r\r\n"),
    data_lf=chunk(end=b"\n") + b"0\r\n\r\n",
    data_cr=chunk(end=b"\r") + b"0\r\n\r\n",
    data_no_end=chunk(end=b"") + b"0\r\n\r\n",
    data_empty_line=chunk() + b"\r\n0\r\n\r\n",
    extension_empty=chunk(extension=b";") + b"0\r\n\r\n",
    extension_no_name=chunk(extension=b";=1") + b"0\r\n\r\n",
    extension_no_value=chunk(extension=b";a=") + b"0\r\n\r\n",
    extension_unquoted=chunk(extension=b';a="b') + b"0\r\n\r\n",
    extension_control=chunk(extension=b";a=\x01") + b"0\r\n\r\n",
    extension_nul=chunk(extension=b';a="\0"') + b"0\r\n\r\n",
    extension_lf=chunk(extension=b";a\n2a") + b"0\r\n\r\n",
    extension_cr=chunk(extension=b";a\rb") + b"0\r\n\r\n",
    extension_no_semicolon=chunk(extension=b"a b") + b"0\r\n\r\n",
    extension_long=chunk(extension=b";" + b"a" * 256) + b"0\r\n\r\n",
    last_lf=chunk() + b"0\n\r\n",
    last_end_lf=chunk() + b"0\r\n\n",
    last_end_missing=chunk() + b"0\r\n",
    trailer_length=chunk() + b"0\r\nContent-Length: 5\r\n\r\n",
    trailer_coding=chunk() + b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
    trailer_host=chunk() + b"0\r\nX-A: 1\r\nHost: a\r\n\r\n",
    trailer_underscore=chunk() + b"0\r\ncontent_length: 5\r\n\r\n",
    trailer_folded=chunk() + b"0\r\nX-A: 1\r\n 2\r\n\r\n",
    trailer_no_colon=chunk() + b"0\r\nX-A\r\n\r\n",
    trailer_space=chunk() + b"0\r\nX-A : 1\r\n\r\n",
    trailer_nul=chunk() + b"0\r\nX-A: \0\r\n\r\n",
    trailer_lf=chunk() + b"0\r\nX-A: 1\n\r\n",
)
hostile({417}, expect_other=post(LENGTH, b"Expect: 200-ok"),
        expect_list=post(LENGTH, b"Expect: 100-continue, 200-ok"),
        expect_empty=post(LENGTH, b"Expect:"))
hostile(URI_LONG, limit_line=get(line=line_of(LINE_MAX + 1)), limit_line_far=get(line=line_of(2 * LINE_MAX)))
hostile(
    LARGE_HEAD,
    limit_header=get(header_of(HEADER_MAX + 1)),
    limit_name=get(b"X" * (HEADER_MAX + 1) + b": 1"),
    limit_block=block_of(BLOCK_MAX + 1),
    limit_count=get(*[b"X-%d: 1" % i for i in range(COUNT_MAX)]),
    limit_count_underscores=get(*[b"X_%d: 1" % i for i in range(COUNT_MAX)]),
    limit_trailers=chunked(chunk() + b"0\r\n" + header_of(4095) + b"\r\n\r\n"),
)
hostile(
    LARGE_BODY,
    body_length=post(b"Content-Length: %d" % (BODY_MAX + 1)),
    body_length_int64=post(b"Content-Length: 9223372036854775807"),
    body_length_expect=post(b"Content-Length: %d" % (BODY_MAX + 1), b"Expect: 100-continue", body=b""),
    body_chunk=chunked(chunk(b"ffffffff")),
    body_chunks=chunked(chunk() + b"%x\r\n" % BODY_MAX),
)

# ---- what must be answered: name, bytes, the methods of the requests in them ---------------------

GOOD = [
    ("get", get(), ["GET"]),
    ("get_two_in_one", get() + get(), ["GET", "GET"]),
    ("get_after_crlf", b"\r\n" + get(), ["GET"]),
    ("get_after_two_crlf", b"\r\n\r\n" + get(), ["GET"]),
    ("get_absolute", get(line=b"GET http://users.example/v1/users/7 HTTP/1.1"), ["GET"]),
    ("get_absolute_case", get(line=b"GET HTTP://USERS.example/v1/users/7 HTTP/1.1"), ["GET"]),
    ("get_query", get(line=b"GET /v1/users/7?unknown=%20x HTTP/1.1"), ["GET"]),
    ("get_host_port", get(host=b"host: users.example:8080\r\n"), ["GET"]),
    ("get_host_empty_port", get(host=b"HOST:users.example:\r\n"), ["GET"]),
    ("get_host_ipv6", get(host=b"Host: [2001:db8::1]:80\r\n"), ["GET"]),
    ("get_host_blanks", get(host=b"Host: \t users.example \t\r\n"), ["GET"]),
    ("get_http10_keep_alive", get(b"Connection: keep-alive", line=b"GET /v1/users/7 HTTP/1.0"), ["GET"]),
    ("get_length_zero", get(b"Content-Length: 0"), ["GET"]),
    ("get_odd_names", get(b"X-!#$%&'*+.^`|~9: 1", b"x: 2"), ["GET"]),
    ("get_odd_values", get(b"X-A:", b"X-B: \t", b"X-C: a\tb \xc3\xa4 \"", b"X-C: ,;="), ["GET"]),
    ("get_underscore", get(b"X_A: 1", b"user_id: 2"), ["GET"]),
    ("get_connection_list", get(b"Connection: , keep-alive ,X-A", b"X-A: 1"), ["GET"]),
    ("get_upgrade_ignored", get(b"Upgrade: example/1", b"Connection: upgrade"), ["GET"]),
    ("get_line_limit", get(line=line_of(LINE_MAX)), ["GET"]),
    ("get_header_limit", get(header_of(HEADER_MAX)), ["GET"]),
    ("get_block_limit", block_of(BLOCK_MAX), ["GET"]),
    ("get_count_limit", get(*[b"X-%d: 1" % i for i in range(COUNT_MAX - 1)]), ["GET"]),
    ("head", get(line=b"HEAD /v1/users/7 HTTP/1.1"), ["HEAD"]),
    ("options", get(line=b"OPTIONS /v1/users/7 HTTP/1.1"), ["OPTIONS"]),
    ("post_length", post(LENGTH), ["POST"]),
    ("post_length_zeros", post(b"Content-Length: 000%d" % len(USER)), ["POST"]),
    ("post_expect", post(LENGTH, b"Expect: 100-Continue"), ["POST"]),
    ("post_then_get", post(LENGTH) + get(), ["POST", "GET"]),
    ("post_chunked", chunked(chunk() + b"0\r\n\r\n"), ["POST"]),
    ("post_chunked_case", post(b"Transfer-Encoding: CHUNKED", body=chunk(b"2A") + b"0\r\n\r\n"), ["POST"]),
    ("post_chunked_zeros", chunked(chunk(b"0000002a") + b"00000000\r\n\r\n"), ["POST"]),
    ("post_chunked_bytes", chunked(b"".join(b"1\r\n%c\r\n" % c for c in USER) + b"0\r\n\r\n"), ["POST"]),
    ("post_chunked_extension", chunked(chunk(extension=b';a;b=c;d="e \\" f"') + b"0;z\r\n\r\n"), ["POST"]),
    ("post_chunked_trailer", chunked(chunk() + b"0\r\nX-Sum: 1\r\nX-B:\r\n\r\n"), ["POST"]),
    ("post_chunked_then_get", chunked(chunk() + b"0\r\n\r\n") + get(), ["POST", "GET"]),
]

assert len(USER) == 0x2A
assert len({name for name, _, _ in HOSTILE}) == len(HOSTILE) >= 160
assert len({name for name, _, _ in GOOD}) == len(GOOD) >= 25

# ---- sending and reading -------------------------------------------------------------------------


def cut_whole(data):
    return [data]


def cut_bytes(data):
    return [data[i : i + 1] for i in range(len(data))]


def cut_lines(data):
    return [piece for piece in re.split(b"(?<=\r\n)", data) if piece]


CUTS = {"whole": cut_whole, "bytes": cut_bytes, "lines": cut_lines}


def talk(host, port, pieces):
    """Everything that the gateway answers until it closes, and whether it closed in time."""
    answer = b""
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before its end; what it answered may still be readable
        try:
            while True:
                data = sock.recv(65536)
                if not data:
                    return answer, True
                answer += data
        except socket.timeout:
            return answer, False
        except ConnectionResetError:
            return answer, True


def answer_next(data, method):
    """(status, lower-cased fields, rest) of the first answer in data; None when it is cut off."""
    head, found, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    match = re.fullmatch(rb"HTTP/1\.1 ([1-5]\d\d) [^\r\n\0]*", lines[0])
    if not found or not match:
        return None
    status = int(match[1])
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        fields[name.lower()] = value.strip().lower()
    if method == "HEAD" or status == 204 or status < 200:
        return status, fields, rest
    if fields.get(b"transfer-encoding") == b"chunked":
        while True:
            size, found, rest = rest.partition(b"\r\n")
            if not found:
                return None
            n = int(size, 16)
            if rest[n : n + 2] != b"\r\n":
                return None
            rest = rest[n + 2 :]
            if n == 0:
                return status, fields, rest
    n = int(fields.get(b"content-length", b"-1"))
    if n < 0:
        return status, fields, b""  # until the end of the connection
    if len(rest) < n:
        return None
    return status, fields, rest[n:]


def answers_of(data, methods):
    """[(status, fields)] of all final answers, and what behind them is none."""
    answers = []
    while data:
        method = methods[len(answers)] if len(answers) < len(methods) else "GET"
        answer = answer_next(data, method)
        if answer is None:
            break
        if answer[0] >= 200:
            answers.append(answer[:2])
        data = answer[2]
    return answers, data


def judge_hostile(answers, closed, rest, expected):
    """What is wrong about the answers to a hostile request; None: nothing."""
    if any(200 <= status < 300 for status, _ in answers):
        return "a 2xx"
    if not closed:
        return "the connection stays open"
    if not answers:
        return "a cut answer" if rest.startswith(b"HTTP/1.1") else None
    if len(answers) > 1:
        return "%d answers" % len(answers)
    if answers[0][0] not in expected:
        return "wanted one of %s" % sorted(expected)
    if b"close" not in answers[0][1].get(b"connection", b""):
        return "no Connection: close"
    return None


def judge_good(answers, closed, rest, methods):
    if any(not 200 <= status < 300 for status, _ in answers):
        return "not a 2xx"
    if len(answers) != len(methods) or rest:
        return "%d answers, wanted %d" % (len(answers), len(methods))
    return None if closed else "the connection stays open"


def try_hostile(host, port, request, expected):
    for mode, cut in CUTS.items():
        data, closed = talk(host, port, cut(request + SMUGGLED))
        answers, rest = answers_of(data, [])
        yield mode, judge_hostile(answers, closed, rest, expected), answers
    data, closed = talk(host, port, [GOOD_FIRST + request + SMUGGLED])
    answers, rest = answers_of(data, ["GET"])
    wrong = judge_good(answers[:1], True, b"", ["GET"])
    wrong = wrong and "the good request: " + wrong
    yield "behind", wrong or judge_hostile(answers[1:], closed, rest, expected), answers


def try_good(host, port, request, methods):
    for mode, cut in CUTS.items():
        data, closed = talk(host, port, cut(request + LAST))
        answers, rest = answers_of(data, methods)
        yield mode, judge_good(answers, closed, rest, methods + ["GET"]), answers
    data, closed = talk(host, port, [GOOD_FIRST + request + LAST])
    answers, rest = answers_of(data, ["GET"] + methods)
    yield "behind", judge_good(answers, closed, rest, ["GET"] + methods + ["GET"]), answers


def run(host, port, out=sys.stdout):
    """Tries everything; prints a line for each failure; returns (passed, failed)."""
    passed = failed = 0
    for vectors, attempt in ((GOOD, try_good), (HOSTILE, try_hostile)):
        for name, request, wanted in vectors:
            for mode, wrong, answers in attempt(host, port, request, wanted):
                if wrong is None:
                    passed += 1
                    continue
                failed += 1
                statuses = " ".join(str(status) for status, _ in answers) or "nothing"
                print("hostile_h1: %s, %s: %s (answered: %s)" % (name, mode, wrong, statuses), file=out)
    return passed, failed


def main():
    if len(sys.argv) != 3:
        print("usage: hostile_h1.py HOST PORT", file=sys.stderr)
        return 2
    passed, failed = run(sys.argv[1], int(sys.argv[2]))
    print("hostile_h1: %d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
