/* SPDX-License-Identifier: MIT */
/* What makes the C library serve a program that is linked with another allocator. Layer 4. */
#ifndef SHALE_MEASURE_C_LIBRARY_H
#define SHALE_MEASURE_C_LIBRARY_H

/* The path of this machine's C library, to be freed; NULL when it cannot be told. */
char *c_library_path(void);

/*
 * The environment additions with the C++ library in LD_PRELOAD, where operator new of that
 * allocator would come first.
 *
 * @param environment  additions as struct launch_spec takes them; may be NULL.
 * @return             a new array for c_library_free_environment; NULL without memory.
 */
const char **c_library_with_cxx(const char *const *environment);

void c_library_free_environment(const char **environment);

#endif
