/* SPDX-License-Identifier: MIT */
/*
 * Where a measured program's output goes: a file in memory, so that nobody has to read a pipe
 * while time is taken, and no disk is written. Layer 4.
 */
#ifndef SHALE_MEASURE_CAPTURE_H
#define SHALE_MEASURE_CAPTURE_H

#include <stddef.h>

#include <shale/error.h>

#include "base/attributes.h"

struct capture {
    int fd; /* give it to the program as stdout and stderr; -1: closed */
};

/* Opens an empty one. 0, or SHALE_EIO (errno says more). */
SHALE_NODISCARD int capture_open(struct capture *capture);

void capture_close(struct capture *capture);

/*
 * The text written so far, its last CAPTURE_TEXT_MAX bytes, with carriage returns turned into
 * newlines and NUL bytes into '?'.
 *
 * @return  the caller's to free; NULL without memory.
 */
enum { CAPTURE_TEXT_MAX = 16 << 20 };
char *capture_text(const struct capture *capture);

/* The last lines of it, as many as fit; "" when nothing was written. */
void capture_tail(const struct capture *capture, char *text, size_t size);

#endif
