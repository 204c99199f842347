#include "codec/json_mask.h"

#include "codec/json_reader.h"

/* An open object. */
typedef struct mask_frame {
  const gw_message *message; /* NULL: of a Struct, whose keys are taken as they are */
  const gw_field *field;     /* that the member being read means; NULL in a Struct */
  size_t path_n;             /* of the object's own path */
} mask_frame;

typedef struct mask_walk {
  gw_json_reader reader;
  const gw_field_path *skips;
  uint32_t skip_count;
  gw_buf path; /* of the member being read */
  gw_buf *out;
  uint32_t depth;
  mask_frame frames[GW_JSON_DEPTH_MAX];
} mask_walk;

gw_code gw_json_mask_path(gw_str path, gw_buf *out) {
  char prefix[12], *end = prefix;
  *end++ = 1 << 3 | GW_WIRE_LENGTH; /* google.protobuf.FieldMask.paths */
  end = gw_json_put_varint(end, path.n);
  gw_code code = gw_buf_reserve(out, (size_t)(end - prefix) + path.n);
  if (code != GW_OK) return code;
  memcpy(out->p + out->n, prefix, (size_t)(end - prefix));
  out->n += (size_t)(end - prefix);
  return gw_buf_append(out, path);
}

/* Whether the fields of the open objects begin with those of a skip. */
static bool walk_is_skipped(const mask_walk *walk) {
  for (uint32_t i = 0; i < walk->skip_count; i++) {
    gw_field_path skip = walk->skips[i];
    uint32_t same = 0;
    while (same < skip.count && same < walk->depth &&
           walk->frames[same].field == skip.fields[same]) {
      same++;
    }
    if (same == skip.count) return true;
  }
  return false;
}

static gw_code walk_leaf(mask_walk *walk) {
  if (walk_is_skipped(walk)) return GW_OK;
  return gw_json_mask_path(gw_buf_str(&walk->path), walk->out);
}

/* The object that begins with a member's value: *message is its own.  False: a leaf. */
static bool walk_descends(const mask_frame *frame, const gw_message **message) {
  const gw_field *field = frame->field;
  *message = NULL;
  if (frame->message == NULL) return true;
  if (field->message == NULL || field->repeated) return false;
  switch (field->message->wkt) {
  case GW_WKT_STRUCT:
  case GW_WKT_VALUE: return true;
  case GW_WKT_NONE:
  case GW_WKT_HTTP_BODY: *message = field->message; return true;
  default: return false;
  }
}

/* An enum name that the codec ignored. */
static bool walk_is_ignored(mask_walk *walk, const mask_frame *frame, const char *in) {
  gw_str name;
  if (frame->field == NULL || frame->field->enumeration == NULL || *in != '"') return false;
  if (frame->field->repeated || gw_json_text(&walk->reader, in, &name) == NULL) return false;
  return gw_enum_by_name(frame->field->enumeration, name) == NULL;
}

static gw_code walk_open(mask_walk *walk, const gw_message *message) {
  if (walk->depth == GW_JSON_DEPTH_MAX) return GW_TOO_LARGE; /* the codec stops before */
  walk->frames[walk->depth++] = (mask_frame){ .message = message, .path_n = walk->path.n };
  return GW_OK;
}

/* The path of the open object, and behind it the member's name. */
static gw_code walk_path(mask_walk *walk, const mask_frame *frame, gw_str key) {
  const gw_field *field = frame->field;
  gw_str name = field != NULL ? field->name : key;
  const char *dot = frame->path_n > 0 ? "." : "";
  walk->path.n = frame->path_n;
  gw_code code = gw_buf_append(&walk->path, gw_str_of(dot));
  if (field == NULL || !field->extension) {
    return code == GW_OK ? gw_buf_append(&walk->path, name) : code;
  }
  return code == GW_OK ? gw_buf_printf(&walk->path, "[" GW_STR_FMT "]", GW_STR_ARG(name)) : code;
}

/* A key and its colon: the path becomes the member's.  *known: the field exists. */
static gw_code walk_key(mask_walk *walk, const char **in, bool *known) {
  mask_frame *frame = &walk->frames[walk->depth - 1];
  gw_str name;
  const char *next = gw_json_text(&walk->reader, *in, &name);
  if (next == NULL) return walk->reader.code;
  frame->field = NULL;
  *known = frame->message == NULL;
  if (frame->message != NULL) {
    frame->field = gw_json_field_find(&walk->reader, frame->message, name);
    *known = frame->field != NULL;
  }
  gw_code code = *known ? walk_path(walk, frame, name) : GW_OK;
  *in = gw_json_colon(&walk->reader, next);
  return code == GW_OK && *in == NULL ? walk->reader.code : code;
}

/* One member up to its value's end, or into its object. */
static gw_code walk_member(mask_walk *walk, const char **in, bool *opened) {
  const gw_message *message;
  bool known = false;
  *opened = false;
  gw_code code = walk_key(walk, in, &known);
  if (code != GW_OK) return code;
  const mask_frame *frame = &walk->frames[walk->depth - 1];
  if (known && **in == '{' && walk_descends(frame, &message)) {
    const char *inner = gw_json_space(&walk->reader, *in + 1);
    if (*inner != '}') {
      *in = inner;
      *opened = true;
      return walk_open(walk, message);
    }
  }
  if (known && !walk_is_ignored(walk, frame, *in)) code = walk_leaf(walk);
  if (code != GW_OK) return code;
  *in = gw_json_skip(&walk->reader, *in, NULL);
  return *in != NULL ? GW_OK : walk->reader.code;
}

/* Behind '{' and its space, not at '}'. */
static gw_code walk_object(mask_walk *walk, const char *in) {
  while (walk->depth > 0) {
    bool opened, more = false;
    gw_code code = walk_member(walk, &in, &opened);
    if (code != GW_OK) return code;
    if (opened) continue;
    while (!more && walk->depth > 0) {
      in = gw_json_next(&walk->reader, in, '}', &more);
      if (in == NULL) return walk->reader.code;
      if (!more) walk->depth--;
    }
  }
  return GW_OK;
}

gw_code gw_json_mask(gw_codec *codec, const gw_message *message, gw_str json,
                     const gw_field_path *skips, uint32_t skip_count, gw_buf *out) {
  mask_walk walk;
  memset(&walk.reader, 0, sizeof walk.reader);
  walk.reader.begin = json.p;
  walk.reader.end = json.p + json.n;
  walk.reader.codec = codec;
  walk.reader.memo = codec->memo;
  walk.skips = skips;
  walk.skip_count = skip_count;
  walk.out = out;
  walk.depth = 0;
  gw_buf_init(&walk.path, codec->arena, out->max);
  size_t before = out->n;
  if (message->wkt == GW_WKT_STRUCT || message->wkt == GW_WKT_VALUE) message = NULL;
  const char *in = gw_json_space_slow(&walk.reader, json.p);
  if (in >= walk.reader.end || *in != '{') return GW_OK;
  in = gw_json_space(&walk.reader, in + 1);
  if (*in == '}') return GW_OK;
  gw_code code = walk_open(&walk, message);
  if (code == GW_OK) code = walk_object(&walk, in);
  if (code != GW_OK) out->n = before;
  return code;
}
