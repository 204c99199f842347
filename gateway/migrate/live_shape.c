#include "migrate/live_shape.h"

#include "migrate/coverage.h"

#define SHAPE_MESSAGES_MAX 256u /* different ones; those beyond count by their name */

typedef struct shape_walk {
  uint64_t hash;
  const gw_message *messages[SHAPE_MESSAGES_MAX]; /* each once, in order of discovery */
  uint32_t message_count;
  uint32_t field_count;
} shape_walk;

static void shape_add_number(shape_walk *walk, uint64_t number) {
  char bytes[sizeof number];
  memcpy(bytes, &number, sizeof number);
  walk->hash = gw_str_hash((gw_str){ bytes, sizeof bytes }, walk->hash);
}

static void shape_add_text(shape_walk *walk, gw_str text) {
  walk->hash = gw_str_hash(text, walk->hash);
}

static void shape_enqueue(shape_walk *walk, const gw_message *message) {
  for (uint32_t i = 0; i < walk->message_count; i++) {
    if (walk->messages[i] == message) return;
  }
  if (walk->message_count < SHAPE_MESSAGES_MAX) walk->messages[walk->message_count++] = message;
}

static void shape_add_field(shape_walk *walk, const gw_field *field) {
  shape_add_text(walk, field->name);
  shape_add_text(walk, field->json_name);
  shape_add_number(walk, (uint64_t)field->kind << 32 | (uint64_t)field->repeated << 1 | field->map);
  if (field->enumeration != NULL) {
    shape_add_text(walk, field->enumeration->full_name);
    shape_add_number(walk, field->enumeration->value_count);
  }
  if (field->message != NULL) {
    shape_add_text(walk, field->message->full_name);
    shape_enqueue(walk, field->message);
  }
}

uint64_t gw_live_shape(const gw_migration *migration) {
  shape_walk walk = { 0 };
  shape_add_number(&walk, migration->is_list);
  shape_add_number(&walk, migration->style != NULL && migration->style->proto_names);
  if (migration->output != NULL) shape_enqueue(&walk, migration->output);
  for (uint32_t i = 0; i < walk.message_count; i++) {
    const gw_message *message = walk.messages[i];
    shape_add_text(&walk, message->full_name);
    for (uint32_t j = 0; j < message->field_count; j++) {
      if (walk.field_count++ == GW_COVERAGE_FIELDS_MAX) return walk.hash;
      shape_add_field(&walk, &message->fields[j]);
    }
  }
  return walk.hash;
}
