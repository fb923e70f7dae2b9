/* SPDX-License-Identifier: MIT */
/* What makes the C library serve a program that is linked with another allocator. Layer 6. */
#ifndef SHALE_CLI_RUN_SYSTEM_H
#define SHALE_CLI_RUN_SYSTEM_H

/* The path of this machine's C library, to be freed; NULL when it cannot be told. */
char *run_c_library(void);

/*
 * The environment additions with the C++ library in LD_PRELOAD, where operator new of that
 * allocator would come first.
 *
 * @param environment  additions as struct launch_spec takes them; may be NULL.
 * @return             a new array for run_free_environment; NULL without memory.
 */
const char **run_with_cxx_library(const char *const *environment);

void run_free_environment(const char **environment);

#endif
