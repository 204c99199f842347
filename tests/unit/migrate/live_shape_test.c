#include "migrate/live_shape.h"

#include "unit/migrate/answers.h"

static const gw_message *message_of(const char *name) {
  const gw_message *message = gw_pool_find_message(answers_pool(), gw_str_of(name));
  CHECK(message != NULL);
  return message;
}

static uint64_t shape_of(const gw_message *output) {
  gw_migration migration = { .output = output };
  return gw_live_shape(&migration);
}

TEST(live_shape, is_the_same_for_the_same_fields) {
  const gw_message *message = message_of("codectest.Book");
  gw_message copy = *message; /* as another snapshot's pool has it, at another place */
  gw_field *fields = malloc(copy.field_count * sizeof *fields);
  memcpy(fields, message->fields, copy.field_count * sizeof *fields);
  copy.fields = fields;
  CHECK(shape_of(&copy) == shape_of(message));
  free(fields);
}

TEST(live_shape, is_another_for_other_fields) {
  const gw_message *message = message_of("codectest.Book");
  gw_message copy = *message;
  gw_field *fields = malloc(copy.field_count * sizeof *fields);
  memcpy(fields, message->fields, copy.field_count * sizeof *fields);
  copy.fields = fields;
  uint64_t whole = shape_of(message);
  copy.field_count--;
  CHECK(shape_of(&copy) != whole);
  copy.field_count++;
  fields[1].name = GW_STR("another");
  CHECK(shape_of(&copy) != whole);
  fields[1] = message->fields[1];
  fields[1].repeated = !fields[1].repeated;
  CHECK(shape_of(&copy) != whole);
  fields[1] = message->fields[1];
  CHECK(shape_of(&copy) == whole);
  free(fields);
}

TEST(live_shape, is_another_for_another_style) {
  gw_json_style camel = { 0 }, proto = { .proto_names = true };
  gw_migration a = { .output = message_of("codectest.Book"), .style = &camel }, b = a, c = a;
  b.style = &proto;
  c.is_list = true;
  CHECK(gw_live_shape(&a) != gw_live_shape(&b));
  CHECK(gw_live_shape(&a) != gw_live_shape(&c));
  gw_migration none = { 0 };
  CHECK(gw_live_shape(&none) != gw_live_shape(&a));
}

/* A message within itself, and one of very many fields, come to an end. */
TEST(live_shape, is_bounded) {
  enum { FIELDS = 100000 };
  gw_message tree = { .full_name = GW_STR("t.Tree") };
  gw_field *fields = calloc(FIELDS, sizeof *fields);
  for (uint32_t i = 0; i < FIELDS; i++)
    fields[i] = (gw_field){ .kind = GW_KIND_MESSAGE, .message = &tree, .number = i + 1 };
  tree.fields = fields;
  tree.field_count = 2;
  uint64_t two = shape_of(&tree);
  tree.field_count = FIELDS;
  CHECK(shape_of(&tree) != two);
  free(fields);
}
