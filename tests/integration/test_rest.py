"""The REST mapping as clients see it, against a service whose messages were written by others:
bindings, bodies, responses, headers, files; its rules come from google.api.http."""
import base64
import hashlib
import json

import harness
from harness import Library, Shared, Test, config

JSON = ("-H", "Content-Type: application/json")
FORM = ("-H", "Content-Type: application/x-www-form-urlencoded")
SERVICES = "services:\n  - service: library.v1.Library\n    upstream: users\n"
BOOK = "/v1/shelves/1/books/2"


class Rest(Shared):
    SERVICE = Library
    OPTIONS = {"names": ["library"], "routes": SERVICES}

    def request(self):
        return self.server.last()["request"]

    def put(self, target, body, *arguments, method="PUT"):
        return self.gw.curl(target, "-X", method, *JSON, "--data-binary", body, *arguments)

    def violation(self, answer, field, *words):
        """The only google.rpc.BadRequest field violation of a 400."""
        body = self.check_error(answer, 400, 3)
        detail, = body["details"]
        self.assertEqual(detail["@type"], "type.googleapis.com/google.rpc.BadRequest")
        found, = detail["fieldViolations"]
        self.assertEqual(found["field"], field)
        for word in words:
            self.assertIn(word, found["description"])
        self.assertEqual(self.server.state()["count"], 0)


class Paths(Rest):
    def test_a_resource_name_is_one_variable(self):
        answer = self.gw.curl(BOOK)
        self.assertEqual((answer.status, answer.json()["name"]), (200, "shelves/1/books/2"))

    def test_a_variable_of_several_segments_keeps_reserved_escapes(self):
        self.gw.curl("/v1/shelves/a%2fb%20%41/books/%23%2523%7e")
        self.assertEqual(self.request(), {"name": "shelves/a%2fb A/books/%23%23~"})

    def test_plus_is_no_space_in_a_path(self):
        self.gw.curl("/v1/files/a+b")
        self.assertEqual(self.request(), {"path": "a+b"})

    def test_many_segments_and_none(self):
        self.gw.curl("/v1/files/a/b//c")
        self.assertEqual(self.request(), {"path": "a/b//c"})
        self.assertEqual(self.gw.curl("/v1/files").status, 200)
        self.assertEqual(self.request(), {})

    def test_utf8_and_nul(self):
        self.gw.curl("/v1/files/%C3%A9%00x")
        self.assertEqual(self.request(), {"path": "é\0x"})
        self.server.clear()
        self.violation(self.gw.curl("/v1/files/%FF"), "path", "path variable path", "UTF-8")
        self.violation(self.gw.curl("/v1/files/%ED%A0%80"), "path", "UTF-8")
        self.violation(self.gw.curl("/v1/files/%C0%AF"), "path", "UTF-8")

    def test_verbs(self):
        answer = self.put(BOOK + ":archive", '{"reason":"old"}', method="POST")
        self.assertEqual((answer.status, answer.json()), (200, {}))
        self.assertEqual(self.request(), {"name": "shelves/1/books/2", "reason": "old"})
        # No verb is registered for GET, and an escaped colon begins none.
        self.gw.curl(BOOK + ":other")
        self.assertEqual(self.request(), {"name": "shelves/1/books/2:other"})
        answer = self.gw.curl(BOOK + ":archive")
        self.check_error(answer, 405, 12)
        self.assertEqual(answer.header("allow"), "OPTIONS, POST")
        self.gw.curl(BOOK + "%3Aarchive")
        self.assertEqual(self.request(), {"name": "shelves/1/books/2%3Aarchive"})

    def test_custom_kinds_win_over_what_the_gateway_answers(self):
        answer = self.gw.curl("/v1/probe/a", "-X", "OPTIONS")
        self.assertEqual((answer.status, answer.json()), (200, {"word": "a"}))
        answer = self.gw.curl("/v1/probe/b", "-I")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(self.request(), {"word": "b"})
        for method in ("GET", "PURGE", "OPTIONS", "POST"):
            answer = self.gw.curl("/v1/any/" + method, "-X", method)
            self.assertEqual((answer.status, answer.json()), (200, {"word": method}))
        answer = self.put("/v1/shelves/1/books", '{"pageSize":1}', method="REPORT")
        self.assertEqual(answer.json(), {"books": [{"name": "shelves/1/books/0"}], "total": 1})

    def test_dots_and_raw_bytes_that_no_path_holds(self):
        for path in ("/v1/files/.", "/v1/files/../x", "/v1/files/%2e%2E", "/v1/files/a%zz",
                     '/v1/files/"', "/v1/files/<", "/v1/files/a\\b", "/v1/files/^", "/v1/files/`",
                     "/v1/files/{a}"):
            with self.subTest(path=path), self.gw.connect() as client:
                self.assertEqual(client.get(path).status, 400)
        self.assertEqual(self.server.state()["count"], 0)
        with self.gw.connect() as client:  # as browsers send them
            self.assertEqual(client.get("/v1/files/a|b[c]").status, 200)
        self.assertEqual(self.request(), {"path": "a|b[c]"})

    def test_the_variables_have_a_limit(self):
        gw = self.gateway(config([self.server.endpoint], limits="request_line: 16KiB",
                                 **self.OPTIONS))
        self.assertEqual(gw.curl("/v1/files/" + "a" * 4096).status, 200)
        self.check_error(gw.curl("/v1/files/" + "a" * 4097), 400, 3, "4096 bytes")


class Queries(Rest):
    def ask(self, query):
        answer = self.gw.curl("/v1/shelves/1/books?" + query)
        self.assertEqual(answer.status, 200, answer)
        request = self.request()
        self.assertEqual(request.pop("parent"), "shelves/1")
        return request

    def test_nested_fields_and_lists(self):
        self.assertEqual(
            self.ask("pageSize=2&filter.tags=a%2Cb&filter.tags=&filter.either.either.year=7"),
            {"pageSize": 2, "filter": {"tags": ["a,b", ""], "either": {"either": {"year": 7}}}})

    def test_both_spellings(self):
        self.assertEqual(self.ask("page_size=1&filter.min_copies=5"),
                         {"pageSize": 1, "filter": {"minCopies": "5"}})

    def test_enums_by_name_and_number(self):
        self.assertEqual(self.ask("filter.genre=POETRY&filter.genres=1&filter.genres=REFERENCE"
                                  "&filter.genres=-7"),
                         {"filter": {"genre": "POETRY",
                                     "genres": ["NOVEL", "REFERENCE", "REFERENCE"]}})

    def test_well_known_types(self):
        self.assertEqual(
            self.ask("filter.after=2024-02-29T01:00:00%2B01:00&filter.lentFor=-1.5s"
                     "&filter.minCopies=0&filter.archived=f&filter.readMask=title,author.givenName"
                     "&filter.hint=[1,null]"),
            {"filter": {"after": "2024-02-29T00:00:00Z", "lentFor": "-1.500s", "minCopies": "0",
                        "archived": False, "readMask": "title,author.givenName",
                        "hint": [1.0, None]}})

    def test_maps_bytes_and_numbers(self):
        self.assertEqual(
            self.ask("filter.labels[a.b]=c&filter.labels%5B%5D=empty&filter.floors[-1]=1"
                     "&filter.cursor=-_8&filter.maxPrice=1e-3&filter.year=1e2"),
            {"filter": {"labels": {"a.b": "c", "": "empty"}, "floors": {"-1": True},
                        "cursor": "+/8=", "maxPrice": 0.001, "year": 100}})

    def test_booleans_of_old_clients(self):
        for text, value in (("1", True), ("T", True), ("tRUE", True), ("0", False), ("F", False)):
            self.assertEqual(self.ask("filter.archived=" + text), {"filter": {"archived": value}})

    def test_plus_is_a_space_and_raw_marks_pass(self):
        with self.gw.connect() as client:
            client.get('/v1/shelves/1/books?filter.text=a+b%2B"{c}|<d>^`\\')
        self.assertEqual(self.request()["filter"], {"text": 'a b+"{c}|<d>^`\\'})

    def test_what_the_path_binds_stays(self):
        for name in ("parent", "%70arent"):
            self.assertEqual(self.ask(name + "=shelves/9"), {})

    def test_each_fault_names_parameter_type_and_nearest(self):
        for query, field, words in (
                ("pageSize=x", "pageSize", ["query parameter pageSize", "int32", '"x"']),
                ("page_size=99999999999", "page_size", ["int32"]),
                ("filter.genre=POETRI", "filter.genre", ["library.v1.Genre", '"POETRY"']),
                ("filter.genre=5", "filter.genre", ["library.v1.Genre"]),
                ("filter.after=today", "filter.after", ["timestamp"]),
                ("filter.lentFor=1h", "filter.lentFor", ["duration"]),
                ("filter.archived=", "filter.archived", ["bool"]),
                ("filter.cursor=!", "filter.cursor", ["base64"]),
                ("filter.floors[x]=1", "filter.floors[x]", ["int32"]),
                ("filter=x", "filter", ["message library.v1.Filter"]),
                ("filter.labels=x", "filter.labels", ["map"]),
                ("filter.byTitle=1&filter.byDate=1", "filter.byDate", ["oneof"]),
                ("pageSize=1&page_size=2", "page_size", ["twice"]),
                ("pageSize.x=1", "pageSize.x", ["int32"]),
                ("filter.text=%zz", "filter.text", ["escape"])):
            with self.subTest(query=query):
                self.violation(self.gw.curl("/v1/shelves/1/books?" + query), field, *words)

    def test_limits(self):
        self.assertEqual(self.ask("&".join(["filter.tags=x"] * 100)),
                         {"filter": {"tags": ["x"] * 100}})
        self.server.clear()
        self.check_error(self.gw.curl("/v1/shelves/1/books?" + "&".join(["a=b"] * 101)), 400, 3,
                         "100")
        deep = "filter" + ".either" * 98 + ".year=1"
        self.assertEqual(self.gw.curl("/v1/shelves/1/books?" + deep).status, 200)
        self.server.clear()
        answer = self.gw.curl("/v1/shelves/1/books?filter" + ".either" * 99 + ".year=1")
        self.check_error(answer, 400, 3, "100 fields deep")
        self.assertEqual(self.server.state()["count"], 0)


class Bodies(Rest):
    def test_field_as_body_and_the_rest_from_the_query(self):
        answer = self.put("/v1/shelves/1/books?requestId=r&book.title=no",
                          '{"title":"T","author":{"given_name":"A"}}', method="POST")
        self.assertEqual(answer.json(), {"title": "T", "author": {"givenName": "A"}})
        self.assertEqual(self.request(), {
            "parent": "shelves/1", "requestId": "r",
            "book": {"title": "T", "author": {"givenName": "A"}}})

    def test_body_below_the_top_level(self):
        self.put("/v1/shelves/1/books:searchTags?filter.year=3", '["a","b"]', method="POST")
        self.assertEqual(self.request(), {"parent": "shelves/1",
                                          "filter": {"tags": ["a", "b"], "year": 3}})

    def test_bodies_and_answers_of_every_kind(self):
        for field, body, answered in (
                ("stars", "5", "5"), ("stars", '"4"', "4"), ("stars", "0", "0"),
                ("words", '["a",""]', '["a",""]'), ("words", "[]", "[]"),
                ("votes", '{"x":"1"}', '{"x":"1"}'), ("votes", "{}", "{}"),
                ("note", '"n"', '"n"'), ("note", '""', '""'), ("note", "null", "null"),
                ("genre", '"NOVEL"', '"NOVEL"'), ("genre", "-7", '"REFERENCE"'),
                ("stars", "null", "0"), ("words", "null", "[]"), ("votes", "null", "{}")):
            with self.subTest(field=field, body=body):
                answer = self.put(f"{BOOK}/{field}", body)
                self.assertEqual((answer.status, answer.body), (200, answered.encode()))

    def test_no_body(self):
        for field, answered in (("stars", "0"), ("words", "[]"), ("votes", "{}"), ("note", "null"),
                                ("genre", '"GENRE_UNSPECIFIED"')):
            answer = self.gw.curl(f"{BOOK}/{field}", "-X", "PUT")
            self.assertEqual((answer.status, answer.body), (200, answered.encode()))
        self.check_error(self.put(f"{BOOK}/stars", " "), 400, 3)
        self.check_error(self.put(BOOK + ":archive", "null", method="POST"), 400, 3)
        self.check_error(self.put(f"{BOOK}/stars", "5 6"), 400, 3)

    def test_a_body_without_a_rule_for_it_is_ignored(self):
        answer = self.put(BOOK, "not JSON", method="GET")
        self.assertEqual(answer.status, 200)

    def test_the_path_reaches_into_the_body_and_wins(self):
        self.put(BOOK, '{"name":"shelves/9/books/9","title":"T"}')
        self.assertEqual(self.request(), {"book": {"name": "shelves/1/books/2", "title": "T"}})

    def test_forms(self):
        answer = self.gw.curl("/v1/shelves/1/books", *FORM, "-d",
                              "title=a+b&author.givenName=%C3%A9&tags=x&tags=y&ratings[z]=1"
                              "&genre=NOVEL&floor=3")
        self.assertEqual(answer.json(), {
            "title": "a b", "author": {"givenName": "é"}, "tags": ["x", "y"], "ratings": {"z": 1},
            "genre": "NOVEL", "floor": 3})
        self.gw.curl("/v1/shelves/1/books", "-d", '{"title":"JSON"}')  # curl says it is a form
        self.assertEqual(self.request()["book"], {"title": "JSON"})
        self.server.clear()
        self.violation(self.gw.curl("/v1/shelves/1/books", *FORM, "-d", "copies=x"), "copies",
                       "form field copies", "int64")

    def test_content_types(self):
        target = "/v1/shelves/1/books"
        for value, status in (("application/json", 200), ("APPLICATION/JSON; charset=UTF-8", 200),
                              ("application/vnd.api+json", 200), ("text/plain", 415),
                              ("application/jsonx", 415), ("application/json; charset=latin1", 415),
                              ("application/x-www-form-urlencoded; charset=iso-8859-1", 415),
                              ("application/x-www-form-urlencoded; charset=utf-8", 200),
                              ("image/png", 415)):
            with self.subTest(value=value):
                answer = self.gw.curl(target, "-H", "Content-Type: " + value, "-d", "{}")
                self.assertEqual(answer.status, status)
        answer = self.gw.curl(target, "-H", "Content-Type:", "-d", '{"title":"none"}')
        self.assertEqual(answer.json(), {"title": "none"})


class Patches(Rest):
    def patch(self, body, query="", *arguments):
        answer = self.put(BOOK + query, body, *arguments, method="PATCH")
        self.assertEqual(answer.status, 200, answer)
        request = self.request()
        self.assertEqual(request["book"]["name"], "shelves/1/books/2")
        return request.get("updateMask")

    def test_the_mask_is_what_the_body_names(self):
        self.assertEqual(self.patch('{"title":"","author":{"given_name":null,"born":null},'
                                    '"tags":[],"ratings":{"a":1},"subtitle":null,"genre":0}'),
                         "title,author.givenName,author.born,tags,ratings,subtitle,genre")
        self.assertEqual(self.patch('{"author":{},"extra":{"a":{"b":1}},"pageCount":3}'),
                         "author,extra.a.b,pageCount")

    def test_what_the_path_binds_is_not_in_it(self):
        self.assertEqual(self.patch('{"name":"shelves/9/books/9","title":"T"}'), "title")
        self.assertEqual(self.request()["book"], {"name": "shelves/1/books/2", "title": "T"})

    def test_a_mask_that_is_given_stands(self):
        self.assertEqual(self.patch('{"title":"T"}', "?updateMask=tags,author.given_name"),
                         "tags,author.givenName")
        self.assertEqual(self.patch('{"title":"T"}', "?update_mask.paths=tags"), "tags")
        self.assertEqual(self.patch('{"title":"T"}', "?updateMask="), "title")

    def test_no_body_no_mask(self):
        self.assertIsNone(self.patch("{}"))
        self.assertIsNone(self.patch("null"))
        self.assertIsNone(self.patch('{"unknown":1}'))

    def test_put_has_no_mask(self):
        self.put(BOOK, '{"title":"T"}')
        self.assertNotIn("updateMask", self.request())

    def test_a_form_has_one_too(self):
        self.gw.curl(BOOK, "-X", "PATCH", *FORM, "-d", "title=T&author.givenName=A&tags=a&tags=b")
        self.assertEqual(self.request()["updateMask"], "title,author.givenName,tags")

    def test_an_object_for_a_scalar_is_refused(self):
        self.check_error(self.put(BOOK, '{"title":{"x":1}}', method="PATCH"), 400, 3, "title")


class Answers(Rest):
    def test_each_binding_has_its_own_response_body(self):
        self.assertEqual(self.gw.curl(BOOK + "/title").json(), "Book 2")
        self.assertEqual(self.gw.curl(BOOK + "/tags").json(), ["a", "b"])
        self.assertEqual(self.gw.curl(BOOK + "/author").json(), {"givenName": "Ada"})
        bare = "/v1/shelves/1/books/bare"
        self.assertEqual(self.gw.curl(bare + "/tags").json(), [])
        self.assertIsNone(self.gw.curl(bare + "/author").json())
        # The last binding has no variable: the query binds the name.
        self.assertEqual(self.gw.curl("/v1/books?name=x").json()["name"], "x")

    def test_the_service_chooses_the_status(self):
        for word, status in (("code-202", 202), ("code-201", 201), ("code-599", 599),
                             ("code-304", 304), ("code-199", 200), ("code-600", 200),
                             ("code-x", 200), ("code-2000", 200), ("late-203", 203),
                             ("fails-5-410", 410), ("fails-5-200", 404), ("fails-5-99", 404)):
            with self.subTest(word=word):
                before = self.ignored()
                answer = self.gw.curl("/v1/shelves/1/books/" + word)
                self.assertEqual(answer.status, status, answer)
                self.assertIsNone(answer.header("x-http-code"))
                bad = word in ("code-199", "code-600", "code-x", "code-2000", "fails-5-99")
                self.assertEqual(self.ignored() - before, 1 if bad else 0)

    def ignored(self):
        return harness.metric_sum(self.gw.metrics(), "sluice_ignored_status_total")

    def test_metadata_on_an_error(self):
        answer = self.gw.curl("/v1/shelves/1/books/fails-5-410")
        self.assertEqual((answer.header("etag"), answer.json()["code"]), ('"of-error"', 5))


class Files(Rest):
    """google.api.HttpBody."""

    def test_upload_of_any_type(self):
        data = bytes(range(256)) * 100
        path = self.gw.folder / "data"
        path.write_bytes(data)
        for kind in ("image/png", "text/plain; charset=latin1", "application/json",
                     "application/x-www-form-urlencoded", "x/y; z=\"q\""):
            with self.subTest(kind=kind):
                answer = self.gw.curl("/v1/files/a/b?overwrite=1&content.data=AQ", "-X", "PUT",
                                      "-H", "Content-Type: " + kind, "--data-binary", f"@{path}")
                self.assertEqual(answer.json(), {
                    "path": "a/b", "contentType": kind, "size": str(len(data)),
                    "sha256": base64.b64encode(hashlib.sha256(data).digest()).decode()})
                self.assertTrue(self.request()["overwrite"])

    def test_upload_in_chunks_and_of_nothing(self):
        answer = self.gw.curl("/v1/files/a", "-X", "PUT", "-H", "Transfer-Encoding: chunked",
                              "-H", "Content-Type: a/b", "-d", "xyz")
        self.assertEqual((answer.json()["size"], answer.json()["contentType"]), ("3", "a/b"))
        answer = self.gw.curl("/v1/files/a", "-X", "PUT")
        self.assertEqual((answer.status, answer.json()["path"], "size" in answer.json()),
                         (200, "a", False))

    def test_an_empty_file_has_its_type(self):
        answer = self.gw.curl("/v1/files/a", "-X", "PUT", "-H", "Content-Type: a/b", "-d", "")
        self.assertEqual((answer.status, answer.json()["contentType"]), (200, "a/b"))

    def test_the_whole_message_both_ways(self):
        answer = self.gw.curl("/v1/files:transform", "-H", "Content-Type: text/x-any",
                              "--data-binary", '{"not":"parsed"}')
        self.assertEqual((answer.status, answer.header("content-type"), answer.body),
                         (200, "text/x-any", b'}"desrap":"ton"{'))
        answer = self.gw.curl("/v1/files:transform", "-X", "POST")
        self.assertEqual((answer.status, answer.header("content-type"), answer.body),
                         (200, "application/octet-stream", b""))

    def test_download_below_the_top_level(self):
        answer = self.gw.curl("/v1/files/x")
        self.assertEqual((answer.status, answer.header("content-type"), answer.body),
                         (200, "image/png", b"\x89PNG\r\n\x00"))
        answer = self.gw.curl("/v1/files/3000000")
        self.assertEqual((answer.status, answer.header("content-length"), answer.body),
                         (200, "3000000", b"z" * 3000000))
        answer = self.gw.curl("/v1/files/x", "-I")
        self.assertEqual((answer.header("content-length"), answer.body), ("7", b""))

    def test_odd_answers(self):
        answer = self.gw.curl("/v1/files/none")
        self.assertEqual((answer.status, answer.header("content-type"), answer.body),
                         (200, "application/octet-stream", b""))
        answer = self.gw.curl("/v1/files/pieces")
        self.assertEqual((answer.header("content-type"), answer.body), ("text/plain", b"joined"))
        answer = self.gw.curl("/v1/files/type")
        self.assertEqual((answer.status, answer.header("content-type"), answer.header("x-evil")),
                         (200, "application/octet-stream", None))
        self.check_error(self.gw.curl("/v1/files/broken"), 502, 13)

    def test_a_stream_has_the_first_messages_type(self):
        answer = self.gw.curl("/v1/parts/x", "-H", "Accept: text/event-stream")
        self.assertEqual((answer.status, answer.header("content-type"), answer.body),
                         (200, "text/csv", b"a,b\n1,2\n3,4\n"))
        answer = self.gw.curl("/v1/parts/none")
        self.assertEqual((answer.status, answer.header("content-type"), answer.body),
                         (200, "application/octet-stream", b""))

    def test_a_broken_message_within_a_stream_cuts_it(self):
        answer = self.gw.curl("/v1/parts/broken")
        self.assertEqual((answer.status, answer.body), (200, b"a,b\n"))
        self.assertNotEqual(answer.curl_exit, 0)


ROUTES = """
defaults:
  upstream: users
routes:
  - match: GET /bound/{name=shelves/*/books/*}
    rpc: library.v1.Library/GetBook
    headers.bind:
      X-Language: language
      etag: etag
      x-copies: copies
      x-genre: genre
      x-author: author.given_name
      x-pages: page_count
      x-room: room
      x-subtitle: subtitle
      x-total: title
    headers.response: ["*"]
  - match: GET /list/{parent=shelves/*}/books
    rpc: library.v1.Library/ListBooks
    headers.bind: { x-page-size: page_size, x-total: total, x-genre: filter.genre }
    response_body: books
  - match: POST /created/{parent=shelves/*}
    rpc: library.v1.Library/CreateBook
    body: book
    success_status: 201
    headers.bind: { idempotency-key: request_id, x-room: book.room }
  - match: DELETE /archive/{name=**}
    rpc: library.v1.Library/ArchiveBook
    success_status: 204
  - match: GET /archive/{name=**}
    rpc: library.v1.Library/ArchiveBook
  - match: GET /shape/{name=shelves/*/books/*}
    rpc: library.v1.Library/GetBook
    json: { int64: number, names: proto, enums: number, emit: nulls }
    errors: problem
  - match: GET /all/{name=shelves/*/books/*}
    rpc: library.v1.Library/GetBook
    json.emit: all
  - match: PUT /strict/{book.name=**}
    rpc: library.v1.Library/UpdateBook
    body: book
    json.unknown_fields: reject
    query.unknown: reject
    trailing_slash: strict
    also:
      - match: POST /strict
        body: "*"
  - match: GET /title/{name=**}
    rpc: library.v1.Library/GetBook
    response_body: author.given_name
  - match: GET /parts/{path=**}
    rpc: library.v1.Library/DownloadParts
    headers.bind: { x-kind: content_type }
"""


class Options(Rest):
    """Route options, each by its route."""

    OPTIONS = {"names": ["library"], "routes": ROUTES}

    def test_headers_become_fields(self):
        self.gw.curl("/bound/shelves/1/books/2?language=query", "-H", "x-language: de, en")
        self.assertEqual(self.request(), {"name": "shelves/1/books/2", "language": "de, en"})
        self.gw.curl("/list/shelves/1/books?pageSize=1", "-H", "X-Page-Size: 2",
                     "-H", "x-genre: POETRY")
        self.assertEqual(self.request(), {"parent": "shelves/1", "pageSize": 2,
                                          "filter": {"genre": "POETRY"}})
        self.server.clear()
        self.violation(self.gw.curl("/list/shelves/1/books", "-H", "x-page-size: two"),
                       "x-page-size", "header x-page-size", "int32")
        self.violation(self.gw.curl("/list/shelves/1/books", "-H", "x-genre: POETRI"), "x-genre",
                       '"POETRY"')
        self.violation(self.gw.curl("/list/shelves/1/books", "-H", "x-page-size: 1",
                                    "-H", "X-Page-Size: 1"), "x-page-size", "twice")
        self.gw.curl("/list/shelves/1/books", "-H", "x-page-size: 1",
                     "-H", "Connection: x-page-size")
        self.assertEqual(self.request(), {"parent": "shelves/1"})

    def test_a_header_and_a_body_that_disagree_about_a_oneof(self):
        self.violation(self.put("/created/shelves/1", '{"floor":1}', "-H", "x-room: r",
                                method="POST"), "x-room", "header x-room", "oneof")

    def test_fields_become_headers(self):
        answer = self.gw.curl("/bound/shelves/1/books/2")
        self.assertEqual(
            {n: v for n, v in answer.headers if n.startswith("x-") or n == "etag"},
            {"etag": '"2"', "x-copies": "9007199254740993", "x-genre": "POETRY",
             "x-author": "Ada", "x-pages": "0", "x-total": "Book 2"})
        self.assertIsNone(answer.header("grpc-status"))
        answer = self.gw.curl("/bound/shelves/1/books/bare")
        self.assertEqual([answer.header(n) for n in ("x-author", "x-pages", "x-subtitle")],
                         [None, None, None])
        answer = self.gw.curl("/bound/shelves/1/books/odd")
        self.assertIsNone(answer.header("etag"))  # not ASCII
        answer = self.gw.curl("/list/shelves/1/books", "-H", "x-page-size: 0")
        self.assertEqual((answer.header("x-total"), answer.json()), ("0", []))

    def test_a_bound_header_replaces_the_metadata(self):
        answer = self.gw.curl("/bound/shelves/1/books/meta")
        self.assertEqual((answer.header("etag"), answer.header("x-total")),
                         ('"meta"', "Book meta"))
        self.assertEqual(answer.header("x-trace-bin"), "AP8")
        self.assertIsNone(answer.header("grpc-secret"))

    def test_a_stream_binds_its_first_message(self):
        answer = self.gw.curl("/parts/x")
        self.assertEqual((answer.header("x-kind"), answer.body),
                         ("text/csv", b"a,b\n1,2\n3,4\n"))
        self.assertIsNone(self.gw.curl("/parts/none").header("x-kind"))

    def test_success_status_and_empty(self):
        answer = self.put("/created/shelves/1", '{"title":"T"}', "-H", "Idempotency-Key: k",
                          method="POST")
        self.assertEqual((answer.status, answer.json()), (201, {"title": "T"}))
        self.assertEqual(self.request()["requestId"], "k")
        answer = self.gw.curl("/archive/a/b", "-X", "DELETE")
        self.assertEqual((answer.status, answer.body, answer.header("content-type"),
                          answer.header("content-length")), (204, b"", None, None))
        self.assertEqual(self.gw.curl("/archive/a/b").json(), {})

    def test_shapes_of_old_apis(self):
        answer = self.gw.curl("/shape/shelves/1/books/bare")
        self.assertEqual(answer.body.decode(), json.dumps({
            "name": "shelves/1/books/bare", "title": "Book bare", "author": None, "tags": [],
            "ratings": {}, "genre": 2, "copies": 9007199254740993, "subtitle": None,
            "extra": None, "page_count": None, "etag": '"bare"'}, separators=(",", ":")))
        answer = self.gw.curl("/all/shelves/1/books/2")
        self.assertEqual(answer.json(), {
            "name": "shelves/1/books/2", "title": "Book 2",
            "author": {"givenName": "Ada", "familyName": ""}, "tags": ["a", "b"],
            "ratings": {"good": 5}, "genre": "POETRY", "copies": "9007199254740993",
            "pageCount": 0, "etag": '"2"'})

    def test_problems(self):
        answer = self.gw.curl("/shape/shelves/1/books/fails-5-410")
        self.assertEqual((answer.status, answer.header("content-type")),
                         (410, "application/problem+json"))
        self.assertEqual(answer.json(), {"type": "about:blank", "title": "Gone", "status": 410,
                                         "detail": "told to", "code": 5, "details": []})
        answer = self.gw.curl("/shape/shelves/1/books/%FF")
        body = answer.json()
        self.assertEqual((answer.status, body["status"], body["code"]), (400, 400, 3))
        self.assertEqual(body["details"][0]["field_violations"][0]["field"], "name")

    def test_unknown_names_are_refused_where_asked(self):
        self.violation(self.put("/strict/b?updateMsk=a", "{}"), "updateMsk",
                       "query parameter updateMsk", '"updateMask"')
        self.violation(self.put("/strict/b", '{"titel":"T"}'), "titel", "title")
        self.violation(self.put("/strict?allowMissing=1", "{}", method="POST"), "allowMissing",
                       "query parameter")
        self.violation(self.gw.curl("/strict/b", "-X", "PUT", *FORM, "-d", "titel=T"), "titel",
                       "form field titel", '"title"')
        self.assertEqual(self.put("/strict/b?book.title=no", "{}").status, 200)

    def test_strict_slash(self):
        self.assertEqual(self.put("/strict", "{}", method="POST").status, 200)
        # "**" takes the empty segment; what is strict about it has no such rule.
        self.check_error(self.put("/strict/", "{}", method="POST"), 405, 12)

    def test_response_body_of_a_scalar_below(self):
        self.assertEqual(self.gw.curl("/title/2").json(), "Ada")
        self.assertEqual(self.gw.curl("/title/bare").json(), "")

    def test_unset_default_parameters_are_counted(self):
        before = harness.metric_sum(self.gw.metrics(), "sluice_ignored_fields_total")
        self.gw.curl("/list/shelves/1/books?x=1&parent=2&utm_source=3")
        after = harness.metric_sum(self.gw.metrics(), "sluice_ignored_fields_total")
        self.assertEqual(after - before, 3)


class Methods(Rest):
    def test_no_header_turns_one_method_into_another(self):
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            answer = self.gw.curl("/v1/shelves/1/books", *FORM, "-H", name + ": GET", "-d", "title=a")
            self.assertEqual((answer.status, self.server.last()["rpc"]), (200, "CreateBook"))


class Precedence(Test):
    def test_a_route_replaces_the_rule_of_the_same_shape(self):
        server = Library()
        self.addCleanup(server.kill)
        gw = self.gateway(config([server.endpoint], names=["library"], routes=SERVICES + """
routes:
  - match: GET /v1/{name=shelves/*/books/*}/title
    rpc: library.v1.Library/GetBook
    upstream: users
    response_body: etag
"""))
        self.assertEqual(gw.curl(BOOK + "/title").json(), '"2"')
        self.assertEqual(gw.curl(BOOK + "/tags").json(), ["a", "b"])


if __name__ == "__main__":
    harness.main()
