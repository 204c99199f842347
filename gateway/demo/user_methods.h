/* user_methods: what the methods of userservice.UserService (proto/userservice.proto) do.
 * call->service is a gw_user_store.  One thread. */
#pragma once

#include "demo/grpc_call.h"

extern const gw_grpc_method gw_user_methods[];
extern const size_t gw_user_methods_count;
/* The same service in its bad hour: every call is UNAVAILABLE. */
extern const gw_grpc_method gw_user_methods_ill[];
