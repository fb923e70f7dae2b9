/* SPDX-License-Identifier: MIT */
/* Reading a source file and finding places in it. Layer 1. */
#include "migrate/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shale/error.h>

static int error_of_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return SHALE_ENOENT;
    case EACCES:
    case EPERM:
        return SHALE_EPERM;
    default:
        return SHALE_EIO;
    }
}

static int read_all(int file, char *text, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(file, text + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_of_errno();
        if (got == 0) { /* it shrank while being read */
            errno = EAGAIN;
            return SHALE_EIO;
        }
        done += (size_t)got;
    }
    return 0;
}

static void index_lines(struct source *source)
{
    *vector_push(&source->lines) = 0;
    for (const char *at = source->text;
         (at = memchr(at, '\n', source->size - (size_t)(at - source->text)));)
        *vector_push(&source->lines) = (uint32_t)(++at - source->text);
}

void source_list_add(struct source_list *list, struct source *source)
{
    if (list->count == list->room)
        list->at = vector_grow(list->at, &list->room, list->count + 1, sizeof(void *));
    list->at[list->count++] = source;
}

/* NUL bytes are in no C source of an ASCII-based encoding, but in every UTF-16 or UTF-32 one. */
static bool is_text(const struct source *source)
{
    return memchr(source->text, '\0', source->size) == NULL;
}

static int read_open(struct source *source, int file, size_t limit)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return error_of_errno();
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return SHALE_EIO;
    }
    if ((size_t)status.st_size > limit) {
        errno = EFBIG;
        return SHALE_ERANGE;
    }
    source->size = (size_t)status.st_size;
    source->mode = status.st_mode & 07777;
    source->device = status.st_dev;
    source->inode = status.st_ino;
    source->text = must_alloc(source->size + 1);
    int error = read_all(file, source->text, source->size);
    if (error == 0 && !is_text(source)) {
        errno = EILSEQ;
        error = SHALE_EFORMAT;
    }
    if (error == 0)
        index_lines(source);
    return error;
}

int source_read(struct source *source, size_t limit)
{
    /* O_NONBLOCK: a pipe that carries the name of a source file must not stop us. */
    int file = open(source->real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return error_of_errno();
    int error = read_open(source, file, limit);
    int why = errno;
    close(file);
    if (error != 0) {
        free(source->text);
        source->text = NULL;
        source->size = 0;
    }
    errno = why;
    return error;
}

void source_finish(struct source *source)
{
    for (size_t i = 0; i < source->meanings.count; i++)
        free(source->meanings.at[i].text);
    vector_free(&source->meanings);
    vector_free(&source->inactive);
    vector_free(&source->tokens);
    vector_free(&source->directives);
    vector_free(&source->code);
    vector_free(&source->openers);
    vector_free(&source->lines);
    free(source->text);
    free(source->path);
    free(source->real);
}

void source_position(const struct source *source, uint32_t at, uint32_t *line, uint32_t *column)
{
    size_t low = 0;
    size_t high = source->lines.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->lines.at[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    *line = (uint32_t)low + 1;
    *column = at - (source->lines.count ? source->lines.at[low] : 0) + 1;
}

const char *source_line_end(const struct source *source)
{
    const char *end = memchr(source->text, '\n', source->size);
    return end && end > source->text && end[-1] == '\r' ? "\r\n" : "\n";
}

const struct meaning *source_meaning(const struct source *source, uint32_t at)
{
    size_t low = 0;
    size_t high = source->meanings.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (source->meanings.at[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < source->meanings.count && source->meanings.at[low].at == at
               ? &source->meanings.at[low]
               : NULL;
}
