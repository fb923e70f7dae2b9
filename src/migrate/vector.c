/* SPDX-License-Identifier: MIT */
/* Growing arrays and text. Layer 1. */
#include "migrate/vector.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

SHALE_COLD _Noreturn static void out_of_memory(void)
{
    fputs("shale migrate: out of memory; no file was changed\n", stderr);
    exit(70);
}

void *vector_grow(void *at, size_t *room, size_t wanted, size_t size)
{
    size_t next = *room < 8 ? 8 : *room * 2;
    if (next < wanted)
        next = wanted;
    void *grown = next > SIZE_MAX / size ? NULL : realloc(at, next * size);
    if (!grown)
        out_of_memory();
    *room = next;
    return grown;
}

void *must_alloc(size_t size)
{
    void *block = calloc(1, size ? size : 1);
    if (!block)
        out_of_memory();
    return block;
}

char *must_copy_bytes(const char *bytes, size_t length)
{
    char *copy = must_alloc(length + 1);
    if (length)
        memcpy(copy, bytes, length);
    return copy;
}

char *must_copy(const char *text)
{
    return must_copy_bytes(text, strlen(text));
}

char *must_format(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        out_of_memory();
    return text;
}

void buffer_add(text_buffer *text, const char *bytes, size_t length)
{
    vector_reserve(text, length + 1);
    if (length)
        memcpy(text->at + text->count, bytes, length);
    text->count += length;
    text->at[text->count] = '\0';
}

void buffer_print(text_buffer *text, const char *format, ...)
{
    char *line;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (length < 0)
        out_of_memory();
    buffer_add(text, line, (size_t)length);
    free(line);
}
