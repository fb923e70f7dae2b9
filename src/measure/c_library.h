/* SPDX-License-Identifier: MIT */
/*
 * What makes the C library serve a program that is linked with another allocator. Layer 4.
 *
 * Such a program is not served by "system" just because nothing is preloaded. Then the C library is
 * preloaded, whose malloc comes first so; and where operator new and delete still go elsewhere, the
 * C++ library too. Which of it is needed, only a proof that failed tells.
 */
#ifndef SHALE_MEASURE_C_LIBRARY_H
#define SHALE_MEASURE_C_LIBRARY_H

#include <stdbool.h>

/* What was added so far; all NULL: nothing. */
struct c_library_help {
    char *preload;            /* the path of this machine's C library */
    const char **environment; /* the caller's, with the C++ library in LD_PRELOAD */
};

/*
 * Adds the next thing that could help, after a proof that failed.
 *
 * @param preload      gets what to preload.
 * @param environment  additions as struct launch_spec takes them, may be NULL; gets those to use.
 * @return             true: worth another start; false: nothing is left, or no memory.
 * Ownership: both point into *help; c_library_release frees it.
 */
bool c_library_insist(struct c_library_help *help, const char **preload,
                      const char *const **environment);

void c_library_release(struct c_library_help *help);

#endif
