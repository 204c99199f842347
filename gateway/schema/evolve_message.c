/* evolve_message: two messages field by field. */
#include "schema/evolve_work.h"

#define ONEOF_OUTSIDE (-1) /* not in a oneof */
#define ONEOF_UNKNOWN (-2) /* no field seen yet */
#define ONEOF_SEVERAL (-3)

/* One pair of messages while it is compared. */
typedef struct message_work {
  gw_evolution *e;
  const gw_message *older, *newer;
  unsigned uses;
  int32_t *went_to;    /* by oneof of `older`: the one where all its fields are now */
  int32_t *came_from;  /* by oneof of `newer`: the one where all its old fields were */
  uint32_t *new_sizes; /* by oneof of `newer`: its fields */
} message_work;

const gw_field *gw_evolve_by_number(const gw_field *field, const gw_message *newer) {
  return gw_message_field_by_number(newer, field->number);
}

const gw_field *gw_evolve_by_name(const gw_field *field, const gw_message *newer) {
  gw_str name = field->extension ? field->json_name : field->name;
  const gw_field *found = gw_message_field_by_name(newer, name);
  return found != NULL && gw_str_eq(found->name, field->name) ? found : NULL;
}

/* What stands in a field's place: gRPC goes by number; where that is gone, JSON goes by name. */
static const gw_field *message_successor(const gw_field *field, const gw_message *newer) {
  const gw_field *found = gw_evolve_by_number(field, newer);
  return found != NULL ? found : gw_evolve_by_name(field, newer);
}

static void message_link_types(gw_evolution *e, const gw_field *older, const gw_field *newer,
                               unsigned uses) {
  if (older->map && newer->map) {
    older = &older->message->fields[1];
    newer = &newer->message->fields[1];
  } else if (older->map || newer->map) {
    return;
  }
  if (older->message != NULL && newer->message != NULL)
    gw_evolve_link_messages(e, older->message, newer->message, uses);
  if (older->enumeration != NULL && newer->enumeration != NULL)
    gw_evolve_link(e, older->enumeration, newer->enumeration, true, uses);
}

void gw_evolve_link_fields(gw_evolution *e, const gw_message *older, const gw_message *newer,
                           unsigned uses) {
  if (gw_message_has_own_json(older)) return; /* its shape was checked when it was loaded */
  for (uint32_t i = 0; i < older->field_count && e->code == GW_OK; i++) {
    const gw_field *successor = message_successor(&older->fields[i], newer);
    if (successor != NULL) message_link_types(e, &older->fields[i], successor, uses);
  }
}

/* ---- oneofs ---- */

static void oneof_note(int32_t *slot, int32_t oneof) {
  *slot = *slot == ONEOF_UNKNOWN || *slot == oneof ? oneof : ONEOF_SEVERAL;
}

static bool message_read_oneofs(message_work *w) {
  uint32_t from = w->older->oneof_count, to = w->newer->oneof_count;
  w->went_to = gw_arena_alloc(&w->e->arena, (from + 1) * sizeof *w->went_to);
  w->came_from = gw_arena_alloc(&w->e->arena, (to + 1) * sizeof *w->came_from);
  w->new_sizes = gw_arena_zalloc(&w->e->arena, (to + 1) * sizeof *w->new_sizes);
  if (w->went_to == NULL || w->came_from == NULL || w->new_sizes == NULL) return false;
  for (uint32_t i = 0; i < from; i++)
    w->went_to[i] = ONEOF_UNKNOWN;
  for (uint32_t i = 0; i < to; i++)
    w->came_from[i] = ONEOF_UNKNOWN;
  for (uint32_t i = 0; i < w->older->field_count; i++) {
    const gw_field *field = &w->older->fields[i];
    const gw_field *successor = message_successor(field, w->newer);
    if (successor == NULL) continue;
    if (field->oneof >= 0) oneof_note(&w->went_to[field->oneof], successor->oneof);
    if (successor->oneof >= 0) oneof_note(&w->came_from[successor->oneof], field->oneof);
  }
  for (uint32_t i = 0; i < w->newer->field_count; i++) {
    if (w->newer->fields[i].oneof >= 0) w->new_sizes[w->newer->fields[i].oneof]++;
  }
  return true;
}

/* Alone in a new one, a field that could tell "unset" behaves as before.  A oneof that is only
 * called otherwise is neither in the bytes nor in JSON. */
static bool oneof_is_harmless(const message_work *w, const gw_field *older, const gw_field *newer) {
  if (older->oneof < 0 && newer->oneof < 0) return true;
  if (older->oneof < 0) return w->new_sizes[newer->oneof] == 1 && older->presence;
  if (newer->oneof < 0) return false;
  return gw_str_eq(w->older->oneofs[older->oneof], w->newer->oneofs[newer->oneof]) ||
         (w->went_to[older->oneof] == newer->oneof && w->came_from[newer->oneof] == older->oneof);
}

static void message_compare_oneof(message_work *w, gw_str where, const gw_field *older,
                                  const gw_field *newer) {
  if (oneof_is_harmless(w, older, newer)) return;
  gw_effect grpc = { GW_WEIGHT_BREAK, "beside another member one of the two is lost" };
  gw_effect rest = { GW_WEIGHT_BREAK, "JSON with two members is refused" };
  gw_str text = GW_STR("");
  if (newer->oneof < 0) {
    static const gw_effect beside = { GW_WEIGHT_WARNING, "it may be set beside other members" };
    text = gw_evolve_text(w->e, "moved out of oneof " GW_STR_FMT,
                          GW_STR_ARG(w->older->oneofs[older->oneof]));
    grpc = rest = beside;
    if ((w->uses & GW_USE_ANSWER) != 0)
      grpc = (gw_effect){ GW_WEIGHT_BREAK, "beside another member one of the two is lost" };
  } else if (older->oneof < 0) {
    text = gw_evolve_text(w->e, "moved into oneof " GW_STR_FMT,
                          GW_STR_ARG(w->newer->oneofs[newer->oneof]));
  } else {
    text = gw_evolve_text(w->e, "moved from oneof " GW_STR_FMT " to " GW_STR_FMT,
                          GW_STR_ARG(w->older->oneofs[older->oneof]),
                          GW_STR_ARG(w->newer->oneofs[newer->oneof]));
  }
  if ((w->uses & GW_USE_REQUEST) == 0 && newer->oneof >= 0) {
    static const gw_effect never = { GW_WEIGHT_WARNING, "answers never have it beside the others" };
    grpc = rest = never;
  }
  gw_evolve_report(w->e, where, text, grpc, rest);
}

/* ---- presence, required, default ---- */

static void message_compare_required(message_work *w, gw_str where, const gw_field *older,
                                     const gw_field *newer) {
  static const gw_effect warning = { GW_WEIGHT_WARNING, "answers always have it" };
  if (older->required == newer->required) return;
  if (newer->required && (w->uses & GW_USE_REQUEST) != 0) {
    static const gw_effect refused = { GW_WEIGHT_BREAK, "requests without it are refused" };
    gw_evolve_report(w->e, where, GW_STR("required now"), refused, refused);
  } else if (newer->required) {
    gw_evolve_report(w->e, where, GW_STR("required now"), warning, warning);
  } else if ((w->uses & GW_USE_ANSWER) != 0) {
    gw_evolve_report(w->e, where, GW_STR("not required any more"),
                     (gw_effect){ GW_WEIGHT_BREAK, "clients refuse an answer without it" },
                     (gw_effect){ GW_WEIGHT_WARNING, "answers may lack it" });
  }
}

static void message_compare_presence(message_work *w, gw_str where, const gw_field *older,
                                     const gw_field *newer) {
  bool plain = !older->repeated && !newer->repeated && older->message == NULL &&
               newer->message == NULL && older->oneof < 0 && newer->oneof < 0;
  if (!plain || older->presence == newer->presence) return;
  static const gw_effect unset = { GW_WEIGHT_WARNING, "a default value is sent as \"unset\"" };
  static const gw_effect shown = { GW_WEIGHT_WARNING,
                                   "with json.emit: all answers lack it while it is unset" };
  if (newer->presence)
    gw_evolve_report(w->e, where, GW_STR("tells \"unset\" from its default now"), (gw_effect){ 0 },
                     (w->uses & GW_USE_ANSWER) != 0 ? shown : (gw_effect){ 0 });
  else
    gw_evolve_report(w->e, where, GW_STR("cannot tell \"unset\" from its default any more"), unset,
                     unset);
}

static void message_compare_default(message_work *w, gw_str where, const gw_field *older,
                                    const gw_field *newer) {
  if (older->kind != newer->kind || gw_str_eq(older->default_value, newer->default_value)) return;
  gw_str from = older->default_value, to = newer->default_value;
  gw_str text = gw_evolve_text(w->e, "default changed from " GW_STR_FMT " to " GW_STR_FMT,
                               GW_STR_ARG(from.p != NULL ? from : GW_STR("none")),
                               GW_STR_ARG(to.p != NULL ? to : GW_STR("none")));
  gw_evolve_report(w->e, where, text,
                   (gw_effect){ GW_WEIGHT_BREAK, "the two sides read \"unset\" differently" },
                   (gw_effect){ GW_WEIGHT_WARNING, "with json.emit: all answers have another" });
}

static void message_compare_utf8(message_work *w, gw_str where, const gw_field *older,
                                 const gw_field *newer) {
  if (older->kind != GW_KIND_STRING || newer->kind != GW_KIND_STRING) return;
  if (older->check_utf8 || !newer->check_utf8) return;
  gw_evolve_report(w->e, where, GW_STR("must be UTF-8 now"),
                   (gw_effect){ GW_WEIGHT_WARNING, "other bytes are refused" }, (gw_effect){ 0 });
}

/* ---- names ---- */

/* Whether requests with the field's old name still reach it. */
static bool message_still_reads(const message_work *w, gw_str name, const gw_field *newer) {
  return gw_message_field_by_name(w->newer, name) == newer;
}

static void message_compare_json_name(message_work *w, gw_str where, const gw_field *older,
                                      const gw_field *newer) {
  bool renamed = !gw_str_eq(older->name, newer->name);
  bool json = !gw_str_eq(older->json_name, newer->json_name);
  gw_str was = gw_evolve_text(w->e, "renamed to " GW_STR_FMT, GW_STR_ARG(newer->name));
  gw_effect rest = { GW_WEIGHT_NONE, NULL };
  if (!renamed && !json) return;
  if (!renamed)
    was = gw_evolve_text(w->e, "JSON name changed from " GW_STR_FMT " to " GW_STR_FMT,
                         GW_STR_ARG(older->json_name), GW_STR_ARG(newer->json_name));
  if (!json)
    rest = (gw_effect){ GW_WEIGHT_WARNING, "its JSON name stays, but json.names: proto shows it" };
  else if ((w->uses & GW_USE_ANSWER) != 0)
    rest = (gw_effect){ GW_WEIGHT_BREAK, "JSON answers have it under another name" };
  else if (!message_still_reads(w, older->json_name, newer))
    rest = (gw_effect){ GW_WEIGHT_BREAK, "requests with the old name are ignored or refused" };
  gw_evolve_report(w->e, where, was, (gw_effect){ 0 }, rest);
}

/* ---- one field ---- */

static const char *message_reserved(const message_work *w, const gw_field *field) {
  bool number = gw_reserved_has_number(&w->newer->reserved, (int32_t)field->number);
  bool name = gw_reserved_has_name(&w->newer->reserved, field->name);
  return number && name ? "number and name are reserved"
         : number       ? "its number is reserved, its name is not"
         : name         ? "its name is reserved, its number is not"
                        : "neither its number nor its name is reserved";
}

static void message_removed(message_work *w, gw_str where, const gw_field *field) {
  gw_effect effect = { GW_WEIGHT_BREAK, "requests with it are ignored or refused" };
  if (w->uses == GW_USE_ANSWER) effect.text = "answers lack it";
  if (w->uses == GW_USE_BOTH)
    effect.text = "answers lack it, requests with it are ignored or refused";
  gw_str text =
      gw_evolve_text(w->e, "removed, number %u (%s)", field->number, message_reserved(w, field));
  gw_evolve_report(w->e, where, text, effect, effect);
}

static void message_renumbered(message_work *w, gw_str where, const gw_field *older,
                               const gw_field *newer, const gw_field *taken) {
  gw_str more = taken != NULL ? gw_evolve_text(w->e, ", and %u is " GW_STR_FMT " now",
                                               older->number, GW_STR_ARG(taken->name))
                              : GW_STR("");
  gw_str text = gw_evolve_text(w->e, "number changed from %u to %u" GW_STR_FMT, older->number,
                               newer->number, GW_STR_ARG(more));
  gw_evolve_report(w->e, where, text, (gw_effect){ GW_WEIGHT_BREAK, NULL }, (gw_effect){ 0 });
}

/* Another name and other bytes: not the field that it was. */
static bool message_is_reused(const gw_field *older, const gw_field *newer) {
  bool group = older->kind == newer->kind || older->wire_type == newer->wire_type;
  return !group || older->repeated != newer->repeated || older->map != newer->map;
}

static void message_reused(message_work *w, gw_str where, const gw_field *older,
                           const gw_field *newer) {
  static const gw_effect effect = { GW_WEIGHT_BREAK, NULL };
  gw_str text = gw_evolve_text(w->e, "removed, and its number %u is used again for " GW_STR_FMT,
                               older->number, GW_STR_ARG(newer->name));
  gw_evolve_report(w->e, where, text, effect, effect);
}

static void message_compare_same(message_work *w, gw_str where, const gw_field *older,
                                 const gw_field *newer, unsigned clients) {
  gw_evolve_kind(w->e, where, older, newer, w->uses, clients);
  message_compare_json_name(w, where, older, newer);
  message_compare_oneof(w, where, older, newer);
  message_compare_required(w, where, older, newer);
  message_compare_presence(w, where, older, newer);
  message_compare_default(w, where, older, newer);
  message_compare_utf8(w, where, older, newer);
}

static gw_str message_where(message_work *w, const gw_message *message, const gw_field *field) {
  return gw_evolve_text(
      w->e, field->extension ? GW_STR_FMT ".[" GW_STR_FMT "]" : GW_STR_FMT "." GW_STR_FMT,
      GW_STR_ARG(message->full_name), GW_STR_ARG(field->name));
}

static void message_compare_field(message_work *w, const gw_field *field) {
  const gw_field *by_number = gw_evolve_by_number(field, w->newer);
  const gw_field *by_name = gw_evolve_by_name(field, w->newer);
  gw_str where = message_where(w, w->older, field);
  if (by_number == NULL && by_name == NULL) {
    message_removed(w, where, field);
  } else if (by_name == NULL && message_is_reused(field, by_number)) {
    message_reused(w, where, field, by_number);
  } else if (by_number == by_name || by_name == NULL) {
    message_compare_same(w, where, field, by_number, GW_CLIENTS_BOTH);
  } else {
    message_renumbered(w, where, field, by_name, by_number);
    message_compare_same(w, where, field, by_name, GW_CLIENTS_REST);
  }
}

/* New fields break nobody, unless they are demanded. */
static void message_compare_new(message_work *w, const gw_field *field) {
  static const gw_effect effect = { GW_WEIGHT_BREAK, "requests without it are refused" };
  if (!field->required || (w->uses & GW_USE_REQUEST) == 0) return;
  if (gw_evolve_by_number(field, w->older) != NULL || gw_evolve_by_name(field, w->older) != NULL)
    return;
  gw_evolve_report(w->e, message_where(w, w->newer, field), GW_STR("required field added"), effect,
                   effect);
}

void gw_evolve_message(gw_evolution *e, const gw_message *older, const gw_message *newer,
                       unsigned uses) {
  message_work work = { .e = e, .older = older, .newer = newer, .uses = uses };
  if (gw_message_has_own_json(older)) return;
  if (!message_read_oneofs(&work)) {
    e->code = GW_NOMEM;
    return;
  }
  for (uint32_t i = 0; i < older->field_count && e->code == GW_OK; i++)
    message_compare_field(&work, &older->fields[i]);
  for (uint32_t i = 0; i < newer->field_count && e->code == GW_OK; i++)
    message_compare_new(&work, &newer->fields[i]);
}
