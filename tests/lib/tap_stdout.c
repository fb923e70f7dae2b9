/* SPDX-License-Identifier: MIT */
/*
 * Mends cmocka's TAP on its way out: linked into every C test by cmocka_dep.
 *
 * cmocka 1.1.5 prints a skipped case as "not ok N # SKIP name", which TAP readers count as failed.
 * stdout becomes a stream that looks at each whole line and drops that "not ". Lines are written at
 * once, so a crash loses none but an unfinished one.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char line[16384];
static size_t used;

static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, text, size);
        if (written <= 0)
            return;
        text += written;
        size -= (size_t)written;
    }
}

static void end_line(void)
{
    const char *start = line;
    line[used] = '\0';
    if (strncmp(line, "not ok ", 7) == 0 && strstr(line, "# SKIP"))
        start += 4;
    write_all(start, used - (size_t)(start - line));
    used = 0;
}

static ssize_t take_text(void *unused, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        line[used++] = text[i];
        if (text[i] == '\n' || used == sizeof line - 1)
            end_line();
    }
    return (ssize_t)size;
}

__attribute__((constructor)) static void replace_stdout(void)
{
    const cookie_io_functions_t functions = {.write = take_text};
    FILE *stream = fopencookie(NULL, "w", functions);
    if (!stream)
        return;
    setvbuf(stream, NULL, _IOLBF, BUFSIZ);
    stdout = stream;
}

__attribute__((destructor)) static void write_rest(void)
{
    fflush(stdout);
    if (used > 0)
        end_line();
}
