#include "exchange/media.h"

#define MEDIA_SHOWN_MAX 64u /* bytes of a client's value in an error */

/* Cuts "type/subtype" off a field's value; *parameters: what follows. */
static gw_str media_type(gw_str value, gw_str *parameters) {
  *parameters = value;
  return gw_str_trim(gw_str_cut(parameters, ';'), " \t");
}

static bool media_is_json(gw_str type) {
  return gw_str_eq_nocase(type, GW_STR("application/json")) ||
         (type.n > 5 && gw_str_eq_nocase(gw_str_skip(type, type.n - 5), GW_STR("+json")));
}

/* No registered name: those in use. */
static bool media_is_ndjson(gw_str type) {
  return gw_str_eq_nocase(type, GW_STR("application/x-ndjson")) ||
         gw_str_eq_nocase(type, GW_STR("application/ndjson")) ||
         gw_str_eq_nocase(type, GW_STR("application/jsonl")) ||
         gw_str_eq_nocase(type, GW_STR("application/x-jsonlines"));
}

static bool media_is_utf8(gw_str parameters) {
  while (parameters.n > 0) {
    gw_str value = gw_str_cut(&parameters, ';');
    gw_str name = gw_str_trim(gw_str_cut(&value, '='), " \t");
    if (!gw_str_eq_nocase(name, GW_STR("charset"))) continue;
    value = gw_str_trim(value, " \t\"");
    return gw_str_eq_nocase(value, GW_STR("utf-8")) || gw_str_eq_nocase(value, GW_STR("us-ascii"));
  }
  return true;
}

static gw_str media_shown(gw_str value) {
  return gw_str_first(value, gw_size_min(value.n, MEDIA_SHOWN_MAX));
}

gw_code gw_media_check(const gw_h1_request *request, const gw_rule *rule, bool *is_form,
                       gw_err *err) {
  gw_str coding = gw_h1_field_get(request, GW_STR("content-encoding"));
  gw_str value = gw_h1_field_get(request, GW_STR("content-type")), parameters;
  if (coding.n > 0 && !gw_str_eq_nocase(coding, GW_STR("identity"))) {
    return gw_err_set(err, GW_UNSUPPORTED_TYPE,
                      "content-encoding \"" GW_STR_FMT "\": expected identity",
                      GW_STR_ARG(media_shown(coding)));
  }
  if (value.n == 0 || rule->reads_raw || rule->route->compat.media_any) return GW_OK;
  gw_str type = media_type(value, &parameters);
  bool is_form_type = gw_str_eq_nocase(type, GW_STR("application/x-www-form-urlencoded"));
  bool is_known =
      is_form_type || media_is_json(type) || (rule->reads_stream && media_is_ndjson(type));
  /* Plain `curl -d` calls JSON a form; a form is one message, so that a stream is none. */
  *is_form = is_form_type && !rule->reads_stream;
  if (is_known && media_is_utf8(parameters)) return GW_OK;
  return gw_err_set(err, GW_UNSUPPORTED_TYPE,
                    "content-type \"" GW_STR_FMT "\": expected application/json in UTF-8",
                    GW_STR_ARG(media_shown(value)));
}

/* RFC 9110 section 12.4.2: "0.5" as 500; 1000 when there is none, 0 when it is malformed. */
static uint32_t media_weight(gw_str parameters) {
  while (parameters.n > 0) {
    gw_str value = gw_str_cut(&parameters, ';');
    gw_str name = gw_str_trim(gw_str_cut(&value, '='), " \t");
    uint32_t weight = 0, unit = 1000;
    if (!gw_str_eq_nocase(name, GW_STR("q"))) continue;
    value = gw_str_trim(value, " \t");
    for (size_t i = 0; i < value.n && i < 5; i++) {
      if (i == 1 && value.p[i] == '.') continue;
      if (value.p[i] < '0' || value.p[i] > '9') return 0;
      weight += (uint32_t)(value.p[i] - '0') * unit;
      unit /= 10;
    }
    return weight < 1000 ? weight : 1000;
  }
  return 1000;
}

bool gw_media_accepts_gzip(const gw_h1_request *request) {
  uint32_t gzip = UINT32_MAX, any = 0, identity = 0; /* weights; UINT32_MAX: not named */
  for (uint32_t i = 0; i < request->field_count; i++) {
    if (!gw_str_eq(request->fields[i].name, GW_STR("accept-encoding"))) continue;
    gw_str value = request->fields[i].value, parameters;
    while (value.n > 0) {
      gw_str coding = media_type(gw_str_cut(&value, ','), &parameters);
      uint32_t weight = media_weight(parameters);
      bool is_gzip = gw_str_eq_nocase(coding, GW_STR("gzip"));
      if (is_gzip || gw_str_eq_nocase(coding, GW_STR("x-gzip"))) gzip = weight;
      if (gw_str_eq_nocase(coding, GW_STR("identity"))) identity = weight;
      if (gw_str_eq(coding, GW_STR("*"))) any = weight;
    }
  }
  if (gzip == UINT32_MAX) gzip = any;
  return gzip > 0 && gzip >= identity;
}

static bool media_stream_form_of(gw_str type, gw_stream_form *form) {
  if (gw_str_eq_nocase(type, GW_STR("text/event-stream"))) {
    *form = GW_STREAM_SSE;
  } else if (gw_str_eq_nocase(type, GW_STR("application/x-ndjson"))) {
    *form = GW_STREAM_NDJSON;
  } else if (gw_str_eq_nocase(type, GW_STR("application/json"))) {
    *form = GW_STREAM_ARRAY;
  } else {
    return false;
  }
  return true;
}

gw_stream_form gw_media_stream_form(const gw_h1_request *request, const gw_route *route) {
  gw_str accept = gw_h1_field_get(request, GW_STR("accept")), parameters;
  gw_stream_form best = GW_STREAM_ARRAY;
  uint32_t best_weight = 0;
  if (route->stream != GW_STREAM_AUTO) return route->stream;
  while (accept.n > 0) {
    gw_stream_form form;
    gw_str type = media_type(gw_str_cut(&accept, ','), &parameters);
    if (!media_stream_form_of(type, &form)) continue;
    uint32_t weight = media_weight(parameters);
    if (weight <= best_weight) continue;
    best = form;
    best_weight = weight;
  }
  return best;
}
