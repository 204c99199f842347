#include "base/limits.h"

gw_limits gw_limits_default(void) {
  return (gw_limits){
    .connections = 8192, /* below half of the usual descriptor limit */
    .request_line = 8192,
    .headers = 16384,
    .header_count = 100,
    .header = 8192,
    .requests_per_connection = 10000,
    .in_flight = 4096,
    .body = GW_MIB(4),
    .message = GW_MESSAGE_BYTES_MAX,
    .tls_handshake_timeout_ms = 5000,
    .header_timeout_ms = 10000,
    .body_timeout_ms = 30000,
    .body_rate = 1024,
    .body_grace_ms = 5000,
    .idle_timeout_ms = 60000,
    .stall_timeout_ms = 30000,
    .connection_age_ms = 3600000,
  };
}
