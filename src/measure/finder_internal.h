/* SPDX-License-Identifier: MIT */
/* The parts of the finder: where to look (places), what a file is (inspect). Layer 4. */
#ifndef SHALE_MEASURE_FINDER_INTERNAL_H
#define SHALE_MEASURE_FINDER_INTERNAL_H

#include "measure/finder.h"

/* Called with the path of each file whose name could be an allocator's; 0 goes on. */
typedef int (*finder_visit_fn)(const char *path, enum finder_source source, void *context);

/* Visits the candidate files of every place, in the order of precedence. */
int finder_walk(finder_visit_fn visit, void *context);

/*
 * Reads what the library is and whether it can be loaded here, and appends it.
 *
 * @return 0, also for files that are no allocator and are left out (never for FINDER_GIVEN);
 *         SHALE_ENOMEM.
 */
int finder_inspect(const char *path, enum finder_source source, struct finder_list *list);

/* Appends the C library's own allocator. */
int finder_add_system(struct finder_list *list);

#endif
