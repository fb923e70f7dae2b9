/* SPDX-License-Identifier: MIT */
/*
 * When is a server ready: TCP:PORT, TCP:HOST:PORT, FILE or SECONDS. Layer 4.
 *
 * Also says what must not be there before the server starts: a port that something else already
 * serves would be measured in its place.
 */
#ifndef SHALE_MEASURE_READY_H
#define SHALE_MEASURE_READY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <shale/error.h>

#include "base/attributes.h"

enum ready_kind { READY_AT_ONCE, READY_TCP, READY_FILE, READY_SECONDS };

struct ready {
    enum ready_kind kind;
    char host[256];
    char port[16];
    char path[4096];
    double seconds;
    /* since ready_begin: */
    bool existed;
    struct stat before;
    int64_t started_ns;
};

/*
 * Reads the condition as the user wrote it; NULL is "at once".
 *
 * @param reason  gets what is wrong, in words, on an error.
 * @return  0, SHALE_EINVAL.
 */
SHALE_NODISCARD int ready_parse(const char *text, struct ready *ready, char *reason,
                                size_t reason_size);

/*
 * Called before the server starts.
 *
 * @return  0, or SHALE_EBUSY: somebody serves that port already.
 */
SHALE_NODISCARD int ready_begin(struct ready *ready);

/* Looks once: is it ready now? Takes at most some 100 ms for a port that does not answer. */
bool ready_check(const struct ready *ready);

#endif
