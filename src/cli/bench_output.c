/* SPDX-License-Identifier: MIT */
/* Where the results of `shale bench` go: the terminal, files, a plot. Layer 6. */
#include "cli/bench_output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "measure/bench_execute.h"
#include "measure/launch.h"
#include "measure/outfile.h"

enum { PLOT_TIMEOUT_S = 60, PATH_SIZE = 4096 };

static int file_error(const struct cmd_entry *self, const char *path)
{
    cmd_error(self, "cannot write '%s': %s; try another place", path, strerror(errno));
    return CMD_EXIT_IO;
}

/* "-" is stdout. Writes by `write`, which may give up with false: whole or not at all. */
static int write_file(const struct cmd_entry *self, const char *path,
                      const struct bench_report *report,
                      bool (*write)(const struct bench_report *report, FILE *out))
{
    struct outfile file;
    int result = outfile_open(&file, path);
    if (result == 0 && !write(report, file.stream)) {
        outfile_abandon(&file);
        cmd_error(self, "cannot write '%s': out of memory, or a file of the suite is missing",
                  path);
        return CMD_EXIT_INTERNAL;
    }
    if (result == 0)
        result = outfile_commit(&file);
    return result == 0 ? CMD_EXIT_OK : file_error(self, path);
}

static bool write_csv(const struct bench_report *report, FILE *out)
{
    bench_report_csv(report, out);
    return true;
}

static bool write_plot_data(const struct bench_report *report, FILE *out)
{
    bench_report_plot_data(report, out);
    return true;
}

static bool write_json(const struct bench_report *report, FILE *out)
{
    json_t *json = bench_report_json(report);
    if (!json)
        return false;
    json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    fputc('\n', out);
    json_decref(json);
    return true;
}

static bool copy_plot_script(const struct bench_report *report, FILE *out)
{
    char path[PATH_SIZE], block[4096];
    FILE *script = bench_locate("plot.gp", path, sizeof path) == 0 ? fopen(path, "re") : NULL;
    if (!script)
        return false;
    for (size_t got; (got = fread(block, 1, sizeof block, script)) > 0;)
        fwrite(block, 1, got, out);
    fclose(script);
    return true;
}

static int draw_plot(const struct cmd_entry *self, const char *folder,
                     const volatile sig_atomic_t *cancel)
{
    char gnuplot[PATH_SIZE];
    if (launch_resolve("gnuplot", NULL, gnuplot, sizeof gnuplot) != 0) {
        cmd_error(self,
                  "cannot draw '%s/bench.svg': there is no gnuplot here; try "
                  "'apt-get install gnuplot-nox', then 'gnuplot plot.gp' there",
                  folder);
        return CMD_EXIT_UNAVAILABLE;
    }
    const char *argv[] = {gnuplot, "plot.gp", NULL};
    struct bench_order order = {
        .argv = argv, .directory = folder, .timeout_s = PLOT_TIMEOUT_S, .cancel = cancel};
    struct bench_outcome outcome;
    if (bench_execute(&order, &outcome) == 0 && !outcome.reason[0])
        return CMD_EXIT_OK;
    cmd_error(self, "cannot draw '%s/bench.svg': gnuplot %s", folder, outcome.reason);
    return CMD_EXIT_INTERNAL;
}

static int make_folder(const struct cmd_entry *self, const char *folder)
{
    if (mkdir(folder, 0777) == 0 || errno == EEXIST)
        return CMD_EXIT_OK;
    cmd_error(self, "cannot make the folder '%s': %s", folder, strerror(errno));
    return CMD_EXIT_IO;
}

static int write_plot(const struct cmd_entry *self, const char *folder,
                      const struct bench_report *report)
{
    char data[PATH_SIZE], script[PATH_SIZE];
    snprintf(data, sizeof data, "%.4000s/bench.dat", folder);
    snprintf(script, sizeof script, "%.4000s/plot.gp", folder);
    int status = make_folder(self, folder);
    if (status == CMD_EXIT_OK)
        status = write_file(self, data, report, write_plot_data);
    if (status == CMD_EXIT_OK)
        status = write_file(self, script, report, copy_plot_script);
    return status == CMD_EXIT_OK ? draw_plot(self, folder, report->suite->settings.cancel) : status;
}

bool bench_output_is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

int bench_output_probe(const struct cmd_entry *self, const struct bench_output *output)
{
    const char *files[] = {output->csv, output->json};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(files); i++)
        if (outfile_probe(files[i]) != SHALE_OK)
            return file_error(self, files[i]);
    return output->plot ? make_folder(self, output->plot) : CMD_EXIT_OK;
}

int bench_output_write(const struct cmd_entry *self, const struct bench_report *report,
                       const struct bench_output *output)
{
    int status = CMD_EXIT_OK;
    if (!bench_output_is_stdout(output->csv) && !bench_output_is_stdout(output->json))
        bench_report_text(report, stdout);
    if (output->csv)
        status = write_file(self, output->csv, report, write_csv);
    if (output->json && status == CMD_EXIT_OK)
        status = write_file(self, output->json, report, write_json);
    if (output->plot && status == CMD_EXIT_OK)
        status = write_plot(self, output->plot, report);
    return status == CMD_EXIT_OK ? cmd_finish_output(self) : status;
}
