#!/usr/bin/python3
"""Writes descriptors/broken/*.pb, the sets that must be refused, and descriptors/editions_test.pb,
which Debian's protoc cannot compile.  Run from the top of the tree; the results are committed.

The sets are written with proto/sluice/descriptor.proto, whose messages have the field numbers of
google/protobuf/descriptor.proto, so that features and whatever protoc refuses can be put in.
"""
import os
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

OUT = "descriptors/broken"
OPTIONAL, REQUIRED, REPEATED = 1, 2, 3
DOUBLE, INT64, INT32, FLOAT, STRING, GROUP, MESSAGE, BYTES, ENUM = 1, 3, 5, 2, 9, 10, 11, 12, 14


def load_types():
    with tempfile.NamedTemporaryFile(suffix=".pb") as out:
        subprocess.run(["protoc", "-Iproto", "--descriptor_set_out=" + out.name,
                        "proto/sluice/descriptor.proto"], check=True)
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(out.read()).file:
            pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName("sluice." + name))


TYPE = load_types()
Set, File = TYPE("FileDescriptorSet"), TYPE("FileDescriptorProto")
broken = {}


def one_file(name="a.proto", **options):
    """A set with one file of proto3 that holds message p.M; returns set, file, message."""
    whole = Set()
    file = whole.file.add(name=name, package="p", syntax="proto3", **options)
    return whole, file, file.message_type.add(name="M")


def field(message, name="f", number=1, kind=INT32, label=OPTIONAL, **options):
    return message.field.add(name=name, number=number, type=kind, label=label, **options)


def case(function):
    broken[function.__name__] = function()
    return function


# ---- bytes that are no set -----------------------------------------------------------------------

@case
def proto_source():
    return b'syntax = "proto3";\n\npackage users;\n'


@case
def json():
    return b'{"file":[{"name":"a.proto"}]}'


@case
def empty():
    return b""


@case
def no_files():
    return b"\x12\x03abc"


@case
def truncated():
    whole, _, message = one_file()
    field(message)
    return whole.SerializeToString()[:-3]


@case
def single_file():
    """A FileDescriptorProto without the set around it."""
    whole, _, _ = one_file()
    return whole.file[0].SerializeToString()


@case
def endless_number():
    return b"\x0a\x0c\x22" + b"\xff" * 11


@case
def inner_length_over():
    return b"\x0a\x04\x22\x7f\x0a\x01"


@case
def field_zero():
    return b"\x0a\x02\x00\x01"


@case
def file_is_a_number():
    return b"\x08\x01"


@case
def groups_too_deep():
    """Custom options may be groups, which are dropped, but not at any depth."""
    return b"\x0a\xc8\x01" + b"\xa3\x06" * 100


@case
def wrong_wire_type():
    return b"\x0a\x02\x08\x01"


@case
def lone_end_group():
    return b"\x0a\x02\xa4\x06"


@case
def zero_byte_in_name():
    whole, file, _ = one_file()
    file.name = "a\0b.proto"
    return whole


@case
def too_deep():
    whole, _, message = one_file()
    for _ in range(63):
        message = message.nested_type.add(name="M")
    return whole


@case
def too_deep_rules():
    whole, file, _ = one_file()
    method = file.service.add(name="S").method.add(name="R", input_type=".p.M", output_type=".p.M")
    rule = method.options.http
    for _ in range(70):
        rule = rule.additional_bindings.add(get="/x")
    return whole


@case
def nested_bindings():
    whole, file, _ = one_file()
    method = file.service.add(name="S").method.add(name="R", input_type=".p.M", output_type=".p.M")
    method.options.http.get = "/a"
    outer = method.options.http.additional_bindings.add(get="/b")
    outer.additional_bindings.add(get="/c")
    return whole


# ---- files ---------------------------------------------------------------------------------------

@case
def no_file_name():
    whole, file, _ = one_file()
    file.ClearField("name")
    return whole


@case
def missing_import():
    whole, file, _ = one_file("users.proto")
    file.dependency.extend(["common/types.proto", "google/protobuf/any.proto", "common/more.proto"])
    return whole


@case
def import_cycle():
    whole = Set()
    for name, other in ("a", "b"), ("b", "c"), ("c", "a"):
        whole.file.add(name=name + ".proto", dependency=[other + ".proto"])
    return whole


@case
def import_self():
    whole, file, _ = one_file()
    file.dependency.append("a.proto")
    return whole


@case
def bad_syntax():
    whole, file, _ = one_file()
    file.syntax = "proto4"
    return whole


@case
def bad_edition():
    whole, file, _ = one_file()
    file.syntax, file.edition = "editions", 1002
    return whole


@case
def bad_package():
    whole, file, _ = one_file()
    file.package = "p..q"
    return whole


# ---- names ---------------------------------------------------------------------------------------

@case
def symbol_twice():
    whole, file, _ = one_file()
    whole.file.add(name="b.proto", package="p").message_type.add(name="M")
    file.enum_type.add(name="M").value.add(name="ZERO", number=0)
    return whole


@case
def method_twice():
    whole, file, _ = one_file()
    service = file.service.add(name="S")
    for _ in range(2):
        service.method.add(name="R", input_type=".p.M", output_type=".p.M")
    return whole


@case
def message_name():
    whole, _, message = one_file()
    message.name = "1M"
    return whole


@case
def field_name():
    whole, _, message = one_file()
    field(message, "a-b")
    return whole


@case
def field_name_twice():
    whole, _, message = one_file()
    field(message, "some_name", 1)
    field(message, "some_name", 2)
    field(message, "other_name", 3, json_name="some_name")
    return whole


@case
def json_name_quote():
    whole, _, message = one_file()
    field(message, json_name='a"b')
    return whole


@case
def json_name_control():
    whole, _, message = one_file()
    field(message, json_name="a\nb")
    return whole


@case
def json_name_not_utf8():
    whole, _, message = one_file()
    field(message, json_name="aXXb")
    return whole.SerializeToString().replace(b"aXXb", b"a\xed\xa0b")


@case
def method_name():
    whole, file, _ = one_file()
    file.service.add(name="S").method.add(name="", input_type=".p.M", output_type=".p.M")
    return whole


@case
def enum_value_name():
    whole, file, _ = one_file()
    file.enum_type.add(name="E").value.add(name="A\"B", number=0)
    return whole


@case
def enum_without_values():
    whole, file, _ = one_file()
    file.enum_type.add(name="E")
    return whole


@case
def enum_value_twice():
    whole, file, _ = one_file()
    values = file.enum_type.add(name="E").value
    values.add(name="ZERO", number=0)
    values.add(name="ZERO", number=1)
    return whole


# ---- fields --------------------------------------------------------------------------------------

@case
def unknown_type():
    whole, _, message = one_file()
    field(message, "a", 1, MESSAGE, type_name=".p.Missing")
    field(message, "b", 2, ENUM, type_name="M")
    return whole


@case
def wrong_type():
    whole, file, message = one_file()
    file.enum_type.add(name="E").value.add(name="ZERO", number=0)
    field(message, "a", 1, MESSAGE, type_name=".p.E")
    field(message, "b", 2, ENUM, type_name=".p.M")
    file.service.add(name="S").method.add(name="R", input_type=".p.E", output_type=".p.None")
    return whole


@case
def type_numbers():
    whole, _, message = one_file()
    field(message, "a", 1, 19)
    field(message, "b", 2, -1)
    field(message, "c", 3).ClearField("type")
    field(message, "d", 4, label=4)
    return whole


@case
def field_numbers():
    whole, _, message = one_file()
    for i, number in enumerate((0, -1, 536870912, 19000, 19999, 2147483647)):
        field(message, "f%d" % i, number)
    return whole


@case
def number_twice():
    whole, _, message = one_file()
    field(message, "a", 7)
    field(message, "b", 300)
    field(message, "c", 7)
    field(message, "d", 300)
    return whole


@case
def extension_number_twice():
    whole, file, message = one_file()
    field(message, "a", 100)
    file.extension.add(name="x", number=100, type=INT32, label=OPTIONAL, extendee=".p.M")
    return whole


@case
def extensions():
    whole, file, _ = one_file()
    file.enum_type.add(name="E").value.add(name="ZERO", number=0)
    add = file.extension.add
    add(name="x", number=100, type=INT32, label=OPTIONAL, extendee=".p.None")
    add(name="y", number=101, type=INT32, label=OPTIONAL, extendee=".p.E")
    add(name="z", number=102, type=INT32, label=OPTIONAL)
    return whole


@case
def extension_required():
    whole, file, _ = one_file()
    file.extension.add(name="x", number=100, type=INT32, label=REQUIRED, extendee=".p.M")
    return whole


@case
def oneofs():
    whole, _, message = one_file()
    message.oneof_decl.add(name="pick")
    field(message, "a", 1, oneof_index=1)
    field(message, "b", 2, oneof_index=-1)
    field(message, "c", 3, label=REPEATED, oneof_index=0)
    return whole


def map_message(key=STRING, names=("key", "value"), numbers=(1, 2), label=REPEATED):
    whole, _, message = one_file()
    entry = message.nested_type.add(name="FEntry")
    entry.options.map_entry = True
    for name, number, kind in zip(names, numbers, (key, INT32)):
        field(entry, name, number, kind)
    field(message, "f", 1, MESSAGE, label, type_name=".p.M.FEntry")
    return whole


@case
def map_key_double():
    return map_message(key=DOUBLE)


@case
def map_without_value():
    return map_message(names=["key"])


@case
def map_numbers():
    return map_message(numbers=(1, 3))


@case
def map_not_repeated():
    return map_message(label=OPTIONAL)


@case
def well_known_shape():
    whole = Set()
    file = whole.file.add(name="google/protobuf/timestamp.proto", package="google.protobuf")
    field(file.message_type.add(name="Timestamp"), "seconds", 1, STRING)
    return whole


@case
def struct_shape():
    whole = Set()
    file = whole.file.add(name="google/protobuf/struct.proto", package="google.protobuf",
                          syntax="proto3")
    struct = file.message_type.add(name="Struct")
    field(struct, "fields", 1, MESSAGE, REPEATED, type_name=".google.protobuf.Struct")
    return whole


# ---- editions ------------------------------------------------------------------------------------

EXPLICIT, IMPLICIT, LEGACY_REQUIRED = 1, 2, 3
OPEN, CLOSED = 1, 2
PACKED, EXPANDED = 1, 2
VERIFY, NONE = 2, 3
DELIMITED = 2


def add_map(message, owner, name, number):
    entry = message.nested_type.add(name=name.capitalize() + "Entry")
    entry.options.map_entry = True
    field(entry, "key", 1, STRING)
    field(entry, "value", 2, MESSAGE, type_name="." + owner)
    field(message, name, number, MESSAGE, REPEATED,
          type_name="." + owner + "." + name.capitalize() + "Entry")


def editions_defaults(whole):
    """Edition 2023's own defaults, overridden by single fields."""
    file = whole.file.add(name="editions_test.proto", package="editionstest", syntax="editions",
                          edition=1000)
    m = file.message_type.add(name="Defaults")
    name = ".editionstest.Defaults"
    field(m, "explicit", 1)
    field(m, "implicit", 2).options.features.field_presence = IMPLICIT
    field(m, "required", 3).options.features.field_presence = LEGACY_REQUIRED
    field(m, "packed", 4, label=REPEATED)
    field(m, "expanded", 5, label=REPEATED).options.features.repeated_field_encoding = EXPANDED
    field(m, "verified", 6, STRING)
    field(m, "unverified", 7, STRING).options.features.utf8_validation = NONE
    field(m, "prefixed", 8, MESSAGE, type_name=name)
    field(m, "delimited", 9, MESSAGE, type_name=name).options.features.message_encoding = DELIMITED
    m.oneof_decl.add(name="pick")
    field(m, "picked", 10, oneof_index=0)
    add_map(m, name[1:], "map", 11)
    field(m, "secret", 12, STRING).options.debug_redact = True
    field(m, "open", 13, ENUM, type_name=".editionstest.Open")
    field(m, "closed", 14, ENUM, type_name=".editionstest.Closed")
    field(m, "delimited_list", 15, MESSAGE, REPEATED,
          type_name=name).options.features.message_encoding = DELIMITED
    field(m, "untyped_message", 16, type_name=name).ClearField("type")
    field(m, "untyped_enum", 17, type_name=".editionstest.Open").ClearField("type")
    for number, known in enumerate(("Timestamp", "Struct", "Any", "Int32Value"), 18):
        field(m, "delimited_" + known.lower(), number, MESSAGE, REPEATED if known == "Struct" else OPTIONAL,
              type_name=".google.protobuf." + known).options.features.message_encoding = DELIMITED
        file.dependency.append("google/protobuf/%s.proto" %
                               {"Int32Value": "wrappers"}.get(known, known.lower()))
    for enum in "Open", "Closed":
        file.enum_type.add(name=enum).value.add(name=enum.upper() + "_ZERO", number=0)
    file.enum_type[1].options.features.enum_type = CLOSED
    editions_service(file, name)


@case
def set_members():
    """A field of its own, extensions that are scalars or lists; one that is good."""
    whole, file, message = one_file()
    file.syntax = "proto2"
    message.options.message_set_wire_format = True
    field(message, "own", 1)
    file.extension.add(name="scalar", number=100, type=INT32, label=OPTIONAL, extendee=".p.M")
    for name, label in ("list", REPEATED), ("good", OPTIONAL):
        file.extension.add(name=name, number=101 + label, type=MESSAGE, label=label, type_name=".p.M",
                           extendee=".p.M")
    return whole


@case
def set_numbers():
    """A number that only message sets have, and one elsewhere."""
    whole, file, message = one_file()
    file.syntax = "proto2"
    file.message_type.add(name="Set").options.message_set_wire_format = True
    for extendee in ".p.M", ".p.Set":
        file.extension.add(name="in_" + extendee[3:].lower(), number=2147483646, type=MESSAGE,
                           label=OPTIONAL, type_name=".p.M", extendee=extendee)
    return whole


def editions_service(file, name):
    """A rule without a pattern, and one with two additional ones."""
    service = file.service.add(name="Odd")
    for method in "Bare", "Nested":
        service.method.add(name=method, input_type=name, output_type=name)
    service.method[0].options.http.body = "*"
    rule = service.method[1].options.http
    rule.get = "/a"
    rule.additional_bindings.add(get="/b")
    rule.additional_bindings.add(get="/c")


def editions_overrides(whole):
    """A file that turns every default round; message, oneof, enum and field turn some back."""
    file = whole.file.add(name="editions_test2.proto", package="editionstest2", syntax="editions",
                          edition=1001)
    features = file.options.features
    features.field_presence, features.enum_type = IMPLICIT, CLOSED
    features.repeated_field_encoding, features.utf8_validation = EXPANDED, NONE
    features.message_encoding = DELIMITED
    m = file.message_type.add(name="Turned")
    name = ".editionstest2.Turned"
    field(m, "implicit", 1)
    field(m, "explicit", 2).options.features.field_presence = EXPLICIT
    field(m, "expanded", 3, label=REPEATED)
    field(m, "unverified", 4, STRING)
    field(m, "delimited", 5, MESSAGE, type_name=name)
    add_map(m, name[1:], "map", 6)
    field(m, "closed", 7, ENUM, type_name=name + ".Closed")
    m.enum_type.add(name="Closed").value.add(name="CLOSED_ONE", number=1)
    m.oneof_decl.add(name="pick").options.features.utf8_validation = VERIFY
    field(m, "picked", 8, STRING, oneof_index=0)

    back = file.message_type.add(name="Back")
    back.options.features.repeated_field_encoding = PACKED
    back.options.features.utf8_validation = VERIFY
    back.options.features.enum_type = OPEN
    field(back, "packed", 1, label=REPEATED)
    field(back, "verified", 2, STRING)
    inner = back.nested_type.add(name="Inner")
    field(inner, "packed", 1, label=REPEATED)
    field(inner, "open", 2, ENUM, type_name=".editionstest2.Back.Open")
    back.enum_type.add(name="Open").value.add(name="OPEN_ZERO", number=0)
    file.extension.add(name="note", number=100, type=STRING, label=OPTIONAL,
                       extendee=".editionstest.Defaults")
    file.dependency.append("editions_test.proto")


def main():
    os.makedirs(OUT, exist_ok=True)
    for old in os.listdir(OUT):
        os.unlink(os.path.join(OUT, old))
    for name, content in broken.items():
        if not isinstance(content, bytes):
            content = content.SerializeToString(deterministic=True)
        with open(os.path.join(OUT, name + ".pb"), "wb") as out:
            out.write(content)
    editions = Set()
    editions_defaults(editions)
    editions_overrides(editions)
    with open("descriptors/editions_test.pb", "wb") as out:
        out.write(editions.SerializeToString(deterministic=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
