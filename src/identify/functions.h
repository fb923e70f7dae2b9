/* SPDX-License-Identifier: MIT */
/* The malloc family: every function that hands out, resizes, measures or takes back heap memory.
 * Layer 1; part of the self-check. */
#ifndef SHALE_IDENTIFY_FUNCTIONS_H
#define SHALE_IDENTIFY_FUNCTIONS_H

enum identify_function_class {
    IDENTIFY_CLASS_CORE,    /* the four that every allocator replaces */
    IDENTIFY_CLASS_FAMILY,  /* memory of its own: must come from where free goes */
    IDENTIFY_CLASS_FOLLOWS, /* calls malloc itself unless an allocator replaces it too */
    IDENTIFY_CLASS_CONTROL, /* asks or tunes the allocator, hands out nothing */
};

struct identify_function {
    const char *symbol; /* as the dynamic linker knows it */
    const char *label;  /* as people know it */
    enum identify_function_class class;
};

/* malloc is the first. */
enum { IDENTIFY_MALLOC = 0, IDENTIFY_FUNCTION_COUNT = 40 };

extern const struct identify_function identify_functions[IDENTIFY_FUNCTION_COUNT];

/* The number of the function of that symbol, or -1. */
int identify_function_index(const char *symbol);

#endif
