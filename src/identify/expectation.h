/* SPDX-License-Identifier: MIT */
/* Which allocator a verdict is about. Layer 1; part of the self-check. */
#ifndef SHALE_IDENTIFY_EXPECTATION_H
#define SHALE_IDENTIFY_EXPECTATION_H

#include "identify/analyze.h"

struct identify_expectation {
    const struct identify_allocator *allocator; /* NULL: an object of the base name in `name` */
    char name[128];
    const char *version; /* NULL: any */
    const char *from;    /* "--expect", "LD_PRELOAD", ... */
};

/*
 * What was asked for: options->expect; else what LD_PRELOAD or /etc/ld.so.preload names; else the
 * first replacement allocator in the process; else the C library.
 *
 * @return 0, or SHALE_EINVAL for an unknown name (report->reason says which are known).
 */
SHALE_NODISCARD int identify_expectation(const struct identify_subject *subject,
                                         const struct identify_options *options,
                                         struct identify_report *report,
                                         struct identify_expectation *expectation);

/* Is the module what is expected? */
bool identify_is_expected(const struct identify_expectation *expectation,
                          const struct identify_module *module);

#endif
