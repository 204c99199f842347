/* stage: moves a route of a running gateway, with its group, to a stage. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/client.h"
#include "command/command.h"
#include "control/values.h"
#include "migrate/stage.h"

typedef struct stage_words {
  const char *route, *stage, *share, *address, *token_file, *why;
} stage_words;

/* False: a word is wrong or missing. */
static bool stage_read(int argc, char **argv, stage_words *words) {
  const char **plain[] = { &words->route, &words->stage, &words->share };
  size_t count = 0;
  *words = (stage_words){ .address = GW_CLIENT_ADDRESS };
  for (int i = 1; i < argc; i++) {
    const char **value = strcmp(argv[i], "--admin") == 0        ? &words->address
                         : strcmp(argv[i], "--token-file") == 0 ? &words->token_file
                         : strcmp(argv[i], "--why") == 0        ? &words->why
                                                                : NULL;
    if (value != NULL && i + 1 < argc)
      *value = argv[++i];
    else if (value == NULL && count < GW_COUNT_OF(plain) && !gw_command_is_option(argv[i]))
      *plain[count++] = argv[i];
    else
      return false;
  }
  return count >= 2;
}

/* NULL: no memory, or a text that is not UTF-8. */
static char *stage_body(const stage_words *words) {
  json_t *root = json_object();
  int failed = json_object_set_new(root, "stage", json_string(words->stage));
  if (words->share != NULL) failed |= json_object_set_new(root, "share", json_string(words->share));
  if (words->why != NULL) failed |= json_object_set_new(root, "why", json_string(words->why));
  char *text = failed == 0 ? json_dumps(root, JSON_COMPACT) : NULL;
  json_decref(root);
  return text;
}

static void stage_print_stand(const json_t *stand) {
  const char *stage = json_string_value(json_object_get(stand, "stage"));
  const char *share = json_string_value(json_object_get(stand, "share"));
  printf("%s%s%s", stage != NULL ? stage : "?", share != NULL ? " " : "",
         share != NULL ? share : "");
}

static int stage_print(gw_str answer) {
  size_t i;
  const json_t *name;
  json_t *root = json_loadb(answer.n > 0 ? answer.p : "", answer.n, 0, NULL);
  const json_t *moved = json_object_get(root, "moved");
  json_array_foreach(moved, i, name) {
    printf("%s: ", json_string_value(name) != NULL ? json_string_value(name) : "?");
    stage_print_stand(json_object_get(root, "from"));
    printf(" -> ");
    stage_print_stand(root);
    printf("\n");
  }
  if (json_array_size(moved) == 0) {
    const char *route = json_string_value(json_object_get(root, "name"));
    printf("%s: stands at ", route != NULL ? route : "?");
    stage_print_stand(root);
    printf(" already\n");
  }
  bool good = root != NULL;
  json_decref(root);
  return good ? GW_EXIT_OK : GW_EXIT_FINDING;
}

static int stage_run(const stage_words *words) {
  char path[256], token[GW_CLIENT_TOKEN_MAX];
  gw_buf out;
  gw_err err;
  gw_err_init(&err);
  snprintf(path, sizeof path, "/routes/%s/stage", words->route);
  gw_client_request request = { .address = words->address,
                                .method = "PUT",
                                .path = gw_str_of(path) };
  if (gw_client_token(words->token_file, token, &request.token, &err) != GW_OK) {
    fprintf(stderr, "sluice: %s\n", err.text);
    return GW_EXIT_FINDING;
  }
  char *body = stage_body(words);
  if (body == NULL) return gw_command_misused("--why is not UTF-8", NULL);
  request.body = gw_str_of(body);
  gw_buf_init(&out, NULL, GW_CLIENT_ANSWER_MAX);
  int exit_code = gw_client_run(&request, words->route, &out);
  if (exit_code == GW_EXIT_OK) exit_code = stage_print(gw_buf_str(&out));
  gw_buf_done(&out);
  free(body);
  return exit_code;
}

int gw_command_stage(int argc, char **argv) {
  stage_words words;
  gw_stage stage;
  uint64_t share;
  if (!stage_read(argc, argv, &words))
    return gw_command_misused("stage takes ROUTE, STAGE, perhaps SHARE, and options", NULL);
  if (!gw_value_is_name(gw_str_of(words.route)))
    return gw_command_misused("that is no route's name", words.route);
  if (!gw_stage_parse(gw_str_of(words.stage), &stage))
    return gw_command_misused("a stage is legacy, shadow, canary or grpc, not", words.stage);
  if (words.share != NULL && !gw_value_share_parse(gw_str_of(words.share), &share))
    return gw_command_misused("a share is a percentage such as 12.5%, not", words.share);
  return stage_run(&words);
}
