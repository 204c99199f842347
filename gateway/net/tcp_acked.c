#include "net/tcp_acked.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t gw_socket_acked(int descriptor) {
  struct tcp_info info;
  socklen_t n = sizeof info;
  size_t needed = offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &n) != 0 || n < needed) {
    return UINT64_MAX;
  }
  return info.tcpi_bytes_acked;
}
