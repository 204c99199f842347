/* files: descriptor sets -> the files in them, each once, and the imports between them. */
#include "base/limits.h"
#include "schema/build.h"
#include "schema/builtin.h"
#include "schema/check.h"

enum { WALK_NEW = 0, WALK_OPEN, WALK_DONE };

typedef struct files_memory {
  gw_arena *arena;
  bool failed;
} files_memory;

static void *files_alloc(void *context, size_t size) {
  files_memory *memory = context;
  void *piece = gw_arena_alloc(memory->arena, size);
  if (piece == NULL) memory->failed = true;
  return piece;
}

/* The arena frees everything at once. */
static void files_free(void *context, void *piece) {
  (void)context;
  (void)piece;
}

static gw_code files_count(const gw_schema_source *source, size_t *count, gw_err *err) {
  size_t at = 0;
  gw_str file;
  if (source->bytes.n > GW_DESCRIPTOR_BYTES_MAX) {
    return gw_err_set(err, GW_TOO_LARGE, "has %zu bytes; at most %zu are read", source->bytes.n,
                      GW_DESCRIPTOR_BYTES_MAX);
  }
  do {
    gw_code code = gw_check_next(source->bytes, &at, &file, err);
    if (code != GW_OK) return code;
    if (file.p != NULL) ++*count;
  } while (file.p != NULL);
  return GW_OK;
}

static gw_code files_unpack(gw_build *b, gw_str set, gw_str bytes,
                            const Sluice__FileDescriptorProto **out, gw_err *err) {
  files_memory memory = { .arena = &b->scratch };
  ProtobufCAllocator allocator = { files_alloc, files_free, &memory };
  gw_buf clean;
  /* A length of one byte may become one of five. */
  gw_buf_init(&clean, NULL, 3 * bytes.n + 16);
  gw_code code = gw_check_file(set, bytes, &clean, err);
  if (code == GW_OK) {
    *out = sluice__file_descriptor_proto__unpack(&allocator, clean.n, (const uint8_t *)clean.p);
    if (*out == NULL) {
      code = memory.failed ? GW_NOMEM
                           : gw_err_set(err, GW_BAD_VALUE,
                                        "not a FileDescriptorSet: byte %zu: "
                                        "a file that cannot be unpacked",
                                        (size_t)(bytes.p - set.p));
    }
  }
  gw_buf_done(&clean);
  return code;
}

static gw_code files_add(gw_build *b, const Sluice__FileDescriptorProto *proto, bool builtin,
                         gw_err *err) {
  gw_build_file *file = &b->files[b->file_count];
  *file = (gw_build_file){
    .name = gw_build_str(proto->name), .proto = proto, .index = b->file_count, .builtin = builtin
  };
  if (file->name.n == 0) return gw_err_set(err, GW_BAD_VALUE, "holds a file without a name");
  gw_symbol symbol = { .name = file->name, .kind = GW_SYMBOL_FILE, .object = file };
  /* Each file once, as the first set has it. */
  if (gw_symbols_add(&b->file_names, symbol) != NULL) return GW_OK;
  b->file_count++;
  gw_err wrong;
  gw_err_init(&wrong);
  if (gw_features_of_file(proto, &file->features, &wrong) != GW_OK) {
    gw_build_error(b, wrong.code, file, (gw_str){ NULL, 0 }, "%s", wrong.text);
  }
  return GW_OK;
}

static gw_code files_read_source(gw_build *b, const gw_schema_source *source, bool builtin,
                                 gw_err *err) {
  size_t at = 0;
  for (;;) {
    gw_str bytes;
    const Sluice__FileDescriptorProto *proto = NULL;
    gw_code code = gw_check_next(source->bytes, &at, &bytes, err);
    if (code != GW_OK || bytes.p == NULL) return code;
    code = files_unpack(b, source->bytes, bytes, &proto, err);
    if (code == GW_OK) code = files_add(b, proto, builtin, err);
    if (code != GW_OK) return code;
  }
}

/* A fault of a source is reported; only the lack of memory is returned. */
static gw_code files_note(gw_build *b, const gw_schema_source *source, gw_err *err, gw_code code) {
  const gw_build_file file = { .name = source->name };
  const char *hint = "";
  if (code == GW_OK || code == GW_NOMEM) return code;
  if (code == GW_BAD_VALUE) {
    hint = "; make a set with protoc --include_imports --descriptor_set_out=FILE "
           "or with buf build -o FILE.binpb";
  }
  gw_build_error(b, code, &file, (gw_str){ NULL, 0 }, "%s%s", err->text, hint);
  return GW_OK;
}

gw_code gw_files_read(gw_build *b, const gw_schema_source *sources, size_t count) {
  const gw_schema_source builtin = { GW_STR_INIT("(built-in)"),
                                     { (const char *)gw_schema_builtin, gw_schema_builtin_n } };
  size_t total = 0;
  gw_err err;
  gw_code code = GW_OK;
  for (size_t i = 0; i <= count && code == GW_OK; i++) {
    const gw_schema_source *source = i < count ? &sources[i] : &builtin;
    size_t before = total;
    gw_err_init(&err);
    code = files_count(source, &total, &err);
    if (code == GW_OK && total == before) {
      code = gw_err_set(&err, GW_BAD_VALUE, "holds no files");
    }
    code = files_note(b, source, &err, code);
  }
  if (code != GW_OK || b->first != GW_OK) return code;
  b->files = gw_arena_zalloc(&b->scratch, total * sizeof b->files[0]);
  if (b->files == NULL || !gw_symbols_init(&b->file_names, &b->scratch, total)) return GW_NOMEM;
  for (size_t i = 0; i <= count && code == GW_OK; i++) {
    const gw_schema_source *source = i < count ? &sources[i] : &builtin;
    gw_err_init(&err);
    code = files_note(b, source, &err, files_read_source(b, source, i == count, &err));
  }
  return code;
}

static gw_build_file *files_find(const gw_build *b, const char *name) {
  const gw_symbol *symbol = gw_symbols_find(&b->file_names, gw_build_str(name));
  return symbol != NULL ? &b->files[((const gw_build_file *)symbol->object)->index] : NULL;
}

static void files_check_missing(gw_build *b) {
  for (uint32_t i = 0; i < b->file_count; i++) {
    const Sluice__FileDescriptorProto *proto = b->files[i].proto;
    for (size_t j = 0; j < proto->n_dependency; j++) {
      if (files_find(b, proto->dependency[j]) != NULL) continue;
      gw_build_error(b, GW_NOT_FOUND, &b->files[i], (gw_str){ NULL, 0 },
                     "imports \"%s\", which no descriptor set contains "
                     "(compile with --include_imports)",
                     proto->dependency[j]);
    }
  }
}

typedef struct files_step {
  gw_build_file *file;
  size_t next; /* dependency to follow */
} files_step;

/* Depth first without recursion: a chain of imports may be as long as there are files. */
static void files_walk(gw_build *b, files_step *steps, gw_build_file *start) {
  size_t depth = 0;
  if (start->walk != WALK_NEW) return;
  start->walk = WALK_OPEN;
  steps[depth++] = (files_step){ start, 0 };
  while (depth > 0) {
    files_step *step = &steps[depth - 1];
    if (step->next == step->file->proto->n_dependency) {
      step->file->walk = WALK_DONE;
      depth--;
      continue;
    }
    gw_build_file *import = files_find(b, step->file->proto->dependency[step->next++]);
    if (import->walk == WALK_OPEN) {
      gw_build_error(b, GW_CONFLICT, step->file, (gw_str){ NULL, 0 },
                     "imports \"" GW_STR_FMT "\", which needs this file in turn",
                     GW_STR_ARG(import->name));
    } else if (import->walk == WALK_NEW) {
      import->walk = WALK_OPEN;
      steps[depth++] = (files_step){ import, 0 };
    }
  }
}

gw_code gw_files_check_imports(gw_build *b) {
  files_check_missing(b);
  if (b->first != GW_OK) return GW_OK;
  files_step *steps = gw_arena_alloc(&b->scratch, b->file_count * sizeof steps[0]);
  if (steps == NULL) return GW_NOMEM;
  for (uint32_t i = 0; i < b->file_count; i++)
    files_walk(b, steps, &b->files[i]);
  return GW_OK;
}
