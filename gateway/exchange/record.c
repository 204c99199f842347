#include "exchange/record.h"

void gw_record_init(gw_record *record, gw_arena *arena, const gw_compare_policy *policy,
                    size_t body_bytes_max) {
  *record = (gw_record){ .arena = arena, .policy = policy };
  gw_buf_init(&record->body, arena, body_bytes_max);
}

static bool record_wants(const gw_record *record, gw_str name) {
  if (gw_str_eq_nocase(name, GW_STR("content-encoding"))) return true;
  for (uint32_t i = 0; i < record->policy->header_count; i++) {
    if (gw_str_eq_nocase(name, record->policy->headers[i])) return true;
  }
  return false;
}

static gw_code record_fields(gw_record *record, const gw_answer *answer) {
  gw_header *fields = gw_arena_alloc(record->arena, (answer->field_count + 1) * sizeof *fields);
  uint32_t count = 0;
  if (fields == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < answer->field_count; i++) {
    const gw_header *field = &answer->fields[i];
    /* An answer that is passed on has its type among its fields. */
    if (answer->content_type.n == 0 && gw_str_eq_nocase(field->name, GW_STR("content-type"))) {
      record->answer.content_type = gw_arena_copy(record->arena, field->value);
      if (record->answer.content_type.p == NULL) return GW_NOMEM;
    }
    if (!record_wants(record, field->name)) continue;
    fields[count].name = gw_arena_copy(record->arena, field->name);
    fields[count].value = gw_arena_copy(record->arena, field->value);
    if (fields[count].name.p == NULL || fields[count].value.p == NULL) return GW_NOMEM;
    count++;
  }
  record->answer.fields = fields;
  record->answer.field_count = count;
  return GW_OK;
}

gw_code gw_record_head(gw_record *record, const gw_answer *answer) {
  record->answer.status = answer->status;
  if (answer->content_type.n > 0) {
    record->answer.content_type = gw_arena_copy(record->arena, answer->content_type);
    if (record->answer.content_type.p == NULL) return GW_NOMEM;
  }
  gw_code code = record_fields(record, answer);
  if (code == GW_OK && !answer->no_body) code = gw_buf_append(&record->body, answer->body);
  return code;
}

gw_code gw_record_piece(gw_record *record, gw_str piece) {
  return gw_buf_append(&record->body, piece);
}

void gw_record_end(gw_record *record) {
  record->answer.body = gw_buf_str(&record->body);
  record->is_whole = true;
}
