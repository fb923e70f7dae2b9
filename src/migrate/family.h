/* SPDX-License-Identifier: MIT */
/*
 * What is known about functions by their names: the malloc family that is rewritten, and what
 * other functions of the C library do with pointers. Layer 1.
 */
#ifndef SHALE_MIGRATE_FAMILY_H
#define SHALE_MIGRATE_FAMILY_H

#include <stdbool.h>

#include "migrate/names.h"

/* X(identifier, C name, name behind the prefix, usable as a function pointer) */
#define FAMILY_LIST(X)                                                                             \
    X(MALLOC, "malloc", "alloc", true)                                                             \
    X(CALLOC, "calloc", "calloc", true)                                                            \
    X(REALLOC, "realloc", "realloc", true)                                                         \
    X(REALLOCARRAY, "reallocarray", "realloc_array", true)                                         \
    X(ALIGNED_ALLOC, "aligned_alloc", "alloc_aligned", true)                                       \
    X(MEMALIGN, "memalign", "alloc_aligned", true)                                                 \
    X(POSIX_MEMALIGN, "posix_memalign", "alloc_aligned", false)                                    \
    X(VALLOC, "valloc", "alloc_aligned", false)                                                    \
    X(PVALLOC, "pvalloc", NULL, false)                                                             \
    X(STRDUP, "strdup", "strdup", true)                                                            \
    X(STRNDUP, "strndup", "strndup", true)                                                         \
    X(FREE, "free", "free", true)                                                                  \
    X(CFREE, "cfree", NULL, false)                                                                 \
    X(USABLE_SIZE, "malloc_usable_size", "usable_size", true)                                      \
    X(ALLOCA, "alloca", NULL, false)

enum family {
    FAMILY_NONE,
#define FAMILY_ENUM(id, name, suffix, as_pointer) FAMILY_##id,
    FAMILY_LIST(FAMILY_ENUM)
#undef FAMILY_ENUM
        FAMILY_LIBC_ITSELF, /* __real_malloc, __libc_free, __builtin_malloc ... */
};

/* What a function of the C library does with pointers. */
enum libc_role {
    LIBC_UNKNOWN,       /* not of the C library as far as we know */
    LIBC_PLAIN,         /* keeps nothing, makes nothing that free() takes */
    LIBC_OWNED,         /* the result comes from libc's malloc */
    LIBC_OWNED_IF_NULL, /* so when `argument` is NULL; else the result is that argument */
    LIBC_ALIAS,         /* the result is (within) that argument */
    LIBC_FILLS,         /* what that argument points to gets a block of libc's malloc */
    LIBC_FILLS_ARRAY,   /* and that block holds pointers to more of them */
    LIBC_RESIZES,       /* what that argument points to is resized by libc's realloc */
    LIBC_HOLDS,         /* keeps that argument for later use, does not free it */
    LIBC_SCANS,         /* scanf family: as LIBC_FILLS for all arguments when "%m" is in the text */
    LIBC_STARTS_THREAD, /* that argument is a function that gets the next argument */
    LIBC_SETS_DESTRUCTOR, /* pthread_key_create: argument 1 gets what pthread_setspecific set */
    LIBC_SETS_SPECIFIC,
    LIBC_GETS_SPECIFIC,
};

struct libc_function {
    enum libc_role role;
    unsigned argument;
};

struct family_table {
    VECTOR(unsigned char) families;       /* by name_id, beyond its end FAMILY_NONE */
    VECTOR(struct libc_function) library; /* by name_id */
    VECTOR(unsigned char) keyword;        /* by name_id: enum word_kind */
};

/* Kinds of words that a reader of C without headers must tell apart. */
enum word_kind {
    WORD_PLAIN,
    WORD_TYPE,      /* int, struct, const, static ...: begins a declaration */
    WORD_STATEMENT, /* return, else, do, case ...: no declaration follows */
    WORD_OPERATOR,  /* sizeof, _Alignof, typeof */
    WORD_ATTRIBUTE, /* __attribute__ */
    WORD_ASM,
};

/* Enters all known names; they get the first numbers. */
void family_start(struct family_table *table, struct names *names);
void family_finish(struct family_table *table);

enum family family_of(const struct family_table *table, const struct names *names, name_id name);
struct libc_function family_library(const struct family_table *table, name_id name);
enum word_kind family_word(const struct family_table *table, name_id name);

const char *family_name(enum family family);
/* NULL: there is no counterpart. */
const char *family_suffix(enum family family);
bool family_fits_pointer(enum family family);

/* Whether a call's result is a block that free() takes. */
bool family_makes(enum family family);
/* Whether a call takes a block: free, realloc, usable size. Its argument is the first. */
bool family_takes(enum family family);

#endif
