#include "demo/story.h"

#include <stdio.h>

#include "base/limits.h"
#include "demo/curl.h"

#define STORY_URL_MAX 256u

#define STORY_ADA                                                                                  \
  "{\"userId\":\"7\",\"name\":\"Ada Lovelace\",\"email\":\"ada@example.com\","                     \
  "\"createdAt\":\"1714564800\"}"
#define STORY_GRACE                                                                                \
  "{\"userId\":\"8\",\"name\":\"Grace Hopper\",\"email\":\"grace@example.com\","                   \
  "\"createdAt\":\"1714651200\"}"
#define STORY_JSON "Content-Type: application/json"

static const gw_story_step steps[] = {
  { .title = "A GET becomes a gRPC call",
    .why = "The 7 of the path is the field user_id of GetUserRequest; the User comes back as JSON.",
    .path = "/v1/users/7",
    .status = 200,
    .parts = { STORY_ADA } },
  { .title = "A stream of messages as a JSON array",
    .why = "ListUsers is a server-streaming method; the query sets its field page_size.",
    .path = "/v1/users?pageSize=2",
    .status = 200,
    .parts = { "[", STORY_ADA, STORY_GRACE, "]" } },
  { .title = "The same stream as one JSON text a line",
    .why = "Accept chooses the form; each line leaves as its message comes.",
    .options = { "-H", "Accept: application/x-ndjson" },
    .path = "/v1/users?pageSize=2",
    .status = 200,
    .parts = { STORY_ADA "\n", STORY_GRACE "\n" } },
  { .title = "The same stream as server-sent events",
    .why = "This is what a browser's EventSource reads.",
    .options = { "-H", "Accept: text/event-stream" },
    .path = "/v1/users?pageSize=2",
    .status = 200,
    .parts = { "data: " STORY_ADA, "data: " STORY_GRACE } },
  { .title = "A POST with a JSON body",
    .why = "The body is the whole CreateUserRequest; the route's success_status makes OK a 201.",
    .options = { "-H", STORY_JSON, "-d",
                 "{\"name\":\"Alan Turing\",\"email\":\"alan@example.com\"}" },
    .path = "/v1/users",
    .status = 201,
    .parts = { "{\"userId\":\"10\",\"name\":\"Alan Turing\",\"email\":\"alan@example.com\"," } },
  { .title = "A PATCH changes what its body names",
    .why = "The body is the field user; the service changes only what is set, so the name stays.",
    .options = { "-X", "PATCH", "-H", STORY_JSON, "-d", "{\"email\":\"ada@lovelace.example\"}" },
    .path = "/v1/users/7",
    .status = 200,
    .parts = { "\"name\":\"Ada Lovelace\"", "\"email\":\"ada@lovelace.example\"" } },
  { .title = "A DELETE",
    .why = "google.protobuf.Empty is {}.",
    .options = { "-X", "DELETE" },
    .path = "/v1/users/9",
    .status = 200,
    .parts = { "{}" } },
  { .title = "The service's own error",
    .why = "NOT_FOUND becomes 404; the google.rpc details of the answer become JSON.",
    .path = "/v1/users/99",
    .status = 404,
    .parts = { "\"code\":5", "user \\\"99\\\" does not exist",
               "type.googleapis.com/google.rpc.ResourceInfo" } },
  { .title = "A value that the service refuses",
    .why = "INVALID_ARGUMENT becomes 400; the details name the field.",
    .options = { "-H", STORY_JSON, "-d", "{\"name\":\"\",\"email\":\"nobody@example.com\"}" },
    .path = "/v1/users",
    .status = 400,
    .parts = { "\"code\":3", "google.rpc.BadRequest", "\"field\":\"name\"" } },
  { .title = "A body that does not fit the schema",
    .why = "The gateway refuses it and says which field is wrong; the service never sees it.",
    .options = { "-H", STORY_JSON, "-d", "{\"name\":[\"Alan\"],\"email\":\"alan@example.com\"}" },
    .path = "/v1/users",
    .status = 400,
    .parts = { "\"code\":3", "name", "string" } },
  { .title = "A conflict",
    .why = "ALREADY_EXISTS becomes 409.",
    .options = { "-H", STORY_JSON, "-d", "{\"name\":\"Alan\",\"email\":\"alan@example.com\"}" },
    .path = "/v1/users",
    .status = 409,
    .parts = { "\"code\":6", "already exists" } },
  { .title = "A method that no route has",
    .why = "405; the header Allow tells which methods this path has.",
    .options = { "-i", "-X", "PUT" },
    .path = "/v1/users/7",
    .status = 405,
    .parts = { "llow: ", "GET", "PATCH", "DELETE" } },
  { .title = "A path that no route has",
    .why = "404, from the gateway this time.",
    .path = "/v1/nothing",
    .status = 404,
    .parts = { "\"code\":5" } },
};

/* Every line of the answer, set in. */
static void story_print_text(gw_str text) {
  while (text.n > 0) {
    gw_str line = gw_str_trim(gw_str_cut(&text, '\n'), "\r");
    printf(line.n > 0 ? "     " GW_STR_FMT "\n" : "\n", GW_STR_ARG(line));
  }
}

/* The first part that the answer lacks, or NULL. */
static const char *story_missing(const gw_story_step *step, gw_str text) {
  for (size_t i = 0; i < GW_STORY_PARTS_MAX && step->parts[i] != NULL; i++) {
    size_t n = strlen(step->parts[i]);
    if (text.n < n || memmem(text.p, text.n, step->parts[i], n) == NULL) return step->parts[i];
  }
  return NULL;
}

/* False: the answer was not the expected one. */
static bool story_check(const gw_story_step *step, const gw_curl_answer *answer) {
  const char *missing = story_missing(step, gw_buf_str(&answer->text));
  if (answer->status != step->status) {
    printf("     NOT AS EXPECTED: the status should be %d\n", step->status);
  } else if (missing != NULL) {
    printf("     NOT AS EXPECTED: this should be in it: %s\n", missing);
  }
  return answer->status == step->status && missing == NULL;
}

gw_code gw_story_show(const char *base, const gw_story_step *step, bool *as_expected, gw_err *err) {
  const char *args[GW_STORY_OPTIONS_MAX + 2] = { NULL };
  char url[STORY_URL_MAX];
  size_t count = 0;
  gw_buf line;
  gw_curl_answer answer = { 0 };
  snprintf(url, sizeof url, "%s%s", base, step->path);
  for (; count < GW_STORY_OPTIONS_MAX && step->options[count] != NULL; count++)
    args[count] = step->options[count];
  args[count] = url;
  gw_buf_init(&line, NULL, GW_KIB(4));
  gw_code code = gw_curl_print(args, &line);
  if (code != GW_OK) goto done;
  printf("   $ " GW_STR_FMT "\n", GW_STR_ARG(gw_buf_str(&line)));
  fflush(stdout); /* a child is started */
  code = gw_curl_run(args, &answer, err);
  if (code != GW_OK) goto done;
  printf("   %d %s\n", answer.status, gw_http_reason(answer.status));
  story_print_text(gw_buf_str(&answer.text));
  *as_expected = story_check(step, &answer);
done:
  gw_curl_done(&answer);
  gw_buf_done(&line);
  return code;
}

gw_code gw_story_tell(const char *base, gw_story_stop_fn *stop, gw_story_result *result,
                      gw_err *err) {
  *result = (gw_story_result){ 0 };
  for (size_t i = 0; i < GW_COUNT_OF(steps); i++) {
    bool as_expected = false;
    if (stop != NULL && stop()) break;
    printf("\n%zu. %s\n   %s\n", i + 1, steps[i].title, steps[i].why);
    gw_code code = gw_story_show(base, &steps[i], &as_expected, err);
    if (code != GW_OK) return code;
    result->shown++;
    if (!as_expected) result->failed++;
  }
  return GW_OK;
}
