/* dashboard: the operators' page, gateway/admin/dashboard/ as one text in the program (made by its
 * embed.py), and the Content-Security-Policy that it is served with: scripts and style by their
 * hashes, no host but its own (CSP Level 3 section 6).  Constant; any thread. */
#pragma once

#include <stddef.h>

extern const unsigned char gw_dashboard_page[];
extern const size_t gw_dashboard_page_n;
extern const char gw_dashboard_policy[];
