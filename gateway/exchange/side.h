/* side: who answers a request whose route is being migrated, and what is counted of it
 * (DESIGN section 4).  One thread. */
#pragma once

#include "exchange/exchange.h"

/* The route is known: draws exchange->side, and whether the other side is asked too (then the
 * exchange has a shadow).  A route without a migration, and an exchange that is itself a shadow,
 * keep the side that they have. */
void gw_side_draw(gw_exchange *exchange, const gw_h1_request *request, gw_str peer);

/* The side that was asked first has answered, or failed: counted once for each exchange. */
void gw_side_account(gw_exchange *exchange, bool is_error, uint64_t duration_us);
