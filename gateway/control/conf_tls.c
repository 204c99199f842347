#include "control/conf_tls.h"

#include "control/file.h"

#define TLS_FILE_BYTES GW_MIB(4) /* of certificates, keys or lists */

/* One context of the snapshot. */
struct gw_tls_node {
  struct gw_tls_node *next;
  gw_tls *tls;
};

void gw_conf_tls_free(gw_snapshot *snapshot) {
  for (struct gw_tls_node *node = snapshot->tls_nodes; node != NULL; node = node->next)
    gw_tls_unref(node->tls);
}

const gw_yaml *gw_conf_find_map(const gw_yaml *map, gw_str name) {
  const gw_yaml *key = map->kind == GW_YAML_MAP ? map->first : NULL;
  for (; key != NULL; key = key->next) {
    gw_str rest = key->text;
    if (!gw_str_eq(gw_str_cut(&rest, '.'), name)) continue;
    if (rest.n > 0 || key->value->kind == GW_YAML_MAP) return key;
  }
  return NULL;
}

static gw_tls *conf_tls_new(gw_conf *conf, gw_tls_role role) {
  struct gw_tls_node *node = gw_conf_alloc(conf, sizeof *node);
  gw_tls *tls = node != NULL ? gw_tls_new(role) : NULL;
  if (tls == NULL) {
    conf->code = GW_NOMEM;
    return NULL;
  }
  node->tls = tls;
  node->next = conf->snapshot->tls_nodes;
  conf->snapshot->tls_nodes = node;
  return tls;
}

/* Looked at before it is read: a change in between is then one that is seen. */
static void conf_watch(gw_conf *conf, gw_str path) {
  gw_watch *watch = gw_conf_alloc(conf, sizeof *watch);
  gw_str copy = gw_conf_copy(conf, path);
  if (watch == NULL || copy.p == NULL) return;
  *watch = (gw_watch){ conf->snapshot->watches, copy.p, gw_file_state(copy.p) };
  conf->snapshot->watches = watch;
}

typedef gw_code conf_use_fn(gw_tls *tls, gw_str pem, gw_err *err);

static void conf_tls_report(gw_conf *conf, const gw_yaml *node, const char *name,
                            const char *fault) {
  gw_findings_add(conf->findings, gw_conf_place(conf, node), "\"%s\": \"" GW_STR_FMT "\": %s", name,
                  GW_STR_ARG(gw_str_first(node->text, gw_size_min(node->text.n, 200))), fault);
}

/* Reads the file that `node` names and gives it to `use`. */
static bool conf_tls_use(gw_conf *conf, gw_tls *tls, const gw_yaml *node, const char *name,
                         gw_file_kind kind, conf_use_fn *use) {
  gw_err err;
  gw_str pem;
  const char *fault = NULL;
  gw_err_init(&err);
  gw_str text = gw_conf_text(conf, node, gw_str_of(name), "a file's path");
  gw_str path = text.p != NULL ? gw_conf_path(conf, text) : text;
  if (path.p == NULL) return false;
  conf_watch(conf, path);
  gw_code code = gw_file_read(path.p, kind, TLS_FILE_BYTES, &conf->scratch, &pem, &fault);
  if (code == GW_OK) {
    code = use(tls, pem, &err);
    if (kind == GW_FILE_SECRET) explicit_bzero((void *)(uintptr_t)pem.p, pem.n);
  }
  if (code == GW_BAD_VALUE) conf_tls_report(conf, node, name, fault != NULL ? fault : err.text);
  if (code == GW_NOMEM) conf->code = code;
  return code == GW_OK;
}

/* An expired certificate of ours is for the peer to refuse, and time may mend one that comes too
 * early. */
static void conf_tls_own(gw_conf *conf, gw_tls *tls, const gw_conf_tls *values) {
  if (!conf_tls_use(conf, tls, values->certificate, "certificate", GW_FILE_PLAIN,
                    gw_tls_use_certificate))
    return;
  const char *fault = gw_tls_certificate_fault(tls);
  if (fault != NULL) {
    gw_findings_warn(conf->findings, gw_conf_place(conf, values->certificate),
                     "\"certificate\": \"" GW_STR_FMT "\" %s",
                     GW_STR_ARG(values->certificate->text), fault);
  }
  (void)conf_tls_use(conf, tls, values->key, "key", GW_FILE_SECRET, gw_tls_use_key);
}

static void conf_tls_missing(gw_conf *conf, const gw_yaml *at, const char *name, const char *why) {
  gw_findings_add(conf->findings, gw_conf_place(conf, at), "\"tls\": \"%s\" is missing%s", name,
                  why);
}

gw_tls *gw_conf_tls_build(gw_conf *conf, gw_tls_role role, const gw_yaml *at,
                          const gw_conf_tls *values) {
  bool is_server = role == GW_TLS_SERVER;
  gw_tls *tls = conf_tls_new(conf, role);
  if (tls == NULL) return NULL;
  bool wants_own = is_server || values->certificate != NULL || values->key != NULL;
  if (wants_own && values->certificate == NULL) conf_tls_missing(conf, at, "certificate", "");
  if (wants_own && values->key == NULL) conf_tls_missing(conf, at, "key", "");
  if (values->certificate != NULL && values->key != NULL) conf_tls_own(conf, tls, values);
  if (values->ca != NULL) {
    (void)conf_tls_use(conf, tls, values->ca, is_server ? "client_ca" : "ca", GW_FILE_PLAIN,
                       gw_tls_trust);
  } else if (!is_server && gw_tls_trust_system(tls) != GW_OK) {
    conf->code = GW_NOMEM;
  }
  if (values->crl != NULL && is_server && values->ca == NULL) {
    conf_tls_missing(conf, at, "client_ca", ": \"crl\" is about certificates of clients");
  } else if (values->crl != NULL) {
    (void)conf_tls_use(conf, tls, values->crl, "crl", GW_FILE_PLAIN, gw_tls_revoke);
  }
  return tls;
}
