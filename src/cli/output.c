/* SPDX-License-Identifier: MIT */
/* Reports in files, and signals that end the work. Layer 6. */
#include "cli/output.h"

#include <errno.h>
#include <string.h>

#include "measure/outfile.h"

bool output_is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

int output_error(const struct cmd_entry *self, const char *path)
{
    cmd_error(self, "cannot write '%s': %s; try another place", path, strerror(errno));
    return CMD_EXIT_IO;
}

int output_probe(const struct cmd_entry *self, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (outfile_probe(paths[i]) != SHALE_OK)
            return output_error(self, paths[i]);
    return CMD_EXIT_OK;
}

int output_write(const struct cmd_entry *self, const char *path, output_write_fn *write,
                 const void *report)
{
    struct outfile file;
    if (!path)
        return CMD_EXIT_OK;
    if (outfile_open(&file, path) != SHALE_OK)
        return output_error(self, path);
    int error = write(report, file.stream);
    if (error && error != SHALE_EIO) { /* of EIO, outfile_commit knows the reason */
        outfile_abandon(&file);
        cmd_error(self, "cannot write '%s': %s", path, shale_strerror(error));
        return CMD_EXIT_INTERNAL;
    }
    return outfile_commit(&file) == SHALE_OK ? CMD_EXIT_OK : output_error(self, path);
}

bool output_any_is_stdout(const struct output *outputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (output_is_stdout(outputs[i].path))
            return true;
    return false;
}

int output_probe_all(const struct cmd_entry *self, const struct output *outputs, size_t count)
{
    int status = CMD_EXIT_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; outputs[i].path && j < i; j++)
            if (outputs[j].path && strcmp(outputs[i].path, outputs[j].path) == 0)
                return cmd_usage_error(self, "two reports cannot both go to '%s'", outputs[i].path);
    for (size_t i = 0; i < count && status == CMD_EXIT_OK; i++)
        status = output_probe(self, &outputs[i].path, 1);
    return status;
}

int output_write_all(const struct cmd_entry *self, const struct output *outputs, size_t count,
                     const void *report)
{
    int status = CMD_EXIT_OK;
    for (size_t i = 0; i < count; i++) {
        int written = output_write(self, outputs[i].path, outputs[i].write, report);
        status = written == CMD_EXIT_OK ? status : written;
    }
    int flushed = cmd_finish_output(self);
    return status == CMD_EXIT_OK ? flushed : status;
}

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    caught = number;
}

const volatile sig_atomic_t *output_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(numbers); i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) != 0 || action.sa_handler == SIG_IGN)
            continue;
        action = (struct sigaction){.sa_handler = note_signal};
        sigaction(numbers[i], &action, NULL);
    }
    return &caught;
}
