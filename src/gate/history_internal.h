/* SPDX-License-Identifier: MIT */
/* What reading and writing the history share. Layer 5. */
#ifndef SHALE_GATE_HISTORY_INTERNAL_H
#define SHALE_GATE_HISTORY_INTERNAL_H

#include <sqlite3.h>

#include "gate/history.h"

struct history {
    sqlite3 *db;
};

#endif
