/* SPDX-License-Identifier: MIT */
/* Reads a trace, and makes of it what to do: steps with numbers in the place of addresses. */
#ifndef WORKLOADS_TRACE_READ_H
#define WORKLOADS_TRACE_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "format.h"

/* A table in memory of its own: what is replayed shall be the only user of malloc. */
struct table {
    void *memory;
    size_t bytes; /* mapped */
};

/* Zeros, or false with errno. The table is replaced by one that begins with the same bytes. */
bool table_resize(struct table *table, size_t bytes);
void table_free(struct table *table);

struct trace {
    struct trace_header header;
    struct table events; /* struct trace_event */
    size_t count;
    char note[160]; /* what is missing at its end, or "" */
};

/* False with the reason: the file cannot be read, or is no trace, or is damaged in the middle. A
 * trace that ends early is good for what it has. */
bool trace_read(const char *path, struct trace *trace, char *reason, size_t reason_size);
void trace_free(struct trace *trace);

struct step {
    uint64_t size;
    uint32_t slot;
    uint32_t thread : 20;
    uint32_t operation : 4; /* never TRACE_REALLOC: one step does it */
    uint32_t alignment : 8; /* as a power of two */
};

struct steps {
    struct table table; /* struct step */
    size_t count;
    uint32_t slots;    /* blocks that are live at the same time, at most */
    uint32_t threads;  /* ids are below it */
    size_t foreign;    /* frees of blocks that the trace did not see come */
    size_t unfreed;    /* blocks whose free it did not see before their address was given again */
    uint64_t live_max; /* bytes, as asked for */
};

/* False with the reason. */
bool steps_make(const struct trace *trace, struct steps *steps, char *reason, size_t reason_size);
void steps_free(struct steps *steps);

#endif
