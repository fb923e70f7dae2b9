/* SPDX-License-Identifier: MIT */
/* Reads commands and writes answers. */
#include "resp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The line at the beginning, without its end: bytes with its end; 0: not complete; -1: too long. */
static ssize_t take_line(const char *bytes, size_t size, struct resp_word *line)
{
    size_t reach = size < RESP_LINE_MAX ? size : RESP_LINE_MAX;
    const char *end = memchr(bytes, '\n', reach);
    if (!end)
        return size < RESP_LINE_MAX ? 0 : -1;
    size_t length = (size_t)(end - bytes);
    *line = (struct resp_word){bytes, length > 0 && end[-1] == '\r' ? length - 1 : length};
    return (ssize_t)length + 1;
}

/* The number behind a line's first byte; -1: it is none, or not within 0 and max. */
static long take_number(const struct resp_word *line, long max)
{
    long number = 0;
    if (line->size < 2)
        return -1;
    for (size_t i = 1; i < line->size; i++) {
        if (line->bytes[i] < '0' || line->bytes[i] > '9')
            return -1;
        number = number * 10 + (line->bytes[i] - '0');
        if (number > max)
            return -1;
    }
    return number;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static ssize_t parse_line(const char *bytes, size_t size, struct resp_command *command,
                          const char **reason)
{
    struct resp_word line;
    ssize_t length = take_line(bytes, size, &line);
    command->count = 0;
    *reason = "too big inline request";
    for (size_t at = 0; length > 0 && at < line.size;) {
        size_t begin = at;
        while (at < line.size && !is_space(line.bytes[at]))
            at++;
        if (at > begin && command->count == RESP_WORDS_MAX)
            return -1;
        if (at > begin)
            command->words[command->count++] = (struct resp_word){line.bytes + begin, at - begin};
        at++;
    }
    return length;
}

/* One bulk string: as resp_parse(). */
static ssize_t take_bulk(const char *bytes, size_t size, struct resp_word *word,
                         const char **reason)
{
    struct resp_word line;
    ssize_t length = take_line(bytes, size, &line);
    *reason = "expected '$'";
    if (length <= 0)
        return length;
    if (line.size == 0 || line.bytes[0] != '$')
        return -1;
    long expected = take_number(&line, RESP_BULK_MAX);
    *reason = "invalid bulk length";
    if (expected < 0)
        return -1;
    size_t whole = (size_t)length + (size_t)expected + 2;
    if (size < whole)
        return 0;
    *word = (struct resp_word){bytes + length, (size_t)expected};
    return memcmp(bytes + whole - 2, "\r\n", 2) == 0 ? (ssize_t)whole : -1;
}

ssize_t resp_parse(const char *bytes, size_t size, struct resp_command *command,
                   const char **reason)
{
    struct resp_word line;
    if (size == 0)
        return 0;
    if (bytes[0] != '*')
        return parse_line(bytes, size, command, reason);
    ssize_t used = take_line(bytes, size, &line);
    *reason = "invalid multibulk length";
    if (used <= 0)
        return used;
    long count = take_number(&line, RESP_WORDS_MAX);
    if (count < 0)
        return -1;
    for (long i = 0; i < count; i++) {
        ssize_t length = take_bulk(bytes + used, size - (size_t)used, &command->words[i], reason);
        if (length == 0 && used > RESP_COMMAND_MAX)
            *reason = "too big request";
        if (length <= 0)
            return used > RESP_COMMAND_MAX ? -1 : length;
        used += length;
    }
    command->count = (size_t)count;
    return used;
}

/* -------------------------------------------------------------------------------- answers */

static bool put(const struct pool *pool, struct buffer *out, const char *bytes, size_t size)
{
    char *room = buffer_room(pool, out, size);
    if (!room)
        return false;
    memcpy(room, bytes, size);
    out->end += size;
    return true;
}

static bool put_line(const struct pool *pool, struct buffer *out, char type, const char *text)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%c%.250s\r\n", type, text);
    return put(pool, out, line, (size_t)length);
}

static bool put_number(const struct pool *pool, struct buffer *out, char type, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    return put_line(pool, out, type, text);
}

bool resp_simple(const struct pool *pool, struct buffer *out, const char *text)
{
    return put_line(pool, out, '+', text);
}

bool resp_error(const struct pool *pool, struct buffer *out, const char *text)
{
    return put_line(pool, out, '-', text);
}

bool resp_integer(const struct pool *pool, struct buffer *out, int64_t number)
{
    return put_number(pool, out, ':', number);
}

bool resp_bulk(const struct pool *pool, struct buffer *out, const char *bytes, size_t size)
{
    return put_number(pool, out, '$', (int64_t)size) && put(pool, out, bytes, size) &&
           put(pool, out, "\r\n", 2);
}

bool resp_null(const struct pool *pool, struct buffer *out)
{
    return put(pool, out, "$-1\r\n", 5);
}

bool resp_array(const struct pool *pool, struct buffer *out, size_t count)
{
    return put_number(pool, out, '*', (int64_t)count);
}
