/* SPDX-License-Identifier: MIT */
/* The lines of /proc files: see lines.h. */
#define _GNU_SOURCE
#include "profile/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 8192 };

static const char *read_hex(const char *text, uint64_t *number)
{
    *number = 0;
    for (;; text++) {
        if (*text >= '0' && *text <= '9')
            *number = *number << 4 | (uint64_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            *number = *number << 4 | (uint64_t)(*text - 'a' + 10);
        else
            return text;
    }
}

/* "start-end access offset device inode   path" */
bool profile_lines_mapping(const char *line, const char *end, struct profile_mapping *mapping)
{
    const char *text = read_hex(line, &mapping->start);
    if (*text != '-')
        return false;
    text = read_hex(text + 1, &mapping->end);
    if (end - text < 6)
        return false;
    memcpy(mapping->access, text + 1, sizeof(mapping->access));
    text = read_hex(text + 6, &mapping->offset);
    for (unsigned fields = 0; fields < 2; fields++) {
        text = memchr(text + 1, ' ', (size_t)(end - text - 1));
        if (text == NULL)
            return false;
    }
    while (text < end && *text == ' ')
        text++;
    mapping->path = text;
    mapping->path_bytes = (size_t)(end - text);
    return true;
}

/* The rest, without its newline, moves to the front. Returns how much that is. */
static size_t visit_whole(char *buffer, size_t filled,
                          void (*visit)(const char *, const char *, void *), void *context)
{
    char *line = buffer, *end;
    while ((end = memchr(line, '\n', filled - (size_t)(line - buffer))) != NULL) {
        *end = '\0';
        visit(line, end, context);
        line = end + 1;
    }
    size_t rest = filled - (size_t)(line - buffer);
    memmove(buffer, line, rest);
    return rest < BUFFER ? rest : 0;
}

void profile_lines_each(const char *path,
                        void (*visit)(const char *line, const char *end, void *context),
                        void *context)
{
    char buffer[BUFFER];
    size_t filled = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    for (;;) {
        ssize_t got = read(file, buffer + filled, sizeof(buffer) - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        filled = visit_whole(buffer, filled + (size_t)got, visit, context);
    }
    close(file);
}
