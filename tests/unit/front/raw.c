/* The plain sockets of net's tests. */
#include "unit/net/h2_pair.c"
