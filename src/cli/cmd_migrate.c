/* SPDX-License-Identifier: MIT */
/* `shale migrate`: rewrites C sources from malloc to an allocator layer. Layer 6. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <shale/error.h>

#include "cli/cmd.h"
#include "cli/commands.h"
#include "migrate/migrate.h"

enum { EXIT_FOUND = 1, EXIT_REFUSED = 2, PROGRESS_AFTER_MS = 300, PROGRESS_EVERY_MS = 100 };

static struct {
    char *to;
    char *header;
    char *database;
    char *sarif;
    const char **excludes;
    int diff;
    int write;
    int check;
    int undo;
    int json;
    int list;
    int force;
    int quiet;
    int no_database;
    int jobs;
} arguments;

static const struct poptOption options[] = {
    {"to", 0, POPT_ARG_STRING, &arguments.to, 0,
     "The layer to call: shale (default), or a prefix for a header of your own", "shale|PREFIX"},
    {"header", 0, POPT_ARG_STRING, &arguments.header, 0,
     "What to include; with --to PREFIX the file to write, below the root", "NAME"},
    {"diff", 0, POPT_ARG_NONE, &arguments.diff, 0,
     "Print what would change as a unified diff, change nothing (default)", NULL},
    {"write", 0, POPT_ARG_NONE, &arguments.write, 0, "Rewrite the files, all or none", NULL},
    {"check", 0, POPT_ARG_NONE, &arguments.check, 0,
     "Only tell whether something is left to convert (status 1)", NULL},
    {"undo", 0, POPT_ARG_NONE, &arguments.undo, 0, "Take the last --write back, byte for byte",
     NULL},
    {"list", 0, POPT_ARG_NONE, &arguments.list, 0,
     "Print every site with its class and reason instead of the diff", NULL},
    {"json", 0, POPT_ARG_NONE, &arguments.json, 0, "Print the report as JSON", NULL},
    {"sarif", 0, POPT_ARG_STRING, &arguments.sarif, 0,
     "Also write the sites to review to a file as SARIF 2.1.0", "FILE"},
    {"compile-commands", 0, POPT_ARG_STRING, &arguments.database, 0,
     "compile_commands.json, or its folder (default: the root's or build/'s)", "FILE"},
    {"no-compile-commands", 0, POPT_ARG_NONE, &arguments.no_database, 0, "Go by the text alone",
     NULL},
    {"exclude", 0, POPT_ARG_ARGV, &arguments.excludes, 0,
     "Leave paths out, and take them for code outside; may be repeated", "GLOB"},
    {"force", 0, POPT_ARG_NONE, &arguments.force, 0,
     "Write over changes that git has not, undo over later edits", NULL},
    {"jobs", 'j', POPT_ARG_INT, &arguments.jobs, 0, "Files to read at a time (default: processors)",
     "N"},
    {"quiet", 'q', POPT_ARG_NONE, &arguments.quiet, 0, "No progress and no report on stderr", NULL},
    POPT_TABLEEND,
};

/* ---- progress ---- */

struct progress {
    struct timespec start;
    long shown_ms; /* since the start; 0: nothing shown yet */
};

static long elapsed_ms(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

static void show_progress(const char *step, size_t done, size_t all, void *context)
{
    struct progress *progress = context;
    long now = elapsed_ms(&progress->start);
    if (now < PROGRESS_AFTER_MS || now - progress->shown_ms < PROGRESS_EVERY_MS)
        return;
    progress->shown_ms = now;
    fprintf(stderr, "\r\033[K%s: %zu of %zu files", step, done, all);
}

static void end_progress(const struct progress *progress)
{
    if (progress->shown_ms)
        fputs("\r\033[K", stderr);
}

/* ---- arguments ---- */

static bool takes_value(const char *word)
{
    if (word[1] != '-')
        return strcmp(word, "-j") == 0;
    for (const struct poptOption *option = options; option->longName; option++)
        if (strcmp(word + 2, option->longName) == 0)
            return (option->argInfo & POPT_ARG_MASK) != POPT_ARG_NONE;
    return false;
}

/* Options may follow the paths: moves them in front, where the parser looks for them. */
static const char **options_first(int argc, const char **argv)
{
    const char **sorted = calloc((size_t)argc + 2, sizeof *sorted);
    int next = 0;
    int end = 1;
    if (!sorted)
        return NULL;
    sorted[next++] = argv[0];
    for (; end < argc && strcmp(argv[end], "--") != 0; end++) {
        if (argv[end][0] != '-' || argv[end][1] == '\0')
            continue;
        sorted[next++] = argv[end];
        if (takes_value(argv[end]) && end + 1 < argc)
            sorted[next++] = argv[++end];
    }
    sorted[next++] = "--";
    for (int i = 1; i < end; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            sorted[next++] = argv[i];
        else if (takes_value(argv[i]))
            i++;
    }
    for (int i = end + 1; i < argc; i++)
        sorted[next++] = argv[i];
    return sorted;
}

static bool is_identifier(const char *text)
{
    if (!isalpha((unsigned char)text[0]) && text[0] != '_')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

static int check_arguments(const struct cmd_entry *self, const char *const *paths)
{
    if (!paths[0])
        return cmd_usage_error(self, "no path given; name the files or folders to convert");
    if (arguments.diff + arguments.write + arguments.check + arguments.undo > 1)
        return cmd_usage_error(self, "give one of --diff, --write, --check and --undo");
    if (arguments.to && !is_identifier(arguments.to))
        return cmd_usage_error(self, "--to %s: a prefix is a C identifier, such as 'app'",
                               arguments.to);
    bool own = arguments.to && strcmp(arguments.to, "shale") != 0;
    if (own && arguments.header && strpbrk(arguments.header, "<>\""))
        return cmd_usage_error(self, "--header %s: with --to it is a file below the root",
                               arguments.header);
    if (own && arguments.header && (arguments.header[0] == '/' || strstr(arguments.header, "..")))
        return cmd_usage_error(self, "--header %s: must lie below the root", arguments.header);
    if (arguments.jobs < 0)
        return cmd_usage_error(self, "--jobs %d: give a number of files from 1 on", arguments.jobs);
    return -1;
}

/* ---- the work ---- */

static int fail(const struct cmd_entry *self, int error, char *message)
{
    cmd_error(self, "%s", message ? message : shale_strerror(error));
    free(message);
    switch (error) {
    case SHALE_EBUSY:
        return EXIT_REFUSED;
    case SHALE_ENOENT:
        return CMD_EXIT_UNAVAILABLE;
    case SHALE_EFORMAT:
        return CMD_EXIT_DATA;
    default:
        return CMD_EXIT_IO;
    }
}

static int undo(const struct cmd_entry *self, const struct migrate_options *wanted)
{
    char *message = NULL;
    size_t restored = 0;
    int error = migrate_undo(wanted, &restored, &message);
    if (error != 0)
        return fail(self, error, message);
    if (!arguments.quiet)
        fprintf(stderr, "%zu files are as they were before\n", restored);
    return CMD_EXIT_OK;
}

/* A write that a crash interrupted: taken back before a new one, reported otherwise. */
static int recover(const struct cmd_entry *self, const struct migrate_options *wanted)
{
    if (!migrate_interrupted(wanted))
        return CMD_EXIT_OK;
    if (!arguments.write) {
        cmd_error(self, "a write of this tree was interrupted; 'shale migrate --undo' on the same "
                        "paths takes it back, --write does so first");
        return EXIT_REFUSED;
    }
    fprintf(stderr, "shale migrate: taking an interrupted write back first\n");
    return undo(self, wanted);
}

static int write_sarif(const struct cmd_entry *self, const struct migrate_plan *plan)
{
    FILE *out = fopen(arguments.sarif, "we");
    int error = out ? migrate_print_sarif(plan, out) : SHALE_EIO;
    if (out && fclose(out) != 0)
        error = SHALE_EIO;
    if (error == 0)
        return CMD_EXIT_OK;
    cmd_error(self, "cannot write '%s': %s", arguments.sarif, strerror(errno));
    return CMD_EXIT_IO;
}

static void print_converted(const struct migrate_plan *plan)
{
    for (size_t i = 0; i < plan->site_count; i++) {
        const struct migrate_site *site = &plan->sites[i];
        if (site->class == MIGRATE_CONVERTED)
            printf("%s:%u:%u: '%s' is not converted\n", site->path, site->line, site->column,
                   site->function);
    }
}

static int print_report(const struct cmd_entry *self, const struct migrate_plan *plan)
{
    bool on_stdout = arguments.list || arguments.write;
    if (arguments.json) {
        if (migrate_print_json(plan, stdout) != 0) {
            cmd_error(self, "cannot write the report");
            return CMD_EXIT_IO;
        }
    } else if (arguments.list) {
        migrate_print_sites(plan, true, stdout);
    } else if (arguments.check) {
        print_converted(plan);
    } else if (!arguments.write) {
        migrate_print_diff(plan, stdout);
    }
    if (arguments.quiet || arguments.json)
        return cmd_finish_output(self);
    fflush(stdout);
    if (!arguments.list && !arguments.check)
        migrate_print_sites(plan, false, on_stdout ? stdout : stderr);
    migrate_print_totals(plan, on_stdout ? stdout : stderr);
    return cmd_finish_output(self);
}

static int carry_out(const struct cmd_entry *self, const struct migrate_options *wanted,
                     const struct migrate_plan *plan)
{
    if (arguments.write) {
        char *message = NULL;
        int error = migrate_write(wanted, plan, &message);
        if (error != 0)
            return fail(self, error, message);
    }
    int status = arguments.sarif ? write_sarif(self, plan) : CMD_EXIT_OK;
    int printed = print_report(self, plan);
    if (status == CMD_EXIT_OK)
        status = printed;
    if (status == CMD_EXIT_OK && arguments.check && plan->change_count > 0)
        status = EXIT_FOUND;
    return status;
}

static int migrate(const struct cmd_entry *self, const char *const *paths)
{
    struct progress progress = {0};
    struct migrate_options wanted = {.paths = paths,
                                     .prefix = arguments.to ? arguments.to : "shale",
                                     .header = arguments.header,
                                     .database = arguments.database,
                                     .excludes = arguments.excludes,
                                     .force = arguments.force != 0,
                                     .no_database = arguments.no_database != 0,
                                     .jobs = (unsigned)arguments.jobs,
                                     .progress_context = &progress};
    if (!arguments.quiet && isatty(STDERR_FILENO))
        wanted.progress = show_progress;
    clock_gettime(CLOCK_MONOTONIC, &progress.start);
    if (arguments.undo)
        return undo(self, &wanted);
    int status = recover(self, &wanted);
    if (status != CMD_EXIT_OK)
        return status;
    struct migrate_plan plan;
    char *message = NULL;
    int error = migrate_plan(&wanted, &plan, &message);
    end_progress(&progress);
    if (error != 0)
        return fail(self, error, message);
    status = carry_out(self, &wanted, &plan);
    migrate_plan_finish(&plan);
    return status;
}

static void free_arguments(void)
{
    free(arguments.to);
    free(arguments.header);
    free(arguments.database);
    free(arguments.sarif);
    for (const char **glob = arguments.excludes; glob && *glob; glob++)
        free((char *)*glob);
    free((void *)arguments.excludes);
}

static int run(const struct cmd_entry *self, int argc, const char **argv)
{
    poptContext context;
    const char **paths;
    const char **sorted = options_first(argc, argv);
    if (!sorted)
        return CMD_EXIT_INTERNAL;
    int count = 0;
    while (sorted[count])
        count++;
    int status = cmd_parse(self, count, sorted, &context, &paths);
    if (status < 0) {
        status = check_arguments(self, paths);
        if (status < 0)
            status = migrate(self, paths);
        poptFreeContext(context);
    }
    free_arguments();
    free((void *)sorted);
    return status;
}

static const struct cmd_status statuses[] = {
    {CMD_EXIT_OK, "done; with --check: nothing is left to convert"},
    {EXIT_FOUND, "--check: something is left to convert"},
    {EXIT_REFUSED, "refused: uncommitted changes, files edited since, or an interrupted write"},
    {CMD_EXIT_USAGE, "wrong arguments"},
    {CMD_EXIT_DATA, "the compile database is malformed"},
    {CMD_EXIT_UNAVAILABLE, "a path does not exist, or there is nothing to undo"},
    {CMD_EXIT_INTERNAL, "out of memory; no file was changed"},
    {CMD_EXIT_IO, "a file could not be read or written; all files are as they were"},
    {0, NULL},
};

static const struct cmd_example examples[] = {
    {"shale migrate src", "show what would change, and the sites that need a decision"},
    {"shale migrate --write src", "rewrite; 'shale migrate --undo src' takes it back"},
    {"shale migrate --to app --header src/app_alloc.h --write src",
     "adopt a layer of your own, without depending on Shale"},
    {"shale migrate --check --sarif migrate.sarif src",
     "in CI: status 1 when somebody calls malloc again"},
    {NULL, NULL},
};

static const struct cmd_section sections[] = {
    {"CLASSES",
     "converted: Rewritten: every block that can pass here is made and freed in the given paths. "
     "Flagged with \"look at it\" where more than the text speaks: a function pointer, a branch "
     "that is not compiled.\n\n"
     "kept: Rightly left: a member or label of that name, text, memory that libc made (getline, "
     "realpath, asprintf), stack memory, generated and third-party files.\n\n"
     "review: Left, and to be decided by a person: blocks of more than one owner, blocks from or "
     "for code outside the paths, preprocessor tricks, C++."},
    {"JOURNAL",
     "A write first saves both versions of each file in .shale-migrate at the root (the git work "
     "tree, or the folder that holds the paths), then replaces the files one by one. Whatever "
     "interrupts it, each file is old or new, and --undo makes all of them old. Several writes "
     "are taken back one at a time."},
    {NULL, NULL},
};

const struct cmd_entry cmd_migrate = {
    .name = "migrate",
    .summary = CMD_MIGRATE_SUMMARY,
    .synopsis = "[OPTION...] PATH...",
    .description =
        "Converts calls of malloc, calloc, realloc, reallocarray, aligned_alloc, memalign, "
        "posix_memalign, valloc, strdup, strndup, free and malloc_usable_size to <shale/alloc.h> "
        "or a header of your own, byte by byte, leaving everything else as it is.\n\n"
        "The given paths are one closed world: blocks that are made and freed inside it are "
        "converted together; where a block can come from libc or other code, all that touches it "
        "stays. With a compile database members are told apart by their records and macros from "
        "functions.\n\n"
        "Prints a diff on stdout and the sites that need a decision on stderr. In a git work "
        "tree, ignored files are left out.",
    .options = options,
    .statuses = statuses,
    .examples = examples,
    .sections = sections,
    .run = run,
};
