/* sets: pools for the tests of this folder. */
#pragma once

#include "schema/load.h"
#include "unit/test.h"

/* The pool of descriptors/NAME.pb, made once and freed at exit; a load that fails ends the test. */
const gw_pool *sets_pool(const char *name);

/* A source of bytes; free its bytes.p with free(). */
gw_schema_source sets_source(const char *name);

const gw_message *sets_message(const char *set, const char *full_name);
const gw_field *sets_field(const gw_message *message, const char *name);

/* A report function: prints. */
void sets_print(void *context, const gw_err *err);
