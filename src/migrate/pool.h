/* SPDX-License-Identifier: MIT */
/* The same work on many files, in parallel. Layer 1. */
#ifndef SHALE_MIGRATE_POOL_H
#define SHALE_MIGRATE_POOL_H

#include <stddef.h>

/*
 * Calls work(context, i) for each i below count, from up to `threads` threads (0: one for each
 * processor), and done(context, finished) after each, from one thread at a time.
 */
void pool_run(unsigned threads, size_t count, void (*work)(void *context, size_t index),
              void (*done)(void *context, size_t finished), void *context);

#endif
