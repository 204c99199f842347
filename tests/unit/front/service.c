/* The scripted service of the upstream's tests. */
#include "unit/upstream/service.c"
