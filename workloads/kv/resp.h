/* SPDX-License-Identifier: MIT */
/*
 * The part of Redis' protocol (RESP 2) that the key-value server speaks: commands come as arrays of
 * bulk strings, or as words on a line; answers go out as any type.
 */
#ifndef WORKLOADS_KV_RESP_H
#define WORKLOADS_KV_RESP_H

#include <stdint.h>
#include <sys/types.h>

#include "pool.h"

enum {
    RESP_WORDS_MAX = 1024,
    RESP_LINE_MAX = 64 * 1024,
    RESP_BULK_MAX = 16 * 1024 * 1024,
    RESP_COMMAND_MAX = 64 * 1024 * 1024, /* all bulk strings of a command together */
};

struct resp_word {
    const char *bytes;
    size_t size;
};

struct resp_command {
    size_t count;
    struct resp_word words[RESP_WORDS_MAX];
};

/*
 * Reads the command at the beginning of `bytes`; its words lie in there.
 *
 * @return  bytes it takes up; 0: it is not complete; -1: this is no command, with the reason.
 */
ssize_t resp_parse(const char *bytes, size_t size, struct resp_command *command,
                   const char **reason);

/* Answers; false: no memory. */
bool resp_simple(const struct pool *pool, struct buffer *out, const char *text);
bool resp_error(const struct pool *pool, struct buffer *out, const char *text);
bool resp_integer(const struct pool *pool, struct buffer *out, int64_t number);
bool resp_bulk(const struct pool *pool, struct buffer *out, const char *bytes, size_t size);
bool resp_null(const struct pool *pool, struct buffer *out);
bool resp_array(const struct pool *pool, struct buffer *out, size_t count);

#endif
