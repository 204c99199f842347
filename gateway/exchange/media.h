/* media: which forms of body a request may have and a stream's answer takes (TRANSCODING D-32,
 * section 8). Pure. */
#pragma once

#include "net/h1.h"
#include "route/rule.h"

/* JSON, +json or no type; also NDJSON where the body is a stream; a form, told by *is_form; any
 * type where the rule's body is a google.api.HttpBody. GW_UNSUPPORTED_TYPE: anything else, another
 * charset than UTF-8, or a content-encoding. */
GW_CHECKED gw_code gw_media_check(const gw_h1_request *request, const gw_rule *rule, bool *is_form,
                                  gw_err *err);

/* Accept-Encoding takes gzip, by its name or by "*", and does not prefer none (RFC 9110 section
 * 12.5.3). */
bool gw_media_accepts_gzip(const gw_h1_request *request);

/* The route's form; `auto` takes the type that Accept weighs most and a stream can have, the first
 * of equal ones; else an array. */
gw_stream_form gw_media_stream_form(const gw_h1_request *request, const gw_route *route);
