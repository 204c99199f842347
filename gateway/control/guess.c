#include "control/guess.h"

#include "control/words.h"

typedef enum guess_verb {
  VERB_GET,
  VERB_LIST,
  VERB_CREATE,
  VERB_UPDATE, /* some fields: PATCH */
  VERB_SET,    /* the whole: PUT */
  VERB_DELETE,
  VERB_BATCH,
  VERB_CUSTOM
} guess_verb;

/* A method while it is guessed. */
typedef struct guess_work {
  const gw_guess_service *service;
  const gw_rpc *rpc;
  gw_arena *arena;
  gw_words words; /* of its name */
  gw_words noun;  /* in singular */
  gw_words verb;  /* of VERB_BATCH and VERB_CUSTOM */
  guess_verb kind;
  bool is_plural; /* the noun was one */
} guess_work;

static guess_verb guess_kind(const gw_words *words) {
  static const char *const get[] = { "get", "fetch", "read", "describe", "retrieve" };
  static const char *const list[] = { "list" };
  static const char *const create[] = { "create", "insert", "add", "register" };
  static const char *const update[] = { "update", "modify", "patch", "edit", "change" };
  static const char *const set[] = { "set", "put", "replace", "upsert" };
  static const char *const delete[] = { "delete", "remove", "destroy" };
  static const char *const batch[] = { "batch" };
  if (words->count < 2) return VERB_CUSTOM;
  if (gw_words_first_is(words, get, GW_COUNT_OF(get))) return VERB_GET;
  if (gw_words_first_is(words, list, GW_COUNT_OF(list))) return VERB_LIST;
  if (gw_words_first_is(words, create, GW_COUNT_OF(create))) return VERB_CREATE;
  if (gw_words_first_is(words, update, GW_COUNT_OF(update))) return VERB_UPDATE;
  if (gw_words_first_is(words, set, GW_COUNT_OF(set))) return VERB_SET;
  if (gw_words_first_is(words, delete, GW_COUNT_OF(delete))) return VERB_DELETE;
  if (gw_words_first_is(words, batch, GW_COUNT_OF(batch)) && words->count > 2) return VERB_BATCH;
  return VERB_CUSTOM;
}

/* ---- what the service tells ---- */

/* "v1", "v2beta3", "v1p1alpha": the last part of the package, if it is one; else "v1". */
static gw_str guess_version(gw_str service_name) {
  gw_str package = service_name, part = { NULL, 0 };
  while (package.n > 0 && package.p[package.n - 1] != '.')
    package.n--;
  package = gw_str_trim(package, ".");
  while (package.n > 0)
    part = gw_str_cut(&package, '.');
  bool good = part.n >= 2 && part.p[0] == 'v' && part.p[1] >= '0' && part.p[1] <= '9';
  for (size_t i = 2; i < part.n; i++)
    good = good && gw_str_find(GW_STR("0123456789abcdefghijklmnopqrstuvwxyz"), part.p[i]) < 36;
  return good && part.n <= 24 ? part : GW_STR("v1");
}

/* "UserDirectory" of "pkg.UserDirectoryService". */
static gw_words guess_service_words(gw_str full_name) {
  gw_str name = full_name;
  while (gw_str_find(name, '.') < name.n)
    gw_str_cut(&name, '.');
  gw_words words = gw_words_split(name);
  static const char *const ends[] = { "service", "api" };
  gw_words last = gw_words_tail(&words, words.count > 0 ? words.count - 1 : 0);
  if (words.count > 1 && gw_words_first_is(&last, ends, GW_COUNT_OF(ends))) words.count--;
  return words;
}

static const gw_field *guess_find_field(const gw_message *message, gw_str name) {
  const gw_field *field = gw_message_field_by_name(message, name);
  return field != NULL && gw_str_eq(field->name, name) ? field : NULL;
}

/* What a path variable may be: one text or whole number. */
static bool guess_is_id(const gw_field *field) {
  if (field == NULL || field->repeated || field->extension) return false;
  switch (field->kind) {
  case GW_KIND_STRING:
  case GW_KIND_INT32:
  case GW_KIND_INT64:
  case GW_KIND_UINT32:
  case GW_KIND_UINT64:
  case GW_KIND_SINT32:
  case GW_KIND_SINT64:
  case GW_KIND_FIXED32:
  case GW_KIND_FIXED64:
  case GW_KIND_SFIXED32:
  case GW_KIND_SFIXED64: return true;
  default: return false;
  }
}

static bool guess_has_parent(const gw_message *message) {
  const gw_field *parent = guess_find_field(message, GW_STR("parent"));
  return parent != NULL && !parent->repeated && parent->kind == GW_KIND_STRING;
}

static bool guess_note_noun(gw_guess_service *s, const gw_rpc *rpc, gw_arena *arena) {
  gw_words words = gw_words_split(rpc->name);
  guess_verb kind = guess_kind(&words);
  if (guess_has_parent(rpc->input)) s->has_parents = true;
  if (kind == VERB_BATCH || kind == VERB_CUSTOM) return true;
  gw_words noun = gw_words_tail(&words, 1);
  noun = gw_words_singular(&noun, arena);
  gw_str key = gw_words_join(&noun, '_', arena);
  if (key.p == NULL) return false;
  return gw_names_find(&s->nouns, key) != NULL || gw_names_add(&s->nouns, key, 0);
}

bool gw_guess_service_read(const gw_service *service, gw_arena *arena, gw_guess_service *out) {
  gw_words words = guess_service_words(service->full_name);
  *out = (gw_guess_service){ .service = service, .version = guess_version(service->full_name) };
  out->name = gw_words_camel(&words, arena);
  gw_names_init(&out->nouns, arena);
  bool good = out->name.p != NULL;
  for (uint32_t i = 0; i < service->rpc_count && good; i++)
    good = guess_note_noun(out, &service->rpcs[i], arena);
  return good;
}

/* ---- one method ---- */

static bool guess_knows(const guess_work *w, const gw_words *noun) {
  gw_words one = gw_words_singular(noun, w->arena);
  gw_str key = gw_words_join(&one, '_', w->arena);
  return key.p != NULL && gw_names_find(&w->service->nouns, key) != NULL;
}

/* Verb and noun of "ArchiveUserProfile", where the service has user profiles: the longest noun that
 * it has.  Otherwise everything is the verb. */
static void guess_read_custom(guess_work *w, uint32_t from) {
  w->verb = w->words;
  for (uint32_t i = from + 1; i < w->words.count; i++) {
    gw_words noun = gw_words_tail(&w->words, i);
    if (!guess_knows(w, &noun)) continue;
    w->noun = noun;
    w->verb.count = i;
    return;
  }
}

static void guess_read(guess_work *w) {
  w->words = gw_words_split(w->rpc->name);
  w->kind = guess_kind(&w->words);
  /* A stream of requests has a path of its own: what is in the path would be of the first only. */
  if (w->rpc->client_streaming && w->kind != VERB_BATCH) w->kind = VERB_CUSTOM;
  if (w->kind == VERB_CUSTOM) {
    guess_read_custom(w, 0);
  } else if (w->kind == VERB_BATCH) {
    w->verb = w->words;
    w->verb.count = 2;
    w->noun = gw_words_tail(&w->words, 2);
  } else {
    w->noun = gw_words_tail(&w->words, 1);
  }
  gw_words one = gw_words_singular(&w->noun, w->arena);
  gw_str was = gw_words_join(&w->noun, '_', w->arena), is = gw_words_join(&one, '_', w->arena);
  w->is_plural = !gw_str_eq(was, is);
  w->noun = one;
}

/* Whether all of a request fits into a query: messages in lists, maps and bytes of files do not. */
static bool guess_fits_query(const gw_message *message) {
  if (message->wkt != GW_WKT_NONE && message->wkt != GW_WKT_EMPTY) return false;
  for (uint32_t i = 0; i < message->field_count; i++) {
    const gw_field *field = &message->fields[i];
    bool nested = field->message != NULL && field->message->wkt == GW_WKT_NONE;
    if (field->map || field->extension || (field->repeated && nested)) return false;
    if (field->message != NULL && field->message->wkt == GW_WKT_HTTP_BODY) return false;
  }
  return true;
}

/* The field that says which one: user_id, id, name, ... of a request for a user; n == 0: none. */
static gw_str guess_id(const guess_work *w, const gw_message *message) {
  static const char *const ends[] = { "_id", "_name", "_uuid", "_key", "" };
  static const gw_str plain[] = { GW_STR_INIT("id"), GW_STR_INIT("name"), GW_STR_INIT("uuid"),
                                  GW_STR_INIT("uid"), GW_STR_INIT("key") };
  gw_str noun = gw_words_join(&w->noun, '_', w->arena);
  gw_str first = gw_arena_printf(w->arena, GW_STR_FMT "_id", GW_STR_ARG(noun));
  if (first.p != NULL && guess_is_id(guess_find_field(message, first))) return first;
  for (size_t i = 0; i < GW_COUNT_OF(plain); i++) {
    if (guess_is_id(guess_find_field(message, plain[i]))) return plain[i];
  }
  for (size_t i = 1; i < GW_COUNT_OF(ends); i++) {
    gw_str name = gw_arena_printf(w->arena, GW_STR_FMT "%s", GW_STR_ARG(noun), ends[i]);
    if (name.p != NULL && guess_is_id(guess_find_field(message, name))) return name;
  }
  for (uint32_t i = 0; i < message->field_count; i++) {
    const gw_field *field = &message->fields[i];
    if (guess_is_id(field) && gw_str_ends(field->name, GW_STR("_id"))) return field->name;
  }
  return GW_STR("");
}

/* "/v1/users", or "/v1/{parent=...}/users" where users stand below something. */
static gw_str guess_collection(const guess_work *w) {
  gw_words many = gw_words_plural(&w->noun, w->arena);
  gw_str name = gw_words_camel(&many, w->arena);
  bool below = guess_has_parent(w->rpc->input) && !w->rpc->client_streaming;
  return gw_arena_printf(w->arena, "/" GW_STR_FMT "%s/" GW_STR_FMT, GW_STR_ARG(w->service->version),
                         below ? "/{parent=*/*}" : "", GW_STR_ARG(name));
}

/* "/v1/users/{user_id}", where `prefix` ("user.") stands before the field. */
static gw_str guess_item(const guess_work *w, const char *prefix_end, gw_str prefix, gw_str id) {
  gw_words many = gw_words_plural(&w->noun, w->arena);
  gw_str name = gw_words_camel(&many, w->arena), version = w->service->version;
  bool path = w->service->has_parents && gw_str_eq(id, GW_STR("name"));
  if (path) /* AIP-122: the name says it all */
    return gw_arena_printf(w->arena, "/" GW_STR_FMT "/{" GW_STR_FMT "%sname=*/*/" GW_STR_FMT "/*}",
                           GW_STR_ARG(version), GW_STR_ARG(prefix), prefix_end, GW_STR_ARG(name));
  return gw_arena_printf(
      w->arena, "/" GW_STR_FMT "/" GW_STR_FMT "/{" GW_STR_FMT "%s" GW_STR_FMT "}",
      GW_STR_ARG(version), GW_STR_ARG(name), GW_STR_ARG(prefix), prefix_end, GW_STR_ARG(id));
}

/* "/v1/settings": there is one. */
static gw_str guess_singleton(const guess_work *w) {
  gw_words words = gw_words_tail(&w->words, 1);
  gw_str name = gw_words_camel(&words, w->arena);
  return gw_arena_printf(w->arena, "/" GW_STR_FMT "/" GW_STR_FMT, GW_STR_ARG(w->service->version),
                         GW_STR_ARG(name));
}

/* The message in the request that is the thing itself: AIP-133, AIP-134. */
static const gw_field *guess_resource(const guess_work *w) {
  gw_str noun = gw_words_join(&w->noun, '_', w->arena);
  const gw_field *field = noun.p != NULL ? guess_find_field(w->rpc->input, noun) : NULL;
  if (field == NULL || field->repeated || field->kind != GW_KIND_MESSAGE) return NULL;
  return field->message->wkt == GW_WKT_NONE ? field : NULL;
}

static gw_guess guess_get(const guess_work *w) {
  gw_guess guess = { .method = GW_STR("GET"), .body = GW_STR("") };
  gw_str id = guess_id(w, w->rpc->input);
  if (id.n > 0 && !w->is_plural)
    guess.path = guess_item(w, "", GW_STR(""), id);
  else if (w->is_plural)
    guess.path = guess_collection(w);
  else
    guess.path = guess_singleton(w);
  return guess;
}

static gw_guess guess_create(const guess_work *w) {
  const gw_field *resource = guess_resource(w);
  return (gw_guess){ .method = GW_STR("POST"),
                     .path = guess_collection(w),
                     .body = resource != NULL ? resource->name : GW_STR("*") };
}

static gw_guess guess_update(const guess_work *w) {
  const gw_field *resource = guess_resource(w);
  gw_guess guess = { .method = w->kind == VERB_SET ? GW_STR("PUT") : GW_STR("PATCH") };
  gw_str id = guess_id(w, w->rpc->input);
  guess.body = resource != NULL ? resource->name : GW_STR("*");
  if (id.n > 0) {
    guess.path = guess_item(w, "", GW_STR(""), id);
    return guess;
  }
  if (resource != NULL) id = guess_id(w, resource->message);
  if (id.n > 0)
    guess.path = guess_item(w, ".", resource->name, id);
  else
    guess.path = guess_singleton(w);
  return guess;
}

static gw_guess guess_custom(const guess_work *w);

/* Many at once is no DELETE of all: "/v1/users:delete". */
static gw_guess guess_delete(guess_work *w) {
  if (w->is_plural) {
    w->verb = w->words;
    w->verb.count = 1;
    return guess_custom(w);
  }
  gw_guess guess = guess_get(w);
  guess.method = GW_STR("DELETE");
  return guess;
}

/* Methods that change nothing are GETs, as long as their request fits into a query. */
static bool guess_is_read(const guess_work *w) {
  static const char *const reads[] = { "search", "find",   "query",  "lookup",  "count",
                                       "watch",  "stream", "export", "resolve", "ping" };
  if (w->rpc->client_streaming || !guess_fits_query(w->rpc->input)) return false;
  return w->rpc->idempotency == GW_NO_SIDE_EFFECTS || w->rpc->server_streaming ||
         gw_words_first_is(&w->verb, reads, GW_COUNT_OF(reads));
}

/* AIP-136: "/v1/users/{user_id}:archive". */
static gw_guess guess_custom(const guess_work *w) {
  if (w->noun.count == 0) return gw_guess_plain(w->service, w->rpc, w->arena);
  bool read = guess_is_read(w);
  gw_guess guess = { .method = read ? GW_STR("GET") : GW_STR("POST") };
  guess.body = read ? GW_STR("") : GW_STR("*");
  gw_str verb = gw_words_camel(&w->verb, w->arena), path = { NULL, 0 };
  gw_str id = w->rpc->client_streaming || w->is_plural ? GW_STR("") : guess_id(w, w->rpc->input);
  path = id.n > 0 ? guess_item(w, "", GW_STR(""), id) : guess_collection(w);
  if (path.p != NULL)
    guess.path =
        gw_arena_printf(w->arena, GW_STR_FMT ":" GW_STR_FMT, GW_STR_ARG(path), GW_STR_ARG(verb));
  return guess;
}

/* AIP-231 to 235: reading many is a GET, everything else a POST. */
static gw_guess guess_batch(const guess_work *w) {
  gw_words second = gw_words_tail(&w->verb, 1);
  static const char *const get[] = { "get" };
  bool read = gw_words_first_is(&second, get, 1) && guess_fits_query(w->rpc->input) &&
              !w->rpc->client_streaming;
  gw_str path = guess_collection(w), verb = gw_words_camel(&w->verb, w->arena);
  gw_guess guess = { .method = read ? GW_STR("GET") : GW_STR("POST"),
                     .body = read ? GW_STR("") : GW_STR("*") };
  if (path.p != NULL)
    guess.path =
        gw_arena_printf(w->arena, GW_STR_FMT ":" GW_STR_FMT, GW_STR_ARG(path), GW_STR_ARG(verb));
  return guess;
}

gw_guess gw_guess_plain(const gw_guess_service *service, const gw_rpc *rpc, gw_arena *arena) {
  guess_work work = { .service = service, .rpc = rpc, .arena = arena };
  work.words = work.verb = gw_words_split(rpc->name);
  bool read = guess_is_read(&work);
  gw_str verb = gw_words_camel(&work.words, arena);
  return (gw_guess){ .method = read ? GW_STR("GET") : GW_STR("POST"),
                     .path = gw_arena_printf(arena, "/" GW_STR_FMT "/" GW_STR_FMT ":" GW_STR_FMT,
                                             GW_STR_ARG(service->version),
                                             GW_STR_ARG(service->name), GW_STR_ARG(verb)),
                     .body = read ? GW_STR("") : GW_STR("*") };
}

gw_guess gw_guess_route(const gw_guess_service *service, const gw_rpc *rpc, gw_arena *arena) {
  guess_work work = { .service = service, .rpc = rpc, .arena = arena };
  guess_read(&work);
  switch (work.kind) {
  case VERB_GET: return guess_get(&work);
  case VERB_LIST: return (gw_guess){ GW_STR("GET"), guess_collection(&work), GW_STR("") };
  case VERB_CREATE: return guess_create(&work);
  case VERB_UPDATE:
  case VERB_SET: return guess_update(&work);
  case VERB_DELETE: return guess_delete(&work);
  case VERB_BATCH: return guess_batch(&work);
  default: return guess_custom(&work);
  }
}
