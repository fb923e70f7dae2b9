/* SPDX-License-Identifier: MIT */
/*
 * malloc-bench and its sisters: run one workload under the malloc this process has, print one JSON
 * object.
 *
 *     malloc-bench [--seed=N] [--seconds=S] [--operations=N] [--threads=N] [--touch=T] WORKLOAD
 *     malloc-bench --list
 *
 * A program with subjects (epochs-bench) takes --peer=NAME and prints them with --peers.
 *
 * Exit status: 0, 64 wrong arguments, 70 a failure (out of memory, say).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "bench.h"

enum { EXIT_USAGE = 64, EXIT_BROKEN = 70 };

_Noreturn void bench_die(const char *what)
{
    fprintf(stderr, "%s: cannot %s: %s\n", bench_program.name, what, strerror(errno));
    exit(EXIT_BROKEN);
}

static void add(struct bench_figure *list, size_t *count, const char *name, double value)
{
    if (*count >= BENCH_FIGURES_MAX)
        abort();
    list[(*count)++] = (struct bench_figure){name, value};
}

void bench_figure(struct bench *bench, const char *name, double value)
{
    add(bench->figures, &bench->figure_count, name, value);
}

void bench_note(struct bench *bench, const char *name, double value)
{
    add(bench->notes, &bench->note_count, name, value);
}

static const char *const touch_names[] = {"none", "word", "page", "all"};

static void print_figures(const char *title, const struct bench_figure *list, size_t count)
{
    printf("\"%s\": {", title);
    for (size_t i = 0; i < count; i++)
        printf("%s\"%s\": %.10g", i ? ", " : "", list[i].name, list[i].value);
    printf("}");
}

static void print_json(const struct bench *bench)
{
    printf("{\"workload\": \"%s\", \"operation\": \"%s\", \"operations\": %llu, "
           "\"seed\": %llu, \"threads\": %u, \"touch\": \"%s\", ",
           bench->workload->name, bench->workload->operation, (unsigned long long)bench->operations,
           (unsigned long long)bench->seed, bench->parameters.threads,
           touch_names[bench->parameters.touch]);
    print_figures("figures", bench->figures, bench->figure_count);
    printf(", ");
    print_figures("notes", bench->notes, bench->note_count);
    printf("}\n");
}

static void print_list(void)
{
    for (const struct bench_workload *row = bench_program.workloads; row->name; row++)
        printf("%-26s %s\n", row->name, row->summary);
}

static const struct bench_workload *find_workload(const char *name)
{
    for (const struct bench_workload *row = bench_program.workloads; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    fprintf(stderr, "%s: there is no workload '%s'; --list names them\n", bench_program.name, name);
    exit(EXIT_USAGE);
}

static enum bench_touch parse_touch(const char *text)
{
    for (unsigned i = 0; i < sizeof touch_names / sizeof *touch_names; i++)
        if (strcmp(touch_names[i], text) == 0)
            return (enum bench_touch)i;
    fprintf(stderr, "%s: --touch is none, word, page or all, not '%s'\n", bench_program.name, text);
    exit(EXIT_USAGE);
}

static double parse_number(const char *option, const char *text, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value > 0 && value <= most)) {
        fprintf(stderr, "%s: --%s needs a number above 0 and at most %g, not '%s'\n",
                bench_program.name, option, most, text);
        exit(EXIT_USAGE);
    }
    return value;
}

struct arguments {
    uint64_t seed, operations;
    double seconds;
    unsigned threads;
    const char *touch;
    const char *workload;
};

static void choose_subject(const char *name)
{
    if (bench_program.choose && bench_program.choose(name))
        return;
    fprintf(stderr, "%s: there is no peer '%s'\n", bench_program.name, name);
    exit(EXIT_USAGE);
}

static _Noreturn void print_subjects(void)
{
    if (bench_program.print_subjects)
        bench_program.print_subjects();
    exit(0);
}

static struct arguments parse(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"threads", required_argument, NULL, 'p'},
                                            {"operations", required_argument, NULL, 'n'},
                                            {"touch", required_argument, NULL, 'w'},
                                            {"peer", required_argument, NULL, 'u'},
                                            {"peers", no_argument, NULL, 'm'},
                                            {"list", no_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    struct arguments arguments = {.seed = 1, .seconds = BENCH_SECONDS};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            arguments.seed = (uint64_t)parse_number("seed", optarg, 1e15);
            break;
        case 't':
            arguments.seconds = parse_number("seconds", optarg, 3600);
            break;
        case 'p':
            arguments.threads = (unsigned)parse_number("threads", optarg, 256);
            break;
        case 'n':
            arguments.operations = (uint64_t)parse_number("operations", optarg, 1e12);
            break;
        case 'w':
            arguments.touch = optarg;
            break;
        case 'u':
            choose_subject(optarg);
            break;
        case 'm':
            print_subjects();
        case 'l':
            print_list();
            exit(0);
        default:
            exit(EXIT_USAGE);
        }
    }
    if (optind != argc - 1) {
        fprintf(stderr,
                "usage: %s [--seed=N] [--seconds=S] [--operations=N] [--threads=N] "
                "[--touch=none|word|page|all]%s WORKLOAD | --list\n",
                bench_program.name, bench_program.choose ? " --peer=NAME" : "");
        exit(EXIT_USAGE);
    }
    arguments.workload = argv[optind];
    return arguments;
}

int main(int argc, char **argv)
{
    struct arguments arguments = parse(argc, argv);
    struct bench bench = {.workload = find_workload(arguments.workload),
                          .seed = arguments.seed,
                          .seconds = arguments.seconds,
                          .operations = arguments.operations};
    bench.parameters = bench.workload->parameters;
    if (arguments.threads)
        bench.parameters.threads = arguments.threads;
    if (arguments.touch)
        bench.parameters.touch = parse_touch(arguments.touch);
    if (bench.workload->prepare)
        bench.workload->prepare(&bench);
    if (bench.workload->measure)
        bench.workload->measure(&bench);
    else
        bench_time(&bench);
    struct bench_memory memory;
    bench_memory_read(&memory);
    bench_note(&bench, "rss_peak_kib", memory.peak_kib);
    print_json(&bench);
    return fflush(stdout) == 0 ? 0 : EXIT_BROKEN;
}
