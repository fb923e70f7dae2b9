/* SPDX-License-Identifier: MIT */
/*
 * Static tracepoints (USDT): a nop in the code and a note in the file, for bpftrace, perf and gdb.
 * Layer 0.
 *
 *     SHALE_PROBE2(slab_purge, segment, purged);
 *     bpftrace -e 'usdt:./libshale.so:shale:slab_purge { @ = count(); }'
 *
 * Provider `shale`. docs/guide/statistics.md lists them all. With <sys/sdt.h> at build time they
 * are real. Without it the arguments are still checked by the compiler and nothing else is left.
 * Arguments are integers or pointers and must have no side effect: they are evaluated in one of the
 * two builds only.
 */
#ifndef SHALE_BASE_PROBE_H
#define SHALE_BASE_PROBE_H

#include "base/attributes.h"

#if defined(__has_include) && !defined(SHALE_NO_PROBES)
#if __has_include(<sys/sdt.h>)
#define SHALE_PROBES 1
#endif
#endif
#ifndef SHALE_PROBES
#define SHALE_PROBES 0
#endif

#if SHALE_PROBES
#include <sys/sdt.h>
#define SHALE_PROBE0(name)             DTRACE_PROBE(shale, name)
#define SHALE_PROBE1(name, a)          DTRACE_PROBE1(shale, name, a)
#define SHALE_PROBE2(name, a, b)       DTRACE_PROBE2(shale, name, a, b)
#define SHALE_PROBE3(name, a, b, c)    DTRACE_PROBE3(shale, name, a, b, c)
#define SHALE_PROBE4(name, a, b, c, d) DTRACE_PROBE4(shale, name, a, b, c, d)
#else
/* The comparison with 0 accepts what a real probe accepts: integers and pointers, no structs. */
#define SHALE_PROBE_CHECK(a)           ((void)sizeof((a) == 0))
#define SHALE_PROBE0(name)             ((void)0)
#define SHALE_PROBE1(name, a)          SHALE_PROBE_CHECK(a)
#define SHALE_PROBE2(name, a, b)       (SHALE_PROBE_CHECK(a), SHALE_PROBE_CHECK(b))
#define SHALE_PROBE3(name, a, b, c)    (SHALE_PROBE2(name, a, b), SHALE_PROBE_CHECK(c))
#define SHALE_PROBE4(name, a, b, c, d) (SHALE_PROBE3(name, a, b, c), SHALE_PROBE_CHECK(d))
#endif

#endif
