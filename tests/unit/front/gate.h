/* gate: a front with its engine, a scripted service behind it and raw clients before it, in one
 * loop. CreateUser holds, DeleteUser answers at once, GetUser is large, ListUsers is a long stream;
 * StreamUpdates answers before its requests and holds. */
#pragma once

#include "front/front.h"
#include "unit/net/h2_pair.h"
#include "unit/upstream/service.h"

#define LONG_STREAM GW_MIB(24)
#define DELETE      "DELETE /users/7 HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK          "HTTP/1.1 200 OK\r\n"

enum { GATE_DELETE, GATE_CREATE, GATE_GET, GATE_LIST, GATE_UPDATES };
extern script gate_scripts[];

typedef struct gate {
  gw_loop *loop;
  service service;
  gw_engine engine;
  gw_front *front;
  gw_sockaddr address;
  uint32_t drained_count;
  bool idle;
} gate;

typedef struct user {
  gate *gate;
  int fd;
  char *text; /* all that came */
  size_t n;
  bool ended, reset;
  const char *counted; /* what user_count() counted last, so often, up to there */
  uint32_t count;
  size_t counted_n;
} user;

gate *gate_new(const char *limits); /* of the configuration */
void gate_free(gate *g);

user user_new(gate *g);
void user_send(user *u, const char *text);
void user_read(user *u, size_t max); /* what is there, at most that */
uint32_t user_count(user *u, const char *text);
bool user_has(user *u, const char *text);
bool user_ends_with(user *u, const char *text); /* all that came so far; quicker than user_has */
bool user_ended(user *u);
void user_done(user *u);
