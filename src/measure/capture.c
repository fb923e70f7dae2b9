/* SPDX-License-Identifier: MIT */
/* Output kept in memory: see capture.h. Layer 4. */
#define _GNU_SOURCE /* memfd_create */
#include "measure/capture.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int capture_open(struct capture *capture)
{
    capture->fd = memfd_create("shale-output", MFD_CLOEXEC);
    if (capture->fd < 0)
        return SHALE_EIO;
    /* stdout and stderr share one offset only while nobody reopens them. */
    fcntl(capture->fd, F_SETFL, O_APPEND);
    return SHALE_OK;
}

void capture_close(struct capture *capture)
{
    if (capture->fd >= 0)
        close(capture->fd);
    capture->fd = -1;
}

/* Reads the last `limit` bytes; the length read. */
static size_t read_end(const struct capture *capture, char *text, size_t limit)
{
    struct stat status;
    if (capture->fd < 0 || fstat(capture->fd, &status) != 0)
        return 0;
    off_t from = status.st_size > (off_t)limit ? status.st_size - (off_t)limit : 0;
    size_t used = 0;
    ssize_t got;
    while (used < limit &&
           (got = pread(capture->fd, text + used, limit - used, from + (off_t)used)) > 0)
        used += (size_t)got;
    for (size_t i = 0; i < used; i++) {
        if (text[i] == '\r')
            text[i] = '\n';
        else if (text[i] == '\0')
            text[i] = '?';
    }
    return used;
}

char *capture_text(const struct capture *capture)
{
    struct stat status;
    size_t size = capture->fd >= 0 && fstat(capture->fd, &status) == 0 ? (size_t)status.st_size : 0;
    if (size > CAPTURE_TEXT_MAX)
        size = CAPTURE_TEXT_MAX;
    char *text = malloc(size + 1);
    if (text)
        text[read_end(capture, text, size)] = '\0';
    return text;
}

void capture_tail(const struct capture *capture, char *text, size_t size)
{
    size_t used = read_end(capture, text, size - 1);
    bool cut = used == size - 1;
    while (used > 0 && text[used - 1] == '\n')
        used--;
    text[used] = '\0';
    /* Where the beginning was cut off, so is its first line. */
    char *line = cut ? strchr(text, '\n') : NULL;
    if (line)
        memmove(text, line + 1, strlen(line + 1) + 1);
}
