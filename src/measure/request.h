/* SPDX-License-Identifier: MIT */
/*
 * How a user asks for one side of a comparison: [NAME=VALUE ...] ALLOCATOR, as a shell has it for
 * commands. Layer 4, pure.
 *
 * "MIMALLOC_PURGE_DELAY=0 mimalloc@3.6.0" is that allocator with that variable set; so two settings
 * of one allocator are two requests.
 */
#ifndef SHALE_MEASURE_REQUEST_H
#define SHALE_MEASURE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "measure/arm.h"

enum { REQUEST_VARIABLES_MAX = 8, REQUEST_TEXT_MAX = 4608 /* a path, and variables before it */ };

struct request {
    const char *allocator;      /* NAME, NAME@VERSION or a path; "" where there is none */
    struct arm_setting setting; /* name and environment of what stood before it, NULL without */

    /* storage of the above */
    char text[REQUEST_TEXT_MAX];
    char name[256];
    const char *variables[REQUEST_VARIABLES_MAX + 1];
};

/*
 * Takes it apart.
 *
 * @return  false: too long, or more variables than REQUEST_VARIABLES_MAX.
 * Ownership: the request's pointers lead into itself; it must not be copied.
 */
bool request_parse(const char *text, struct request *out);

/* Does it begin like NAME=VALUE, with a name that a variable can have? */
bool request_is_variable(const char *word);

#endif
