/* evolve_enum: what becomes of an enumeration's values: names are JSON's, numbers are gRPC's. */
#include "schema/evolve_work.h"

static gw_str enum_where(gw_evolution *e, const gw_enum *enumeration, const gw_enum_value *value) {
  return gw_evolve_text(e, GW_STR_FMT "." GW_STR_FMT, GW_STR_ARG(enumeration->full_name),
                        GW_STR_ARG(value->name));
}

static const char *enum_reserved(const gw_enum *newer, const gw_enum_value *value) {
  bool number = gw_reserved_has_number(&newer->reserved, value->number);
  bool name = gw_reserved_has_name(&newer->reserved, value->name);
  return number && name ? "number and name are reserved"
         : number       ? "its number is reserved, its name is not"
         : name         ? "its name is reserved, its number is not"
                        : "neither its number nor its name is reserved";
}

/* Who only reads it does not get it any more; who sends it is refused, or not understood. */
static void enum_removed(gw_evolution *e, const gw_enum *older, const gw_enum *newer,
                         const gw_enum_value *value, unsigned uses) {
  gw_str text =
      gw_evolve_text(e, "value %d removed (%s)", value->number, enum_reserved(newer, value));
  gw_effect grpc = { GW_WEIGHT_WARNING, "answers do not have it any more" }, rest = grpc;
  if ((uses & GW_USE_REQUEST) != 0) {
    grpc = (gw_effect){ GW_WEIGHT_BREAK, "requests have a number that nobody knows" };
    rest = (gw_effect){ GW_WEIGHT_BREAK, "JSON with its name is refused" };
  }
  gw_evolve_report(e, enum_where(e, older, value), text, grpc, rest);
}

static void enum_renamed(gw_evolution *e, const gw_enum *older, const gw_enum_value *value,
                         const gw_enum_value *now, unsigned uses) {
  gw_str text =
      gw_evolve_text(e, "value %d renamed to " GW_STR_FMT, value->number, GW_STR_ARG(now->name));
  gw_effect rest = { GW_WEIGHT_BREAK, "JSON with the old name is refused" };
  if (uses == GW_USE_ANSWER) rest.text = "JSON answers have another name";
  if (uses == GW_USE_BOTH) rest.text = "JSON has another name, and the old one is refused";
  gw_evolve_report(e, enum_where(e, older, value), text, (gw_effect){ 0 }, rest);
}

static void enum_renumbered(gw_evolution *e, const gw_enum *older, const gw_enum *newer,
                            const gw_enum_value *value, const gw_enum_value *now) {
  const gw_enum_value *taken = gw_enum_by_number(newer, value->number);
  gw_str more = taken != NULL ? gw_evolve_text(e, ", and %d is " GW_STR_FMT " now", value->number,
                                               GW_STR_ARG(taken->name))
                              : GW_STR("");
  gw_str text = gw_evolve_text(e, "number changed from %d to %d" GW_STR_FMT, value->number,
                               now->number, GW_STR_ARG(more));
  static const gw_effect rest = { GW_WEIGHT_WARNING, "with json.enums: number JSON has another" };
  gw_evolve_report(e, enum_where(e, older, value), text, (gw_effect){ GW_WEIGHT_BREAK, NULL },
                   rest);
}

/* The value that is printed for its number: the first one of several. */
static bool enum_is_printed(const gw_enum *enumeration, const gw_enum_value *value) {
  return gw_enum_by_number(enumeration, value->number) == value;
}

static void enum_compare(gw_evolution *e, const gw_enum *older, const gw_enum *newer,
                         const gw_enum_value *value, unsigned uses) {
  const gw_enum_value *by_name = gw_enum_by_name(newer, value->name);
  const gw_enum_value *by_number = gw_enum_by_number(newer, value->number);
  if (by_name != NULL && by_name->number != value->number) {
    enum_renumbered(e, older, newer, value, by_name);
  } else if (by_name == NULL && by_number == NULL) {
    enum_removed(e, older, newer, value, uses);
  } else if (by_name == NULL) {
    const gw_enum_value *before = gw_enum_by_name(older, by_number->name);
    bool alias = before != NULL && before->number == value->number;
    unsigned hit = alias ? uses & GW_USE_REQUEST : uses; /* one of several names: who sends it */
    if (alias && enum_is_printed(older, value)) hit = uses;
    if (hit != 0) enum_renamed(e, older, value, by_number, hit);
  } else if (enum_is_printed(older, value) && !enum_is_printed(newer, by_name) &&
             (uses & GW_USE_ANSWER) != 0) {
    gw_str text = gw_evolve_text(e, "JSON answers have " GW_STR_FMT " for value %d now",
                                 GW_STR_ARG(by_number->name), value->number);
    gw_evolve_report(e, enum_where(e, older, value), text, (gw_effect){ 0 },
                     (gw_effect){ GW_WEIGHT_BREAK, NULL });
  }
}

/* proto2: a field that is not set has the first value. */
static void enum_compare_whole(gw_evolution *e, const gw_enum *older, const gw_enum *newer) {
  static const gw_effect warning = { GW_WEIGHT_WARNING, NULL };
  if (older->closed != newer->closed) {
    gw_str text =
        gw_evolve_text(e, "%s now: numbers that it does not declare are %s",
                       newer->closed ? "closed" : "open", newer->closed ? "unknown" : "kept");
    gw_evolve_report(e, older->full_name, text, warning, warning);
  }
  if (older->values[0].number != newer->values[0].number) {
    gw_str text =
        gw_evolve_text(e, "default changed from " GW_STR_FMT " to " GW_STR_FMT,
                       GW_STR_ARG(older->values[0].name), GW_STR_ARG(newer->values[0].name));
    gw_evolve_report(e, older->full_name, text, (gw_effect){ GW_WEIGHT_BREAK, NULL }, warning);
  }
}

void gw_evolve_enum(gw_evolution *e, const gw_enum *older, const gw_enum *newer, unsigned uses) {
  if (older->null_value && newer->null_value) return;
  enum_compare_whole(e, older, newer);
  for (uint32_t i = 0; i < older->value_count; i++)
    enum_compare(e, older, newer, &older->values[i], uses);
}
