#include "route/shape.h"

static gw_str shape_segment(const gw_segment *segment) {
  if (segment->kind == GW_SEGMENT_LITERAL) return segment->literal;
  return segment->kind == GW_SEGMENT_ONE ? GW_STR("*") : GW_STR("**");
}

gw_code gw_shape_print(const gw_template *template, gw_buf *out) {
  gw_code code = GW_OK;
  for (uint32_t i = 0; i < template->segment_count && code == GW_OK; i++) {
    gw_str text = shape_segment(&template->segments[i]);
    code = gw_buf_printf(out, "/" GW_STR_FMT, GW_STR_ARG(text));
  }
  if (code == GW_OK && template->verb.n > 0)
    code = gw_buf_printf(out, ":" GW_STR_FMT, GW_STR_ARG(template->verb));
  return code;
}

static bool shape_segment_covers(const gw_segment *wide, const gw_segment *narrow) {
  if (narrow->kind == GW_SEGMENT_MANY) return false;
  if (wide->kind == GW_SEGMENT_ONE) return true;
  return narrow->kind == GW_SEGMENT_LITERAL && gw_str_eq(wide->literal, narrow->literal);
}

/* At most one "**" in each (template.h): what stands before it is compared from the front, what
 * stands behind it from the end. */
bool gw_shape_covers(const gw_template *wide, const gw_template *narrow) {
  uint32_t count = wide->segment_count, narrow_count = narrow->segment_count;
  uint32_t front = wide->many >= 0 ? (uint32_t)wide->many : count;
  uint32_t back = wide->many >= 0 ? count - front - 1 : 0;
  if (!gw_str_eq(wide->verb, narrow->verb)) return false;
  if (front + back > narrow_count || (wide->many < 0 && count != narrow_count)) return false;
  for (uint32_t i = 0; i < front; i++) {
    if (!shape_segment_covers(&wide->segments[i], &narrow->segments[i])) return false;
  }
  for (uint32_t i = 1; i <= back; i++) {
    if (!shape_segment_covers(&wide->segments[count - i], &narrow->segments[narrow_count - i]))
      return false;
  }
  return true;
}
