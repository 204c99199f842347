/* snapshot: one checked configuration with its descriptors, routes and policies.
 * Built whole or not at all from a YAML file (DESIGN section 3); immutable; shared by all workers;
 * counted atomically.  A file's every mistake is a finding, not only the first. */
#pragma once

#include "base/err.h"
#include "base/limits.h"
#include "control/findings.h"
#include "net/tls.h"
#include "route/bind.h"
#include "route/router.h"
#include "upstream/config.h"

typedef struct gw_listen {
  gw_str host;   /* a numeric address, without brackets; NUL behind it */
  uint16_t port; /* 0: any free one (tests) */
  gw_str text;   /* as written */
  gw_tls *tls;   /* NULL: plain; the snapshot's */
} gw_listen;

/* A file whose change wants a reload: certificates, keys. */
typedef struct gw_watch {
  const struct gw_watch *next;
  const char *path;
  uint64_t state; /* as of its reading: gw_watch_look() */
} gw_watch;

typedef struct gw_snapshot {
  gw_str path; /* of the file */
  const gw_listen *listens;
  uint32_t listen_count;
  bool has_admin;
  gw_listen admin;
  gw_str admin_token_file; /* n == 0: none */
  uint32_t workers;
  gw_limits limits;
  uint64_t drain_timeout_ms;
  gw_str state_path; /* of the file that keeps the stages set at run time; NUL behind it */
  gw_str log_level;  /* "debug", "info", "warn", "error" */
  bool log_access;
  bool gzip;             /* of whole answers, for clients that take it */
  size_t gzip_bytes_min; /* of such an answer */
  gw_pool *pool;
  gw_router *router;
  gw_compat compat;        /* of `defaults`, for requests that no route takes */
  bool has_overrides;      /* some route reads X-HTTP-Method-Override (D-56) */
  gw_route *const *routes; /* in order of the file, then those of `services` */
  uint32_t route_count;
  gw_rule *const *rules; /* every match of every route */
  uint32_t rule_count;
  gw_upstream_config *upstreams;
  uint32_t upstream_count;
  uint32_t legacy;            /* the upstream of requests that no route matches; UINT32_MAX: none */
  uint64_t legacy_timeout_ms; /* from the request's end to the answer's head; 0: none */
  uint64_t legacy_idle_timeout_ms;               /* between two pieces of its answer; 0: none */
  gw_str yaml;                                   /* what it was built from, as read */
  uint64_t descriptors_hash;                     /* of the descriptor sets' bytes */
  uint32_t descriptors_line, descriptors_column; /* where they are listed; 0: nowhere */
  const gw_str *services;                        /* those listed in `services` */
  uint32_t service_count;
  const gw_watch *watches;       /* NULL: none */
  struct gw_tls_node *tls_nodes; /* all contexts; private to conf_tls.c */
  /* private to snapshot.c */
  gw_arena arena;
  uint32_t refs;
} gw_snapshot;

/* Reads `path` and what it names.  *out has one reference.  GW_OK can come with findings too, all
 * of them warnings.  GW_BAD_VALUE: see findings; nothing is built.  GW_NOMEM: findings may be
 * empty. */
GW_CHECKED gw_code gw_snapshot_load(const char *path, gw_findings *findings, gw_snapshot **out);
/* The same from text; relative paths in it start at the folder of `path`. */
GW_CHECKED gw_code gw_snapshot_parse(const char *path, gw_str yaml, gw_findings *findings,
                                     gw_snapshot **out);

gw_snapshot *gw_snapshot_ref(gw_snapshot *snapshot);
void gw_snapshot_unref(gw_snapshot *snapshot); /* NULL is a no-op */
