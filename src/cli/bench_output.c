/* SPDX-License-Identifier: MIT */
/* Where the results of `shale bench` go: the terminal, files, a plot. Layer 6. */
#include "cli/bench_output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/output.h"
#include "measure/bench_execute.h"
#include "measure/launch.h"

enum { PLOT_TIMEOUT_S = 60, PATH_SIZE = 4096 };

static int write_csv(const void *report, FILE *out)
{
    bench_report_csv(report, out);
    return SHALE_OK;
}

static int write_plot_data(const void *report, FILE *out)
{
    bench_report_plot_data(report, out);
    return SHALE_OK;
}

static int write_json(const void *report, FILE *out)
{
    json_t *json = bench_report_json(report);
    if (!json)
        return SHALE_ENOMEM;
    json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    fputc('\n', out);
    json_decref(json);
    return SHALE_OK;
}

static int copy_plot_script(const void *report, FILE *out)
{
    char path[PATH_SIZE], block[4096];
    FILE *script = bench_locate("plot.gp", path, sizeof path) == 0 ? fopen(path, "re") : NULL;
    if (!script)
        return SHALE_ENOENT;
    for (size_t got; (got = fread(block, 1, sizeof block, script)) > 0;)
        fwrite(block, 1, got, out);
    fclose(script);
    return SHALE_OK;
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
        status = output_write(self, data, write_plot_data, report);
    if (status == CMD_EXIT_OK)
        status = output_write(self, script, copy_plot_script, report);
    return status == CMD_EXIT_OK ? draw_plot(self, folder, report->suite->settings.cancel) : status;
}

int bench_output_probe(const struct cmd_entry *self, const struct bench_output *output)
{
    const char *const files[] = {output->csv, output->json};
    int status = output_probe(self, files, SHALE_ARRAY_LENGTH(files));
    return status == CMD_EXIT_OK && output->plot ? make_folder(self, output->plot) : status;
}

int bench_output_write(const struct cmd_entry *self, const struct bench_report *report,
                       const struct bench_output *output)
{
    int status = CMD_EXIT_OK;
    if (!output_is_stdout(output->csv) && !output_is_stdout(output->json))
        bench_report_text(report, stdout);
    if (output->csv)
        status = output_write(self, output->csv, write_csv, report);
    if (output->json && status == CMD_EXIT_OK)
        status = output_write(self, output->json, write_json, report);
    if (output->plot && status == CMD_EXIT_OK)
        status = write_plot(self, output->plot, report);
    return status == CMD_EXIT_OK ? cmd_finish_output(self) : status;
}
