/* bench: an upstream with one or two scripted services, and calls on it. */
#pragma once

#include "unit/upstream/service.h"
#include "upstream/call.h"

#define BYTES(literal) .data = literal, .data_n = sizeof(literal) - 1
#define EMPTY          .data_n = 0
#define GRPC                                                                                       \
  { GW_STR_INIT("content-type"), GW_STR_INIT("application/grpc") }
#define STATUS(text)                                                                               \
  { GW_STR_INIT("grpc-status"), GW_STR_INIT(text) }
#define HELLO       "\0\0\0\0\5hello"
#define MESSAGE_MAX 1000u

#define UNARY  false
#define STREAM true

typedef struct bench {
  gw_loop *loop;
  service services[2];
  size_t service_count;
  gw_endpoint_config endpoints[2];
  gw_upstream_config config;
  gw_upstream_metrics metrics;
  gw_upstream *upstream;
  bool closed;
} bench;

typedef struct tcall {
  gw_call call;
  gw_send_queue queue;
  uint32_t ticks;
  gw_arena arena;
  uint32_t messages, done_count;
  char text[32]; /* of the last message */
  bool takes_nothing;
} tcall;

/* Fills config with small times; change it before bench_open(). */
void bench_init(bench *b, size_t service_count, const script *scripts, size_t count);
void bench_open(bench *b);
void bench_ready(bench *b, uint64_t connections); /* opens and waits for that many */
void bench_done(bench *b);                        /* no call may be left */

tcall *tcall_start(bench *b, const char *path, bool streaming);
tcall *tcall_start_sized(bench *b, const char *path, bool streaming, size_t frames_n);
/* A stream of requests; messages follow. */
tcall *tcall_start_queue(bench *b, const char *path, bool streaming);
void tcall_on_tick(gw_call *call);
void tcall_free(tcall *t); /* cancels */
