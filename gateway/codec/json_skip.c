#include "codec/json_reader.h"
#include "codec/number.h"

/* The open containers of a value that is skipped. */
typedef struct skip_stack {
  uint32_t depth, levels;
  uint32_t begin[GW_JSON_BRACKETS_MAX]; /* offsets of their brackets */
} skip_stack;

static const char *skip_literal(gw_json_reader *reader, const char *in, gw_str literal) {
  if (gw_str_starts(gw_str_from(in, reader->end), literal)) return in + literal.n;
  bool cut = gw_str_starts(literal, gw_str_from(in, reader->end));
  return gw_json_fail(reader, cut ? reader->end : in, GW_BAD_REQUEST, "expected a value").in;
}

static const char *skip_scalar(gw_json_reader *reader, const char *in) {
  gw_number number;
  switch (*in) {
  case '"': return gw_json_string_skip(reader, in);
  case 't': return skip_literal(reader, in, GW_STR("true"));
  case 'f': return skip_literal(reader, in, GW_STR("false"));
  case 'n': return skip_literal(reader, in, GW_STR("null"));
  default: break;
  }
  if (gw_number_scan(gw_str_from(in, reader->end), &number)) return in + number.text.n;
  if (*in != '-') return gw_json_fail_expected(reader, in, GW_STR("a value")).in;
  return gw_json_fail(reader, in + 1, GW_BAD_REQUEST, "no digit behind '-'").in;
}

/* The key at `in`, its colon and the space around them. */
static const char *skip_key(gw_json_reader *reader, const char *in, const skip_stack *stack,
                            gw_json_types *types) {
  if (in >= reader->end || *in != '"') {
    return gw_json_fail_syntax(reader, in, GW_STR("a key in quotes")).in;
  }
  gw_str name;
  in = types != NULL ? gw_json_text(reader, in, &name) : gw_json_string_skip(reader, in);
  if (in == NULL) return NULL;
  in = gw_json_space(reader, in);
  if (in >= reader->end || *in != ':') {
    return gw_json_fail_syntax(reader, in, GW_STR("':'")).in;
  }
  in = gw_json_space(reader, in + 1);
  if (types != NULL && gw_str_eq(name, GW_STR("@type"))) {
    const char *object = reader->begin + stack->begin[stack->depth - 1];
    if (!gw_json_types_note(reader, types, object, in)) {
      return gw_json_fail_memory(reader, GW_NOMEM).in;
    }
  }
  return in;
}

/* Whether the innermost container is a level: all but arrays that are the value of a member. */
static bool skip_is_level(const gw_json_reader *reader, const skip_stack *stack) {
  const uint32_t *top = &stack->begin[stack->depth - 1];
  if (reader->begin[*top] == '{') return true;
  return stack->depth > 1 && reader->begin[top[-1]] == '[';
}

/* Enters the container at `in`; its first key or element, or its end, comes next. */
static const char *skip_open(gw_json_reader *reader, const char *in, skip_stack *stack) {
  if (stack->depth < GW_JSON_BRACKETS_MAX) {
    stack->begin[stack->depth++] = (uint32_t)(in - reader->begin);
    stack->levels += skip_is_level(reader, stack) ? 1 : 0;
    if (reader->depth + stack->levels <= GW_JSON_DEPTH_MAX) return gw_json_space(reader, in + 1);
  }
  return gw_json_fail(reader, in, GW_BAD_REQUEST, "nested deeper than %d levels", GW_JSON_DEPTH_MAX)
      .in;
}

static void skip_close(const gw_json_reader *reader, skip_stack *stack) {
  stack->levels -= skip_is_level(reader, stack) ? 1 : 0;
  stack->depth--;
}

const char *gw_json_skip(gw_json_reader *reader, const char *in, gw_json_types *types) {
  skip_stack stack;
  stack.depth = stack.levels = 0;
  for (;;) {
    /* a value begins here */
    if (in >= reader->end) return gw_json_fail_end(reader).in;
    if (*in == '{' || *in == '[') {
      char close = *in == '{' ? '}' : ']';
      in = skip_open(reader, in, &stack);
      if (in == NULL) return NULL;
      if (in < reader->end && *in == close) {
        in++;
        skip_close(reader, &stack);
      } else {
        if (close == '}') in = skip_key(reader, in, &stack, types);
        if (in == NULL) return NULL;
        continue;
      }
    } else {
      in = skip_scalar(reader, in);
      if (in == NULL) return NULL;
    }
    bool more = false;
    while (!more) { /* a value ended here, and perhaps its containers */
      if (stack.depth == 0) return in;
      char close = reader->begin[stack.begin[stack.depth - 1]] == '{' ? '}' : ']';
      in = gw_json_next(reader, in, close, &more);
      if (in != NULL && more && close == '}') in = skip_key(reader, in, &stack, types);
      if (in == NULL) return NULL;
      if (!more) skip_close(reader, &stack);
    }
  }
}
