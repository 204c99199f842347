/* Files that a configuration names for TLS: what only files of the test's own can show. */
#include "control/file.h"
#include "control/snapshot.h"

#include <sys/stat.h>

#include "unit/certs.h"

typedef struct place {
  char *folder;
  certs *a, *b;
  gw_findings findings;
  gw_snapshot *snapshot;
} place;

static void place_init(place *p) {
  *p = (place){ .folder = certs_folder() };
  p->a = certs_new(&(certs_wish){ .name = "a" });
  p->b = certs_new(&(certs_wish){ .name = "b" });
  certs_write(p->folder, "a.pem", certs_pem(p->a), 0644);
  certs_write(p->folder, "a.key", certs_key(p->a), 0600);
  certs_write(p->folder, "b.key", certs_key(p->b), 0600);
  gw_findings_init(&p->findings);
}

static void place_clear(place *p) {
  gw_snapshot_unref(p->snapshot);
  p->snapshot = NULL;
  gw_findings_done(&p->findings);
  gw_findings_init(&p->findings);
}

static void place_done(place *p) {
  place_clear(p);
  gw_findings_done(&p->findings);
  certs_free(p->a);
  certs_free(p->b);
  certs_folder_remove(p->folder);
}

static gw_code place_load(place *p, const char *tls) {
  char path[512], yaml[512];
  place_clear(p);
  snprintf(path, sizeof path, "%s/sluice.yaml", p->folder);
  snprintf(yaml, sizeof yaml, "listen: [{address: '127.0.0.1:1', tls: {%s}}]\n", tls);
  return gw_snapshot_parse(path, gw_str_of(yaml), &p->findings, &p->snapshot);
}

static void check_refused(place *p, const char *tls, const char *text) {
  CHECK_INT(place_load(p, tls), GW_BAD_VALUE);
  CHECK_INT(p->findings.count, 1);
  CHECK_STR(p->findings.items[0].text, text);
}

TEST(tls_files, a_pair_makes_a_context_and_is_watched) {
  place p;
  place_init(&p);
  CHECK_INT(place_load(&p, "certificate: a.pem, key: a.key"), GW_OK);
  CHECK_INT(p.findings.count, 0);
  CHECK(p.snapshot->listens[0].tls != NULL);
  size_t count = 0;
  for (const gw_watch *watch = p.snapshot->watches; watch != NULL; watch = watch->next) {
    CHECK(watch->state == gw_file_state(watch->path));
    count++;
  }
  CHECK_INT(count, 2);
  place_done(&p);
}

TEST(tls_files, a_key_of_another_certificate_is_refused) {
  place p;
  place_init(&p);
  check_refused(&p, "certificate: a.pem, key: b.key",
                "\"key\": \"b.key\": the key does not fit the certificate");
  place_done(&p);
}

TEST(tls_files, a_key_that_others_can_use_is_refused) {
  static const unsigned modes[] = { 0640, 0604, 0620, 0602, 0610, 0644, 0660 };
  place p;
  place_init(&p);
  for (size_t i = 0; i < GW_COUNT_OF(modes); i++) {
    certs_write(p.folder, "a.key", certs_key(p.a), modes[i]);
    check_refused(&p, "certificate: a.pem, key: a.key",
                  "\"key\": \"a.key\": others than its owner may use it; chmod 600 it");
  }
  certs_write(p.folder, "a.key", certs_key(p.a), 0400);
  CHECK_INT(place_load(&p, "certificate: a.pem, key: a.key"), GW_OK);
  place_done(&p);
}

TEST(tls_files, every_change_of_a_file_is_seen) {
  place p;
  char path[512];
  place_init(&p);
  snprintf(path, sizeof path, "%s/a.key", p.folder);
  uint64_t first = gw_file_state(path);
  CHECK(first != 0);
  CHECK(gw_file_state(path) == first);
  certs_write(p.folder, "a.key", certs_key(p.a), 0600); /* the same text in another file */
  uint64_t second = gw_file_state(path);
  CHECK(second != first);
  CHECK_INT(chmod(path, 0640), 0);
  CHECK(gw_file_state(path) != second);
  CHECK_INT(remove(path), 0);
  CHECK(gw_file_state(path) == 0);
  place_done(&p);
}

static gw_code load_once(void *context) {
  return place_load(context, "certificate: a.pem, key: a.key, client_ca: a.pem");
}

TEST(tls_files, survive_each_failed_alloc) {
  place p;
  place_init(&p);
  test_fail_each_alloc(load_once, &p);
  place_done(&p);
}
