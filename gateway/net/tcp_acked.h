/* tcp_acked: how much of what was written the peer's kernel has acknowledged (Linux's TCP_INFO). In
 * a file of its own: the kernel's header with the newer figures and the C library's exclude each
 * other.  Pure but for the socket. */
#pragma once

#include "base/base.h"

/* Bytes, the SYN as one; UINT64_MAX: the kernel does not tell. */
uint64_t gw_socket_acked(int descriptor);
