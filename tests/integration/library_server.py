#!/usr/bin/python3
"""library.v1.Library on python3-grpcio: answers say what the request held; see users_server.py for
the control port.  Words in names tell it what else to do (see Library.behave)."""
import hashlib

import users_server
from users_server import SEEN, Empty, cls, done

Book = cls("library.v1.Book")
ListBooksResponse = cls("library.v1.ListBooksResponse")
Receipt = cls("library.v1.Receipt")
File = cls("library.v1.File")
HttpBody = cls("google.api.HttpBody")


def behave(word, context):
    """code-N: x-http-code N in the metadata; late-N: in the trailers; meta: other metadata;
    fails-N: gRPC code N with x-http-code of the digits behind it (fails-5-410)."""
    kind, _, argument = word.partition("-")
    if kind == "code":
        context.send_initial_metadata((("x-http-code", argument),))
    if kind == "late":
        context.set_trailing_metadata((("x-http-code", argument),))
    if kind == "meta":
        context.send_initial_metadata((("etag", '"from-metadata"'), ("x-total", "99"),
                                       ("x-trace-bin", b"\x00\xff"), ("grpc-secret", "s")))
    if kind == "fails":
        code, _, status = argument.partition("-")
        context.set_trailing_metadata((("x-http-code", status), ("etag", '"of-error"')))
        context.abort(next(c for c in users_server.grpc.StatusCode if c.value[0] == int(code)),
                      "told to")


class Library:
    NAME = "library.v1.Library"

    def GetBook(self, request, context):
        call = SEEN.begin("GetBook", request, context)
        word = request.name.rpartition("/")[2]
        try:
            behave(word, context)
        except Exception:
            done(call, None)
            raise
        book = Book(name=request.name, title=f"Book {word}", copies=9007199254740993,
                    genre="POETRY", etag=f'"{word}"')
        if word != "bare":
            book.author.given_name = "Ada"
            book.tags.extend(["a", "b"])
            book.ratings["good"] = 5
            book.page_count = 0
        if word == "odd":
            book.etag = 'W/"größe"'
        return done(call, book)

    def ListBooks(self, request, context):
        call = SEEN.begin("ListBooks", request, context)
        answer = ListBooksResponse(total=request.page_size)
        for i in range(request.page_size):
            answer.books.add(name=f"{request.parent}/books/{i}")
        return done(call, answer)

    def CreateBook(self, request, context):
        return done(SEEN.begin("CreateBook", request, context), request.book)

    def UpdateBook(self, request, context):
        return done(SEEN.begin("UpdateBook", request, context), request.book)

    def ArchiveBook(self, request, context):
        return done(SEEN.begin("ArchiveBook", request, context), Empty())

    def RateBook(self, request, context):
        return done(SEEN.begin("RateBook", request, context), request)

    def Upload(self, request, context):
        call = SEEN.begin("Upload", request, context)
        data = request.content.data
        return done(call, Receipt(path=request.path, content_type=request.content.content_type,
                                  size=len(data), sha256=hashlib.sha256(data).digest()))

    def Transform(self, request, context):
        call = SEEN.begin("Transform", request, context)
        return done(call, HttpBody(content_type=request.content_type, data=request.data[::-1]))

    def Download(self, request, context):
        """none: no file; pieces: `stored` in two pieces; broken: bytes that are no message;
        type: a content type that would split the answer; N: so many bytes."""
        done(SEEN.begin("Download", request, context), None)
        if request.path == "none":
            return File()
        if request.path == "pieces":
            one = File(stored={"content": {"content_type": "text/plain", "data": b"no"}})
            two = File(stored={"content": {"data": b"joined"}})
            return one.SerializeToString() + two.SerializeToString()
        if request.path == "broken":
            return b"\x0a\x05\x0a\x01\x0a"
        answer = File()
        answer.stored.content.content_type = "image/png"
        answer.stored.content.data = b"\x89PNG\r\n\x00"
        if request.path == "type":
            answer.stored.content.content_type = "text/plain\r\nx-evil: 1"
        if request.path.isdigit():
            answer.stored.content.data = b"z" * int(request.path)
        return answer

    def DownloadParts(self, request, context):
        """none: no message; broken: bytes that are no message come second."""
        done(SEEN.begin("DownloadParts", request, context), None)
        if request.path == "none":
            return
        yield HttpBody(content_type="text/csv", data=b"a,b\n")
        if request.path == "broken":
            yield b"\x12\x05x"
        yield HttpBody(content_type="image/png", data=b"1,2\n")
        yield HttpBody(data=b"3,4\n")

    def Probe(self, request, context):
        return done(SEEN.begin("Probe", request, context), request)


if __name__ == "__main__":
    users_server.main([Library])
