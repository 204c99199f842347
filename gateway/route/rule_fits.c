#include "route/literal.h"
#include "route/router.h"

/* The part of a path that is still to be matched: segments with their "/", without verb and
 * trailing slash. */
typedef struct fits_path {
  const char *at, *end;
  uint32_t index; /* of the segment at `at`, from 1 */
} fits_path;

static bool fits_verb(const gw_rule *rule, gw_str path, fits_path *rest, gw_err *why_not) {
  const char *end = path.p + path.n;
  const char *slash = memrchr(path.p, '/', path.n);
  gw_str verb = rule->template.verb;
  *rest = (fits_path){ .at = path.p, .end = end, .index = 1 };
  if (verb.n == 0) return true;
  const char *colon = memrchr(slash, ':', (size_t)(end - slash));
  for (size_t i = 0; i < verb.n && colon != NULL; i++) { /* D-05: it may hold colons itself */
    if (verb.p[i] == ':') colon = memrchr(slash, ':', (size_t)(colon - slash));
  }
  if (colon == NULL || !gw_literal_eq(gw_str_from(colon + 1, end), verb)) {
    gw_err_set(why_not, GW_NO_ROUTE, "verb \":" GW_STR_FMT "\" expected at the end",
               GW_STR_ARG(verb));
    return false;
  }
  rest->end = colon;
  return true;
}

static bool fits_slash(const gw_rule *rule, fits_path *rest, gw_err *why_not) {
  bool ends_with_many =
      rule->template.many >= 0 && (uint32_t)rule->template.many + 1 == rule->template.segment_count;
  gw_slash slash = rule->route->compat.slash;
  if (rest->end[-1] != '/') return true;
  rest->end--;
  while (slash == GW_SLASH_ALL && rest->end > rest->at && rest->end[-1] == '/')
    rest->end--;
  if (rest->at == rest->end || slash != GW_SLASH_STRICT || ends_with_many) return true;
  gw_err_set(why_not, GW_NO_ROUTE, "the path ends with \"/\", about which the route is strict");
  return false;
}

static bool fits_segment(const gw_segment *segment, gw_str text, bool last, uint32_t index,
                         gw_err *why_not) {
  if (segment->kind != GW_SEGMENT_LITERAL) {
    if (text.n > 0 || !last) return true;
    gw_err_set(why_not, GW_NO_ROUTE, "segment %u is empty", index);
    return false;
  }
  if (gw_literal_eq(text, segment->literal)) return true;
  gw_err_set(why_not, GW_NO_ROUTE,
             "segment %u: \"" GW_STR_FMT "\" expected, not \"" GW_STR_FMT "\"", index,
             GW_STR_ARG(segment->literal), GW_STR_ARG(text));
  return false;
}

/* Segments up to "**" or the end of the template. */
static bool fits_prefix(const gw_template *template, fits_path *rest, gw_err *why_not) {
  uint32_t count = template->many < 0 ? template->segment_count : (uint32_t) template->many;
  for (uint32_t i = 0; i < count; i++, rest->index++) {
    if (rest->at == rest->end) {
      gw_err_set(why_not, GW_NO_ROUTE, "the path ends before segment %u", rest->index);
      return false;
    }
    const char *begin = rest->at + 1;
    const char *slash = memchr(begin, '/', (size_t)(rest->end - begin));
    rest->at = slash != NULL ? slash : rest->end;
    gw_str text = gw_str_from(begin, rest->at);
    if (!fits_segment(&template->segments[i], text, slash == NULL, rest->index, why_not)) {
      return false;
    }
  }
  if (template->many >= 0 || rest->at == rest->end) return true;
  gw_err_set(why_not, GW_NO_ROUTE, "the path goes on after segment %u", count);
  return false;
}

/* The literals after "**", from the end of the path. */
static bool fits_suffix(const gw_rule *rule, fits_path *rest, gw_err *why_not) {
  const gw_template *template = &rule->template;
  bool any = (uint32_t) template->many + 1 < template->segment_count;
  for (uint32_t i = template->segment_count; i > (uint32_t) template->many + 1; i--) {
    gw_str literal = template->segments[i - 1].literal;
    const char *slash = memrchr(rest->at, '/', (size_t)(rest->end - rest->at));
    if (slash == NULL || !gw_literal_eq(gw_str_from(slash + 1, rest->end), literal)) {
      gw_err_set(why_not, GW_NO_ROUTE, "\"" GW_STR_FMT "\" expected %u from the end",
                 GW_STR_ARG(literal), template->segment_count - i + 1);
      return false;
    }
    rest->end = slash;
  }
  if (!any || !rule->route->compat.many_needs_one || rest->end > rest->at) return true;
  gw_err_set(why_not, GW_NO_ROUTE,
             "no segment is left for \"**\", about which the route is strict");
  return false;
}

bool gw_rule_fits(const gw_rule *rule, gw_str method, gw_str path, gw_err *why_not) {
  fits_path rest;
  if (path.n == 0 || path.p[0] != '/') {
    gw_err_set(why_not, GW_NO_ROUTE, "a path begins with \"/\"");
    return false;
  }
  if (!fits_verb(rule, path, &rest, why_not) || !fits_slash(rule, &rest, why_not) ||
      !fits_prefix(&rule->template, &rest, why_not) ||
      (rule->template.many >= 0 && !fits_suffix(rule, &rest, why_not))) {
    return false;
  }
  bool head = gw_str_eq(method, GW_STR("HEAD")) && gw_str_eq(rule->method, GW_STR("GET"));
  if (head || gw_str_eq(rule->method, method) || gw_str_eq(rule->method, GW_STR("*"))) return true;
  gw_err_set(why_not, GW_BAD_METHOD, "method " GW_STR_FMT " expected", GW_STR_ARG(rule->method));
  return false;
}
