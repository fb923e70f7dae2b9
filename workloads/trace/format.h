/* SPDX-License-Identifier: MIT */
/*
 * The file of a recorded allocation trace.
 *
 *     0        struct trace_header, in a page of its own
 *     4096     the tail: TRACE_TAIL events, uncompressed
 *     102400   frames, one behind the other: struct trace_frame and a zstd frame of its events
 *
 * The traced process maps the header and the tail, and writes each event to the tail first; a tail
 * that is full becomes a frame. So nothing is lost when the process is killed. `committed` moves
 * when a frame is complete: whoever reads takes the frames, and of the tail what is not in them.
 *
 * All events of a process are in one order, that of a lock: an allocation is noted after it was
 * made and a free before it is, so an address is never given out while it is another block's. A
 * reallocation is two events, the block's end and its return. Integers are little-endian.
 */
#ifndef WORKLOADS_TRACE_FORMAT_H
#define WORKLOADS_TRACE_FORMAT_H

#include <assert.h>
#include <stdint.h>

#define TRACE_MAGIC       "SHTRACE1"
#define TRACE_FRAME_MAGIC 0x52465453U /* STFR */

enum {
    TRACE_PAGE = 4096,
    TRACE_TAIL = 4096, /* events */
    TRACE_THREADS_MAX = 1 << 20,
    TRACE_ALIGNMENT_MAX = 30, /* as a power of two */
};

#define TRACE_SIZE_MAX (UINT64_C(1) << 47)

enum trace_state { TRACE_RECORDING, TRACE_ENDED, TRACE_STOPPED /* could not be written */ };

struct trace_header {
    char magic[8];
    uint32_t event_bytes; /* sizeof(struct trace_event) */
    uint32_t tail_events; /* TRACE_TAIL */
    uint32_t pid;
    uint32_t state;     /* enum trace_state */
    uint64_t committed; /* events in frames */
    uint64_t total;     /* events; those from `committed` on are in the tail */
    uint64_t missed;    /* calls of signal handlers that came while the recorder worked */
    uint32_t threads;   /* that were seen; ids are below it */
    uint32_t error;     /* errno of TRACE_STOPPED */
    char program[128];  /* its command line, cut, with spaces */
};

enum trace_operation {
    TRACE_MALLOC = 1,
    TRACE_CALLOC,
    TRACE_ALIGNED,
    TRACE_FREE,
    TRACE_REALLOC,  /* the block at `address` is about to be resized by this thread */
    TRACE_REALLOCED /* it is at `address` now; 0: it stayed as it was, or with size 0 was freed */
};

struct trace_event {
    uint64_t address;
    uint64_t size; /* as asked for; of calloc the product */
    uint32_t thread;
    uint8_t operation; /* enum trace_operation */
    uint8_t alignment; /* of TRACE_ALIGNED, as a power of two */
    uint16_t zero;
};

struct trace_frame {
    uint32_t magic;
    uint32_t bytes;  /* of the zstd frame behind this */
    uint32_t events; /* in it, at most TRACE_TAIL */
    uint32_t zero;
};

static_assert(sizeof(struct trace_header) <= TRACE_PAGE, "the header has a page");
static_assert(sizeof(struct trace_event) == 24, "an event is the same everywhere");
static_assert(sizeof(struct trace_frame) == 16, "a frame's head is the same everywhere");

enum {
    TRACE_TAIL_BYTES = TRACE_TAIL * (int)sizeof(struct trace_event),
    TRACE_FRAMES_OFFSET = TRACE_PAGE + TRACE_TAIL_BYTES,
};

#endif
