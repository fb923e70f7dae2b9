/* SPDX-License-Identifier: MIT */
/* Files written whole or not at all: see outfile.h. Layer 4. */
#define _GNU_SOURCE /* asprintf, mkostemp */
#include "measure/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mkostemp makes 0600; a report is an ordinary file, so it gets what the umask leaves of 0666. */
static void give_usual_mode(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
}

static int open_directly(struct outfile *file)
{
    file->stream = fopen(file->path, "we");
    return file->stream ? SHALE_OK : SHALE_EIO;
}

static int open_temporary(struct outfile *file)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", file->path) < 0)
        return SHALE_ENOMEM;
    file->temporary = temporary;
    int fd = mkostemp(file->temporary, O_CLOEXEC);
    if (fd < 0)
        return SHALE_EIO;
    give_usual_mode(fd);
    file->stream = fdopen(fd, "w");
    if (file->stream)
        return SHALE_OK;
    close(fd);
    unlink(file->temporary);
    return SHALE_ENOMEM;
}

static void release(struct outfile *file)
{
    free(file->path);
    free(file->temporary);
    *file = (struct outfile){0};
}

int outfile_open(struct outfile *file, const char *path)
{
    *file = (struct outfile){0};
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        return SHALE_OK;
    }
    /* A link keeps pointing where it does: the file behind it is what gets replaced. */
    file->path = realpath(path, NULL);
    if (!file->path)
        file->path = strdup(path);
    if (!file->path)
        return SHALE_ENOMEM;
    struct stat status;
    bool special = stat(file->path, &status) == 0 && !S_ISREG(status.st_mode);
    int error = special ? open_directly(file) : open_temporary(file);
    if (error) {
        int first_error = errno;
        release(file);
        errno = first_error;
    }
    return error;
}

int outfile_commit(struct outfile *file)
{
    bool failed = fflush(file->stream) != 0 || ferror(file->stream);
    int first_error = errno;
    if (file->stream == stdout) {
        release(file);
        errno = first_error;
        return failed ? SHALE_EIO : SHALE_OK;
    }
    if (!failed && file->temporary && fsync(fileno(file->stream)) != 0) {
        failed = true;
        first_error = errno;
    }
    if (fclose(file->stream) != 0 && !failed) {
        failed = true;
        first_error = errno;
    }
    if (!failed && file->temporary && rename(file->temporary, file->path) != 0) {
        failed = true;
        first_error = errno;
    }
    if (failed && file->temporary)
        unlink(file->temporary);
    release(file);
    errno = first_error;
    return failed ? SHALE_EIO : SHALE_OK;
}

int outfile_probe(const char *path)
{
    struct stat status;
    struct outfile file;
    if (!path || strcmp(path, "-") == 0)
        return SHALE_OK;
    bool exists = stat(path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return SHALE_EIO;
    }
    if (exists && !S_ISREG(status.st_mode))
        return SHALE_OK;
    int result = outfile_open(&file, path);
    if (result == SHALE_OK)
        outfile_abandon(&file);
    return result;
}

void outfile_abandon(struct outfile *file)
{
    if (file->stream && file->stream != stdout)
        fclose(file->stream);
    if (file->temporary)
        unlink(file->temporary);
    release(file);
}

void outfile_csv_field(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

int outfile_json(json_t *json, FILE *out)
{
    if (!json)
        return SHALE_ENOMEM;
    int error =
        json_dumpf(json, out, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) == 0 ? SHALE_OK : SHALE_EIO;
    fputc('\n', out);
    json_decref(json);
    return error;
}
