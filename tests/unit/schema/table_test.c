/* The tables that the codec reads: codec_test.proto, codec_test2.proto, userservice.proto. */
#include "schema/pool.h"
#include "unit/schema/sets.h"

static const gw_message *all_types(void) {
  return sets_message("codec_test", "codectest.AllTypes");
}

static const gw_message *message2(void) {
  return sets_message("codec_test2", "codectest2.Message2");
}

TEST(table, fields_ascend_and_are_found_by_number) {
  const gw_pool *pool = sets_pool("codec_test");
  const gw_message *m = all_types();
  for (uint32_t i = 0; i < m->field_count; i++) {
    const gw_field *f = &m->fields[i];
    CHECK_INT(f->index, i);
    CHECK(f->parent == m);
    CHECK(f->id < gw_pool_field_count(pool));
    CHECK(i == 0 || f[-1].number < f->number);
    CHECK(i == 0 || f[-1].id + 1 == f->id);
    CHECK(gw_message_field_by_number(m, f->number) == f);
    CHECK(gw_message_field_by_number_slow(m, f->number) == f);
    CHECK(gw_message_field_by_name(m, f->name) == f);
    CHECK(gw_message_field_by_name(m, f->json_name) == f);
  }
  CHECK(gw_message_field_by_number(m, 0) == NULL);
  CHECK(gw_message_field_by_number(m, 20) == NULL);
  CHECK(gw_message_field_by_number(m, 257) == NULL);
  CHECK(gw_message_field_by_number(m, UINT32_MAX) == NULL);
}

TEST(table, tags_are_ready) {
  static const struct {
    const char *name;
    uint8_t n;
    const char *tag, *packed;
  } rows[] = {
    { "doubleValue", 1, "\x09", "\x0a" },
    { "nested", 2, "\x92\x01", "\x92\x01" },
    { "repeatedInt32", 2, "\xe8\x02", "\xea\x02" },
    { "number2047", 2, "\xf8\x7f", "\xfa\x7f" },
    { "number2048", 3, "\x80\x80\x01", "\x82\x80\x01" },
    { "number262144", 4, "\x82\x80\x80\x01", "\x82\x80\x80\x01" },
    { "number33554432", 5, "\x80\x80\x80\x80\x01", "\x82\x80\x80\x80\x01" },
    { "numberMax", 5, "\xf8\xff\xff\xff\x0f", "\xfa\xff\xff\xff\x0f" },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const gw_field *f = sets_field(all_types(), rows[i].name);
    static const uint8_t zeros[8];
    CHECK_INT(f->tag_n, rows[i].n);
    assert_memory_equal(f->tag, rows[i].tag, f->tag_n);
    assert_memory_equal(f->packed_tag, rows[i].packed, f->tag_n);
    assert_memory_equal(f->tag + f->tag_n, zeros, (size_t)(8 - f->tag_n));
  }
}

TEST(table, keys_are_escaped_and_padded) {
  static const struct {
    const char *name, *json, *proto;
  } rows[] = {
    { "int32Value", "\"int32Value\":", "\"int32_value\":" },
    { "value", "\"value\":", "\"value\":" },
    { "@renamed", "\"@renamed\":", "\"renamed\":" },
    { "non_ascii",
      "\"gr\xc3\xb6\xc3\x9f"
      "e\":",
      "\"non_ascii\":" },
    { "back_slash", "\"a\\\\b\":", "\"back_slash\":" },
    { "_leading", "\"Leading\":", "\"_leading\":" },
    { "field0Digit1", "\"field0Digit1\":", "\"field_0_digit_1\":" },
    { "StringField", "\"StringField\":", "\"StringField\":" },
    { "UPPERCASE", "\"UPPERCASE\":", "\"UPPER_CASE\":" },
    { "trailing", "\"trailing\":", "\"trailing_\":" },
  };
  static const char zeros[GW_KEY_PAD];
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const gw_field *f = sets_field(all_types(), rows[i].name);
    CHECK_STR(((gw_str){ f->key_json.p, f->key_json.n }), rows[i].json);
    CHECK_STR(((gw_str){ f->key_proto.p, f->key_proto.n }), rows[i].proto);
    assert_memory_equal(f->key_json.p + f->key_json.n, zeros, GW_KEY_PAD);
    assert_memory_equal(f->key_proto.p + f->key_proto.n, zeros, GW_KEY_PAD);
  }
}

TEST(table, json_names_win_where_names_cross) {
  const gw_message *m = sets_message("codec_test", "codectest.Crossed");
  CHECK_INT(sets_field(m, "first")->number, 2);
  CHECK_INT(sets_field(m, "second")->number, 1);
  CHECK_INT(sets_field(m, "thirdName")->number, 4);
  CHECK_INT(sets_field(m, "third_name")->number, 3);
  CHECK_INT(sets_field(m, "sixth")->number, 5);
  CHECK(gw_message_field_by_name(m, GW_STR("First")) == NULL);
  CHECK(gw_message_field_by_name(m, GW_STR("")) == NULL);
  /* With a json_name of its own a field loses the automatic one. */
  CHECK(gw_message_field_by_name(all_types(), GW_STR("nonAscii")) == NULL);
}

TEST(table, tables_are_at_most_half_full) {
  const gw_message *m = all_types();
  uint32_t used = 0;
  for (uint32_t i = 0; i <= m->names_mask; i++)
    used += m->names[i].index != 0;
  CHECK(used > m->field_count);
  CHECK(2 * used <= m->names_mask + 1);
}

TEST(table, manners_of_proto3) {
  const gw_message *m = all_types();
  CHECK(!sets_field(m, "int32Value")->presence);
  CHECK(sets_field(m, "optionalInt32")->presence);
  CHECK_INT(sets_field(m, "optionalInt32")->oneof, -1);
  CHECK(sets_field(m, "nested")->presence);
  CHECK(sets_field(m, "choiceUint32")->presence);
  CHECK(sets_field(m, "repeatedInt32")->packed);
  CHECK(!sets_field(m, "unpackedInt32")->packed);
  CHECK(!sets_field(m, "repeatedString")->packed);
  CHECK(!sets_field(m, "repeatedNested")->packed);
  CHECK(sets_field(m, "stringValue")->check_utf8);
  CHECK(!sets_field(m, "bytesValue")->check_utf8);
  CHECK_INT(sets_field(m, "sint64Value")->wire_type, GW_WIRE_VARINT);
  CHECK_INT(sets_field(m, "sfixed32Value")->wire_type, GW_WIRE_FIXED32);
  CHECK(!m->has_required);
}

TEST(table, oneofs_are_the_real_ones) {
  const gw_message *m = all_types();
  CHECK_INT(m->oneof_count, 2);
  CHECK_STR(m->oneofs[0], "choice");
  CHECK_STR(m->oneofs[1], "second_choice");
  CHECK_INT(sets_field(m, "choiceNull")->oneof, 0);
  CHECK_INT(sets_field(m, "secondString")->oneof, 1);
}

TEST(table, maps_hold_key_and_value) {
  const gw_field *f = sets_field(all_types(), "mapNested");
  CHECK(f->map && f->repeated && f->message->map_entry);
  CHECK_INT(f->message->field_count, 2);
  CHECK_INT(f->message->fields[0].kind, GW_KIND_STRING);
  CHECK(f->message->fields[1].message == sets_message("codec_test", "codectest.Nested"));
}

TEST(table, well_known_types_are_marked) {
  static const struct {
    const char *field;
    gw_wkt wkt;
  } rows[] = {
    { "timestamp", GW_WKT_TIMESTAMP },
    { "duration", GW_WKT_DURATION },
    { "fieldMask", GW_WKT_FIELD_MASK },
    { "struct", GW_WKT_STRUCT },
    { "value", GW_WKT_VALUE },
    { "listValue", GW_WKT_LIST_VALUE },
    { "any", GW_WKT_ANY },
    { "empty", GW_WKT_EMPTY },
    { "wrappedBytes", GW_WKT_WRAPPER },
    { "wrappedDouble", GW_WKT_WRAPPER },
    { "httpBody", GW_WKT_HTTP_BODY },
    { "status", GW_WKT_NONE },
    { "nested", GW_WKT_NONE },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++)
    CHECK_INT(sets_field(all_types(), rows[i].field)->message->wkt, rows[i].wkt);
  CHECK(sets_field(all_types(), "nullValue")->enumeration->null_value);
  CHECK(!sets_field(all_types(), "color")->enumeration->null_value);
}

/* What gw_enum.dense has is what a search finds, and where it ends nothing is lost. */
static void dense_check(const gw_enum *e, bool empty) {
  CHECK((e->dense_count == 0) == empty);
  for (uint32_t i = 0; i < e->dense_count; i++) {
    const gw_enum_value *found = gw_enum_by_number(e, (int32_t)i);
    if (e->dense[i] == 0) {
      CHECK(found == NULL);
    } else {
      CHECK(found == &e->values[e->dense[i] - 1]);
    }
  }
  if (!empty) CHECK(e->dense[e->dense_count - 1] != 0);
}

TEST(table, enumerations_are_dense_by_number) {
  dense_check(sets_field(all_types(), "color")->enumeration, false);
  dense_check(sets_field(all_types(), "aliased")->enumeration, false);
  dense_check(sets_field(all_types(), "nullValue")->enumeration, true);
}

TEST(table, enumerations_by_number_and_name) {
  const gw_enum *color = sets_field(all_types(), "color")->enumeration;
  static const int32_t numbers[] = { INT32_MIN, -1, 0, 1, 2, 300 };
  CHECK_INT(color->value_count, GW_COUNT_OF(numbers));
  for (size_t i = 0; i < GW_COUNT_OF(numbers); i++) {
    const gw_enum_value *value = &color->values[color->by_number[i]];
    CHECK_INT(value->number, numbers[i]);
    CHECK(gw_enum_by_number(color, numbers[i]) == value);
    CHECK(gw_enum_by_name(color, value->name) == value);
  }
  CHECK_STR(gw_enum_by_number(color, 300)->quoted, "\"BLUE\"");
  CHECK(gw_enum_by_number(color, 3) == NULL);
  CHECK(gw_enum_by_number(color, INT32_MAX) == NULL);
  CHECK(gw_enum_by_name(color, GW_STR("blue")) == NULL);
  const gw_enum *aliased = sets_field(all_types(), "aliased")->enumeration;
  CHECK_STR(gw_enum_by_number(aliased, 1)->name, "ALIAS_ONE");
  CHECK_INT(gw_enum_by_name(aliased, GW_STR("ALIAS_UNO"))->number, 1);
}

TEST(table, proto2_has_required_defaults_and_groups) {
  const gw_message *m = message2();
  CHECK(m->has_required);
  CHECK(sets_field(m, "id")->required);
  CHECK(!sets_field(m, "number")->required && sets_field(m, "number")->presence);
  CHECK_STR(sets_field(m, "number")->default_value, "41");
  CHECK_STR(sets_field(m, "text")->default_value, "hel\"lo");
  CHECK_STR(sets_field(m, "raw")->default_value, "\\001\\377");
  CHECK(sets_field(m, "id")->default_value.p == NULL);
  CHECK(!sets_field(m, "text")->check_utf8);
  CHECK(sets_field(m, "packed")->packed && !sets_field(m, "unpacked")->packed);
  CHECK_INT(sets_field(m, "data")->kind, GW_KIND_GROUP);
  CHECK_INT(sets_field(m, "data")->wire_type, GW_WIRE_GROUP);
  CHECK_INT(sets_field(m, "data")->tag[0], 14 << 3 | 3);
  CHECK(sets_field(m, "item")->repeated && sets_field(m, "item")->message->has_required);
  CHECK_INT(sets_field(m, "pickgroup")->oneof, 0);
  CHECK(sets_field(m, "closedList")->enumeration->closed);
}

TEST(table, extensions_are_fields_of_their_extendee) {
  const gw_pool *pool = sets_pool("codec_test2");
  static const struct {
    const char *name, *key;
    uint32_t number;
  } rows[] = {
    { "codectest2.extension_int32", "\"[codectest2.extension_int32]\":", 100 },
    { "codectest2.extension_closed", "\"[codectest2.extension_closed]\":", 1000 },
    { "codectest2.Extra.inside", "\"[codectest2.Extra.inside]\":", 110 },
    { "codectest2.Extra.inside_bytes", "\"[codectest2.Extra.inside_bytes]\":", 536870911 },
  };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const gw_field *f = gw_pool_find_extension(pool, gw_str_of(rows[i].name));
    CHECK(f != NULL && f->extension && f->presence && f->parent == message2());
    CHECK_INT(f->number, rows[i].number);
    CHECK_STR(f->name, rows[i].name);
    CHECK_STR(((gw_str){ f->key_json.p, f->key_json.n }), rows[i].key);
    CHECK(f->key_proto.p == f->key_json.p);
    CHECK(gw_message_field_by_number(message2(), f->number) == f);
    CHECK(gw_message_field_by_name(message2(), f->json_name) == f);
    CHECK(gw_message_field_by_name(message2(), f->name) == NULL);
  }
  CHECK(gw_pool_find_extension(pool, GW_STR("codectest2.Extra")) == NULL);
}

TEST(table, methods_have_paths_and_rules) {
  const gw_pool *pool = sets_pool("codec_test");
  const gw_rpc *echo = gw_pool_find_rpc(pool, GW_STR("codectest.EchoService/Echo"));
  CHECK(echo != NULL && echo == gw_pool_find_rpc(pool, GW_STR("/codectest.EchoService/Echo")));
  CHECK_STR(echo->name, "Echo");
  CHECK_STR(echo->path, "/codectest.EchoService/Echo");
  CHECK(echo->input == all_types() && echo->output == all_types());
  CHECK_INT(echo->idempotency, GW_NO_SIDE_EFFECTS);
  static const char *const rules[][4] = {
    { "POST", "/v1/echo", "*", "" },
    { "GET", "/v1/echo/{string_value}", "", "" },
    { "PUT", "/v1/echo/{nested.name}", "nested", "nested" },
    { "HEAD", "/v1/echo", "", "" },
  };
  CHECK_INT(echo->rule_count, GW_COUNT_OF(rules));
  for (size_t i = 0; i < GW_COUNT_OF(rules); i++) {
    CHECK_STR(echo->rules[i].method, rules[i][0]);
    CHECK_STR(echo->rules[i].path, rules[i][1]);
    CHECK_STR(echo->rules[i].body, rules[i][2]);
    CHECK_STR(echo->rules[i].response_body, rules[i][3]);
  }
  const gw_rpc *stream = gw_pool_find_rpc(pool, GW_STR("codectest.EchoService/EchoStream"));
  CHECK(stream->client_streaming && stream->server_streaming);
  CHECK_INT(stream->rule_count, 0);
  CHECK_INT(stream->idempotency, GW_IDEMPOTENCY_UNKNOWN);
  CHECK(gw_pool_find_rpc(pool, GW_STR("codectest.EchoService")) == NULL);
  CHECK(gw_pool_find_rpc(pool, GW_STR("//codectest.EchoService/Echo")) == NULL);
  CHECK(gw_pool_find_rpc(pool, GW_STR("")) == NULL);
}

TEST(table, odd_rules_are_kept_as_written) {
  const gw_pool *pool = sets_pool("editions_test");
  const gw_rpc *bare = gw_pool_find_rpc(pool, GW_STR("editionstest.Odd/Bare"));
  CHECK_INT(bare->rule_count, 1);
  CHECK_STR(bare->rules[0].method, "");
  CHECK_STR(bare->rules[0].path, "");
  CHECK_STR(bare->rules[0].body, "*");
  const gw_rpc *nested = gw_pool_find_rpc(pool, GW_STR("editionstest.Odd/Nested"));
  CHECK_INT(nested->rule_count, 3);
  CHECK_STR(nested->rules[2].path, "/c");
}

TEST(table, ids_are_dense) {
  const gw_pool *pool = sets_pool("codec_test2");
  uint32_t fields = 0;
  for (uint32_t i = 0; i < gw_pool_message_count(pool); i++) {
    CHECK_INT(pool->messages[i].id, i);
    for (uint32_t j = 0; j < pool->messages[i].field_count; j++)
      CHECK_INT(pool->messages[i].fields[j].id, fields++);
  }
  CHECK_INT(gw_pool_field_count(pool), fields);
}

TEST(table, userservice_is_what_the_user_gave) {
  const gw_pool *pool = sets_pool("userservice");
  static const struct {
    const char *name, *method, *path, *body;
    bool client, server;
  } rows[] = {
    { "GetUser", "GET", "/v1/users/{user_id}", "", false, false },
    { "ListUsers", "GET", "/v1/users", "", false, true },
    { "StreamUpdates", NULL, NULL, NULL, true, true },
    { "CreateUser", "POST", "/v1/users", "*", false, false },
    { "UpdateUser", "PATCH", "/v1/users/{user.user_id}", "user", false, false },
    { "DeleteUser", "DELETE", "/v1/users/{user_id}", "", false, false },
  };
  const gw_service *service = gw_pool_find_service(pool, GW_STR("userservice.UserService"));
  CHECK_INT(service->rpc_count, GW_COUNT_OF(rows));
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const gw_rpc *rpc = &service->rpcs[i];
    CHECK_STR(rpc->name, rows[i].name);
    CHECK(rpc->service == service);
    CHECK(rpc->client_streaming == rows[i].client && rpc->server_streaming == rows[i].server);
    CHECK_INT(rpc->rule_count, rows[i].method != NULL ? 1 : 0);
    if (rows[i].method == NULL) continue;
    CHECK_STR(rpc->rules[0].method, rows[i].method);
    CHECK_STR(rpc->rules[0].path, rows[i].path);
    CHECK_STR(rpc->rules[0].body, rows[i].body);
  }
  CHECK_INT(sets_field(sets_message("userservice", "userservice.User"), "createdAt")->kind,
            GW_KIND_INT64);
}

TEST(table, types_are_named_as_users_know_them) {
  CHECK_STR(gw_field_type_name(sets_field(all_types(), "sfixed32Value")), "sfixed32");
  CHECK_STR(gw_field_type_name(sets_field(all_types(), "nested")), "codectest.Nested");
  CHECK_STR(gw_field_type_name(sets_field(all_types(), "color")), "codectest.Color");
}

TEST(table, a_misspelt_field_has_a_near_one) {
  const gw_message *user = sets_message("userservice", "userservice.User");
  CHECK_STR(*gw_message_nearest_field(user, GW_STR("emal")), "email");
  CHECK_STR(*gw_message_nearest_field(user, GW_STR("userID")), "userId");
  CHECK_STR(*gw_message_nearest_field(user, GW_STR("user_ib")), "user_id");
  CHECK(gw_message_nearest_field(user, GW_STR("zzzzzzzz")) == NULL);
  CHECK(gw_message_nearest_field(user, GW_STR("")) == NULL);
}

/* An item of a message set: its tag is all that stands before the message's length. */
TEST(table, items_of_message_sets_have_their_start_ready) {
  const gw_message *bag = sets_message("codec_test2", "codectest2.Bag");
  CHECK_INT(bag->wkt, GW_WKT_MESSAGE_SET);
  CHECK(!gw_message_has_own_json(bag));
  CHECK_INT(bag->field_count, 3);
  static const struct {
    uint32_t number;
    const char *tag;
  } rows[] = { { 1, "\x0b\x10\x01\x1a" },
               { 12345, "\x0b\x10\xb9\x60\x1a" },
               { 2147483646, "\x0b\x10\xfe\xff\xff\xff\x07\x1a" } };
  for (size_t i = 0; i < GW_COUNT_OF(rows); i++) {
    const gw_field *field = gw_message_field_by_number(bag, rows[i].number);
    CHECK(field == &bag->fields[i]);
    CHECK(field->item && field->extension && !field->repeated);
    CHECK_INT(field->kind, GW_KIND_GROUP);
    CHECK_STR(((gw_str){ (const char *)field->tag, field->tag_n }), rows[i].tag);
  }
  CHECK(!sets_field(sets_message("codec_test2", "codectest2.Message2"), "bag")->item);
}

TEST(table, names_that_are_not_there) {
  const gw_pool *pool = sets_pool("codec_test");
  CHECK(gw_pool_find_message(pool, GW_STR("codectest.Color")) == NULL);
  CHECK(gw_pool_find_message(pool, GW_STR(".codectest.Nested")) == NULL);
  CHECK(gw_pool_find_enum(pool, GW_STR("codectest.Nested")) == NULL);
  CHECK(gw_pool_find_service(pool, GW_STR("codectest.Echo")) == NULL);
}
