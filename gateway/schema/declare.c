/* declare: the names that the files define, and the tables' memory. */
#include "schema/build.h"
#include "schema/names.h"

typedef struct declare_counts {
  size_t messages, enums, services, rpcs, extensions;
} declare_counts;

/* Where a declaration stands. */
typedef struct declare_scope {
  const gw_build_file *file;
  gw_str name; /* of package or message */
  gw_features features;
} declare_scope;

/* Nesting is bounded: GW_DESCRIPTOR_DEPTH_MAX. */
static void declare_count_message(const Sluice__DescriptorProto *proto, declare_counts *n) {
  n->messages++;
  n->enums += proto->n_enum_type;
  n->extensions += proto->n_extension;
  for (size_t i = 0; i < proto->n_nested_type; i++)
    declare_count_message(proto->nested_type[i], n);
}

static declare_counts declare_count(const gw_build *b) {
  declare_counts n = { 0 };
  for (uint32_t f = 0; f < b->file_count; f++) {
    const Sluice__FileDescriptorProto *proto = b->files[f].proto;
    for (size_t i = 0; i < proto->n_message_type; i++)
      declare_count_message(proto->message_type[i], &n);
    n.enums += proto->n_enum_type;
    n.extensions += proto->n_extension;
    n.services += proto->n_service;
    for (size_t i = 0; i < proto->n_service; i++)
      n.rpcs += proto->service[i]->n_method;
  }
  return n;
}

static gw_code declare_alloc(gw_build *b, const declare_counts *n) {
  gw_pool *pool = b->pool;
  size_t names = n->messages + n->enums + n->services + n->rpcs + n->extensions;
  pool->messages = gw_arena_zalloc(&pool->arena, n->messages * sizeof pool->messages[0]);
  b->messages = gw_arena_zalloc(&b->scratch, n->messages * sizeof b->messages[0]);
  b->extensions = gw_arena_zalloc(&b->scratch, n->extensions * sizeof b->extensions[0]);
  b->services = gw_arena_zalloc(&b->scratch, n->services * sizeof b->services[0]);
  if (pool->messages == NULL || b->messages == NULL || b->extensions == NULL ||
      b->services == NULL) {
    return GW_NOMEM;
  }
  return gw_symbols_init(&pool->symbols, &pool->arena, names) ? GW_OK : GW_NOMEM;
}

/* The full name of `name` in its scope, in the pool; p == NULL with GW_OK: was reported. */
static gw_code declare_name(gw_build *b, const declare_scope *scope, const char *name,
                            gw_str *full_name) {
  gw_str last = gw_build_str(name);
  *full_name = (gw_str){ NULL, 0 };
  if (!gw_name_is_identifier(last)) {
    gw_build_error(b, GW_BAD_VALUE, scope->file, scope->name,
                   "defines \"" GW_STR_FMT "\", which is not an identifier", GW_STR_ARG(last));
    return GW_OK;
  }
  *full_name = gw_name_join(&b->pool->arena, scope->name, '.', last);
  return full_name->p != NULL ? GW_OK : GW_NOMEM;
}

/* False: the name is taken.  A built-in file gives way silently: the operator's sets may hold the
 * same definitions under another file name. */
static bool declare_symbol(gw_build *b, const gw_build_file *file, gw_symbol_kind kind, gw_str name,
                           const void *object) {
  gw_symbol symbol = { .name = name, .kind = kind, .file = file->index, .object = object };
  const gw_symbol *taken = gw_symbols_add(&b->pool->symbols, symbol);
  if (taken == NULL) return true;
  if (!file->builtin) {
    gw_build_error(b, GW_CONFLICT, file, name, "is also defined in " GW_STR_FMT,
                   GW_STR_ARG(b->files[taken->file].name));
  }
  return false;
}

static gw_code declare_enum(gw_build *b, const declare_scope *scope,
                            const Sluice__EnumDescriptorProto *proto) {
  gw_enum *e = gw_arena_zalloc(&b->pool->arena, sizeof *e);
  if (e == NULL) return GW_NOMEM;
  gw_code code = declare_name(b, scope, proto->name, &e->full_name);
  if (code != GW_OK || e->full_name.p == NULL) return code;
  if (!declare_symbol(b, scope->file, GW_SYMBOL_ENUM, e->full_name, e)) return GW_OK;
  return gw_enum_build(b, scope->file, scope->features, proto, e);
}

static gw_code declare_extension(gw_build *b, const declare_scope *scope,
                                 const Sluice__FieldDescriptorProto *proto) {
  gw_build_extension *x = &b->extensions[b->extension_count];
  *x = (gw_build_extension){ .proto = proto, .file = scope->file, .features = scope->features };
  gw_code code = declare_name(b, scope, proto->name, &x->full_name);
  if (code != GW_OK || x->full_name.p == NULL) return code;
  /* link.c puts the gw_field in, once it exists. */
  if (declare_symbol(b, scope->file, GW_SYMBOL_EXTENSION, x->full_name, NULL)) b->extension_count++;
  return GW_OK;
}

static gw_code declare_message(gw_build *b, const declare_scope *scope,
                               const Sluice__DescriptorProto *proto) {
  gw_message *message = &b->pool->messages[b->pool->message_count];
  const Sluice__MessageOptions *options = proto->options;
  gw_code code = declare_name(b, scope, proto->name, &message->full_name);
  if (code != GW_OK || message->full_name.p == NULL) return code;
  if (!declare_symbol(b, scope->file, GW_SYMBOL_MESSAGE, message->full_name, message)) return GW_OK;
  message->id = b->pool->message_count++;
  message->map_entry = options != NULL && options->map_entry;
  message->wkt = gw_shape_wkt(message->full_name);
  if (message->wkt == GW_WKT_NONE && options != NULL && options->message_set_wire_format) {
    message->wkt = GW_WKT_MESSAGE_SET;
  }
  declare_scope inner = { .file = scope->file, .name = message->full_name };
  inner.features = gw_features_merge(scope->features, options != NULL ? options->features : NULL);
  b->messages[message->id] = (gw_build_message){
    .message = message, .proto = proto, .file = scope->file, .features = inner.features
  };
  const gw_reserved_source reserved = { proto->reserved_range, proto->n_reserved_range,
                                        proto->reserved_name, proto->n_reserved_name, true };
  code = gw_reserved_build(b, &reserved, &message->reserved);
  for (size_t i = 0; i < proto->n_nested_type && code == GW_OK; i++)
    code = declare_message(b, &inner, proto->nested_type[i]);
  for (size_t i = 0; i < proto->n_enum_type && code == GW_OK; i++)
    code = declare_enum(b, &inner, proto->enum_type[i]);
  for (size_t i = 0; i < proto->n_extension && code == GW_OK; i++)
    code = declare_extension(b, &inner, proto->extension[i]);
  return code;
}

static gw_code declare_rpc(gw_build *b, const gw_build_file *file, const gw_service *service,
                           const char *name, gw_rpc *rpc) {
  rpc->service = service;
  rpc->name = gw_build_str(name);
  if (!gw_name_is_identifier(rpc->name)) {
    gw_build_error(b, GW_BAD_VALUE, file, service->full_name,
                   "has a method \"" GW_STR_FMT "\", which is not an identifier",
                   GW_STR_ARG(rpc->name));
    return GW_OK;
  }
  rpc->path = gw_arena_printf(&b->pool->arena, "/" GW_STR_FMT "/" GW_STR_FMT,
                              GW_STR_ARG(service->full_name), GW_STR_ARG(rpc->name));
  if (rpc->path.p == NULL) return GW_NOMEM;
  rpc->full_name = gw_str_skip(rpc->path, 1);
  rpc->name = gw_str_skip(rpc->full_name, service->full_name.n + 1);
  (void)declare_symbol(b, file, GW_SYMBOL_RPC, rpc->full_name, rpc);
  return GW_OK;
}

static gw_code declare_service(gw_build *b, const declare_scope *scope,
                               const Sluice__ServiceDescriptorProto *proto) {
  gw_service *service = gw_arena_zalloc(&b->pool->arena, sizeof *service);
  gw_rpc *rpcs = gw_arena_zalloc(&b->pool->arena, proto->n_method * sizeof rpcs[0]);
  if (service == NULL || rpcs == NULL) return GW_NOMEM;
  gw_code code = declare_name(b, scope, proto->name, &service->full_name);
  if (code != GW_OK || service->full_name.p == NULL) return code;
  if (!declare_symbol(b, scope->file, GW_SYMBOL_SERVICE, service->full_name, service)) return GW_OK;
  service->rpcs = rpcs;
  service->rpc_count = (uint32_t)proto->n_method;
  b->services[b->service_count++] =
      (gw_build_service){ .service = service, .proto = proto, .file = scope->file };
  for (size_t i = 0; i < proto->n_method && code == GW_OK; i++)
    code = declare_rpc(b, scope->file, service, proto->method[i]->name, &rpcs[i]);
  return code;
}

static gw_code declare_file(gw_build *b, const gw_build_file *file) {
  const Sluice__FileDescriptorProto *proto = file->proto;
  declare_scope scope = { .file = file, .features = file->features };
  gw_code code = GW_OK;
  scope.name = gw_build_str(proto->package);
  if (scope.name.n > 0 && !gw_name_is_dotted(scope.name)) {
    gw_build_error(b, GW_BAD_VALUE, file, (gw_str){ NULL, 0 },
                   "has the package \"" GW_STR_FMT "\"; expected identifiers with dots between",
                   GW_STR_ARG(scope.name));
    return GW_OK;
  }
  for (size_t i = 0; i < proto->n_message_type && code == GW_OK; i++)
    code = declare_message(b, &scope, proto->message_type[i]);
  for (size_t i = 0; i < proto->n_enum_type && code == GW_OK; i++)
    code = declare_enum(b, &scope, proto->enum_type[i]);
  for (size_t i = 0; i < proto->n_extension && code == GW_OK; i++)
    code = declare_extension(b, &scope, proto->extension[i]);
  for (size_t i = 0; i < proto->n_service && code == GW_OK; i++)
    code = declare_service(b, &scope, proto->service[i]);
  return code;
}

gw_code gw_declare_all(gw_build *b) {
  declare_counts n = declare_count(b);
  gw_code code = declare_alloc(b, &n);
  for (uint32_t i = 0; i < b->file_count && code == GW_OK; i++)
    code = declare_file(b, &b->files[i]);
  return code;
}
