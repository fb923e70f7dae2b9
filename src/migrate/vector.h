/* SPDX-License-Identifier: MIT */
/*
 * Growing arrays for a program that runs once over a source tree. Layer 1.
 *
 *     VECTOR(struct token) tokens = {0};
 *     *vector_push(&tokens) = token;      tokens.at[i], tokens.count
 *
 * When memory runs out the process ends with a message and status 70: everything is read and
 * decided before the first file is written, so the tree is untouched then. The journal, which
 * writes, allocates nothing that can fail half-way.
 */
#ifndef SHALE_MIGRATE_VECTOR_H
#define SHALE_MIGRATE_VECTOR_H

#include <stddef.h>

#include "base/attributes.h"

#define VECTOR(type)                                                                               \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count;                                                                              \
        size_t room;                                                                               \
    }

/* Makes room for `more` elements behind the last; the content beyond it is indeterminate. */
#define vector_reserve(vector, more)                                                               \
    ((vector)->count + (more) <= (vector)->room                                                    \
         ? (void)0                                                                                 \
         : (void)((vector)->at = vector_grow((vector)->at, &(vector)->room,                        \
                                             (vector)->count + (more), sizeof *(vector)->at)))

/* A pointer to one element more, zeroed. */
#define vector_push(vector)                                                                        \
    (vector_reserve(vector, 1), memset(&(vector)->at[(vector)->count], 0, sizeof *(vector)->at),   \
     &(vector)->at[(vector)->count++])

#define vector_free(vector) (free((vector)->at), (vector)->at = NULL, (vector)->count = 0)

/* Not to be used directly. */
void *vector_grow(void *at, size_t *room, size_t wanted, size_t size);

/* malloc, strdup and a printf into memory, which end the process as said above. */
#define MUST __attribute__((returns_nonnull))
MUST void *must_alloc(size_t size);
MUST char *must_copy(const char *text);
MUST char *must_copy_bytes(const char *bytes, size_t length);
MUST char *must_format(const char *format, ...) SHALE_PRINTF(1, 2);

/* Text that grows. `at` has a NUL behind its `count` bytes once something was added. */
typedef VECTOR(char) text_buffer;

void buffer_add(text_buffer *text, const char *bytes, size_t length);
void buffer_print(text_buffer *text, const char *format, ...) SHALE_PRINTF(2, 3);

#endif
