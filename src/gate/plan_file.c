/* SPDX-License-Identifier: MIT */
/* Reads a plan file: its YAML shape, then the plan made of it. Layer 5. */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/plan.h"
#include "measure/duration.h"

enum { FILE_MAX = 1 << 20, STRINGS_MAX = 4096 };

/* ------------------------------------------------------------------------ the file's shape */

/* Numbers are pointers: NULL is "not given", and leaves the default. */
struct file_limit {
    double *warn, *fail; /* per cent */
};

struct file_limits {
    struct file_limit *performance, *memory, *tests, *fragmentation;
    double *growth_mb_per_hour, *possibly_lost_bytes;
};

struct file_command {
    char *name, *command;
};

struct file_metric {
    char *name, *pattern;
    bool higher_is_better;
    int kind;
};

struct file_program {
    char **command;
    uint32_t command_count;
    char **environment;
    uint32_t environment_count;
    char *prepare, *ready, *load, *idle, *settle, *timeout, *ready_timeout;
    struct file_command *then;
    uint32_t then_count;
    struct file_metric *metrics;
    uint32_t metrics_count;
};

struct file_side {
    char *allocator, *name;
    char **command;
    uint32_t command_count;
    char **environment;
    uint32_t environment_count;
};

struct file_smoke {
    bool skip;
    char *command, *passed, *failed;
    int *runs;
};

struct file_leaks {
    bool skip;
    char **command;
    uint32_t command_count;
};

struct file_stress {
    bool skip;
    int *cycles;
};

struct file_benchmark {
    bool skip;
    int *pairs;
    bool *remedies;
};

struct file_soak {
    bool skip;
    char *duration;
};

struct file_phases {
    struct file_smoke *smoke;
    struct file_leaks *leaks;
    struct file_stress *stress;
    struct file_benchmark *benchmark;
    struct file_soak *soak;
};

struct file_plan {
    int version;
    struct file_program *program;
    struct file_side *baseline, *candidate;
    struct file_phases *phases;
    struct file_limits *limits;
};

static const cyaml_strval_t kinds[] = {
    {"performance", GATE_PERFORMANCE},
    {"memory", GATE_MEMORY},
    {"fragmentation", GATE_FRAGMENTATION},
    {"information", GATE_INFORMATION},
};

static const cyaml_schema_value_t string_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

#define OPTIONAL_TEXT(structure, member)                                                           \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member,   \
                           0, CYAML_UNLIMITED)
#define OPTIONAL_TEXTS(structure, member)                                                          \
    CYAML_FIELD_SEQUENCE(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member,     \
                         &string_entry, 0, STRINGS_MAX)
#define OPTIONAL_PART(structure, member, type, fields)                                             \
    CYAML_FIELD_MAPPING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member,  \
                            fields)
#define OPTIONAL_NUMBER(structure, member)                                                         \
    CYAML_FIELD_FLOAT_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member)
#define OPTIONAL_COUNT(structure, member)                                                          \
    CYAML_FIELD_INT_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member)
#define OPTIONAL_SWITCH(structure, member)                                                         \
    CYAML_FIELD_BOOL(#member, CYAML_FLAG_OPTIONAL, structure, member)

static const cyaml_schema_field_t limit_fields[] = {
    OPTIONAL_NUMBER(struct file_limit, warn),
    OPTIONAL_NUMBER(struct file_limit, fail),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t limits_fields[] = {
    OPTIONAL_PART(struct file_limits, performance, struct file_limit, limit_fields),
    OPTIONAL_PART(struct file_limits, memory, struct file_limit, limit_fields),
    OPTIONAL_PART(struct file_limits, tests, struct file_limit, limit_fields),
    OPTIONAL_PART(struct file_limits, fragmentation, struct file_limit, limit_fields),
    OPTIONAL_NUMBER(struct file_limits, growth_mb_per_hour),
    OPTIONAL_NUMBER(struct file_limits, possibly_lost_bytes),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t command_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct file_command, name, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("command", CYAML_FLAG_POINTER, struct file_command, command, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t command_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_command, command_fields),
};

static const cyaml_schema_field_t metric_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct file_metric, name, 1,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("pattern", CYAML_FLAG_POINTER, struct file_metric, pattern, 1,
                           CYAML_UNLIMITED),
    OPTIONAL_SWITCH(struct file_metric, higher_is_better),
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct file_metric, kind,
                     kinds, CYAML_ARRAY_LEN(kinds)),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t metric_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_metric, metric_fields),
};

static const cyaml_schema_field_t program_fields[] = {
    OPTIONAL_TEXTS(struct file_program, command),
    OPTIONAL_TEXTS(struct file_program, environment),
    OPTIONAL_TEXT(struct file_program, prepare),
    OPTIONAL_TEXT(struct file_program, ready),
    OPTIONAL_TEXT(struct file_program, load),
    OPTIONAL_TEXT(struct file_program, idle),
    OPTIONAL_TEXT(struct file_program, settle),
    OPTIONAL_TEXT(struct file_program, timeout),
    OPTIONAL_TEXT(struct file_program, ready_timeout),
    CYAML_FIELD_SEQUENCE("then", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_program,
                         then, &command_entry, 0, GATE_THEN_MAX),
    CYAML_FIELD_SEQUENCE("metrics", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_program,
                         metrics, &metric_entry, 0, GATE_METRICS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t side_fields[] = {
    OPTIONAL_TEXT(struct file_side, allocator),
    OPTIONAL_TEXT(struct file_side, name),
    OPTIONAL_TEXTS(struct file_side, command),
    OPTIONAL_TEXTS(struct file_side, environment),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t smoke_fields[] = {
    OPTIONAL_SWITCH(struct file_smoke, skip), OPTIONAL_TEXT(struct file_smoke, command),
    OPTIONAL_TEXT(struct file_smoke, passed), OPTIONAL_TEXT(struct file_smoke, failed),
    OPTIONAL_COUNT(struct file_smoke, runs),  CYAML_FIELD_END,
};

static const cyaml_schema_field_t leaks_fields[] = {
    OPTIONAL_SWITCH(struct file_leaks, skip),
    OPTIONAL_TEXTS(struct file_leaks, command),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t stress_fields[] = {
    OPTIONAL_SWITCH(struct file_stress, skip),
    OPTIONAL_COUNT(struct file_stress, cycles),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t benchmark_fields[] = {
    OPTIONAL_SWITCH(struct file_benchmark, skip),
    OPTIONAL_COUNT(struct file_benchmark, pairs),
    CYAML_FIELD_BOOL_PTR("remedies", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct file_benchmark, remedies),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t soak_fields[] = {
    OPTIONAL_SWITCH(struct file_soak, skip),
    OPTIONAL_TEXT(struct file_soak, duration),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t phases_fields[] = {
    OPTIONAL_PART(struct file_phases, smoke, struct file_smoke, smoke_fields),
    OPTIONAL_PART(struct file_phases, leaks, struct file_leaks, leaks_fields),
    OPTIONAL_PART(struct file_phases, stress, struct file_stress, stress_fields),
    OPTIONAL_PART(struct file_phases, benchmark, struct file_benchmark, benchmark_fields),
    OPTIONAL_PART(struct file_phases, soak, struct file_soak, soak_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t plan_fields[] = {
    CYAML_FIELD_INT("version", CYAML_FLAG_DEFAULT, struct file_plan, version),
    OPTIONAL_PART(struct file_plan, program, struct file_program, program_fields),
    OPTIONAL_PART(struct file_plan, baseline, struct file_side, side_fields),
    OPTIONAL_PART(struct file_plan, candidate, struct file_side, side_fields),
    OPTIONAL_PART(struct file_plan, phases, struct file_phases, phases_fields),
    OPTIONAL_PART(struct file_plan, limits, struct file_limits, limits_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t plan_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_plan, plan_fields),
};

/* --------------------------------------------------------------------- from file to plan */

struct reader {
    struct gate_plan *plan;
    char *reason;
    size_t reason_size;
};

SHALE_PRINTF(2, 3) static int refuse(const struct reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->reason, reader->reason_size, format, arguments);
    va_end(arguments);
    return SHALE_EFORMAT;
}

/* The strings of a sequence with the NULL behind them that argv needs; *out stays for none. */
static int take_strings(const struct reader *reader, char **strings, uint32_t count,
                        const char *const **out)
{
    if (count == 0)
        return SHALE_OK;
    const char **ended = calloc(count + 1, sizeof *ended);
    if (!gate_plan_own(reader->plan, ended))
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        ended[i] = strings[i];
    *out = ended;
    return SHALE_OK;
}

static int take_time(const struct reader *reader, const char *key, const char *text,
                     double *seconds)
{
    if (!text || (strcmp(text, "0") == 0 && (*seconds = 0, true)) || duration_parse(text, seconds))
        return SHALE_OK;
    return refuse(reader, "%s: '%s' is no time; write 90s, 2m or 1h", key, text);
}

static int take_ms(const struct reader *reader, const char *key, const char *text, int *ms)
{
    double seconds = *ms / 1000.0;
    int error = take_time(reader, key, text, &seconds);
    *ms = (int)(seconds * 1000);
    return error;
}

static int take_picker(const struct reader *reader, const char *name, const char *pattern,
                       struct picker *picker)
{
    char text[1024];
    char reason[512];
    if (snprintf(text, sizeof text, "%s=%s", name, pattern) >= (int)sizeof text)
        return refuse(reader, "the pattern of '%.40s' is longer than %zu bytes", name,
                      sizeof text - 2);
    if (picker_parse(text, picker, reason, sizeof reason) == SHALE_OK)
        return SHALE_OK;
    return refuse(reader, "%s: %s", name, reason);
}

static int take_metrics(const struct reader *reader, const struct file_program *file)
{
    struct gate_plan *plan = reader->plan;
    for (uint32_t i = 0; i < file->metrics_count; i++) {
        const struct file_metric *metric = &file->metrics[i];
        int error = take_picker(reader, metric->name, metric->pattern, &plan->pickers[i]);
        if (error)
            return error;
        plan->trial.picker_count = i + 1;
        plan->metrics[i] =
            (struct gate_metric){(enum gate_kind)metric->kind, metric->higher_is_better};
    }
    return SHALE_OK;
}

static int take_times(const struct reader *reader, const struct file_program *file)
{
    struct trial_spec *trial = &reader->plan->trial;
    int error = take_time(reader, "idle", file->idle, &trial->idle_s);
    if (!error)
        error = take_time(reader, "settle", file->settle, &trial->settle_s);
    if (!error)
        error = take_ms(reader, "timeout", file->timeout, &trial->timeout_ms);
    if (!error)
        error = take_ms(reader, "ready_timeout", file->ready_timeout, &trial->ready_timeout_ms);
    return error;
}

static int take_ready(const struct reader *reader, const char *text)
{
    char reason[512];
    reader->plan->ready = text;
    if (ready_parse(text, &reader->plan->trial.ready, reason, sizeof reason) == SHALE_OK)
        return SHALE_OK;
    return refuse(reader, "ready: %s", reason);
}

static int take_program(const struct reader *reader, const struct file_program *file)
{
    struct gate_plan *plan = reader->plan;
    if (!file)
        return SHALE_OK;
    plan->trial.prepare = file->prepare;
    plan->trial.load = file->load;
    for (uint32_t i = 0; i < file->then_count; i++) {
        if (!picker_valid_name(file->then[i].name, '\0'))
            return refuse(reader, "then: '%s' is no name; use a-z, 0-9 and _", file->then[i].name);
        plan->phases[i] = (struct trial_phase){file->then[i].name, file->then[i].command};
    }
    plan->trial.phase_count = file->then_count;
    int error = take_strings(reader, file->command, file->command_count, &plan->trial.argv);
    if (!error)
        error = take_strings(reader, file->environment, file->environment_count,
                             &plan->trial.environment);
    if (!error)
        error = take_ready(reader, file->ready);
    if (!error)
        error = take_times(reader, file);
    return error ? error : take_metrics(reader, file);
}

static int take_side(const struct reader *reader, const struct file_side *file,
                     struct gate_side *side)
{
    if (!file)
        return SHALE_OK;
    side->allocator = file->allocator;
    side->setting.name = file->name;
    int error = take_strings(reader, file->command, file->command_count, &side->setting.argv);
    return error ? error
                 : take_strings(reader, file->environment, file->environment_count,
                                &side->setting.environment);
}

static int take_smoke(const struct reader *reader, const struct file_smoke *file)
{
    struct gate_plan *plan = reader->plan;
    if (!file)
        return SHALE_OK;
    plan->skip[GATE_SMOKE] = file->skip;
    plan->smoke.command = file->command;
    if (file->runs)
        plan->smoke.runs = *file->runs;
    int error = SHALE_OK;
    if (file->passed) {
        error = take_picker(reader, "passed", file->passed, &plan->smoke.passed);
        plan->smoke.has_passed = !error;
    }
    if (!error && file->failed) {
        error = take_picker(reader, "failed", file->failed, &plan->smoke.failed);
        plan->smoke.has_failed = !error;
    }
    return error;
}

static int take_phases(const struct reader *reader, const struct file_phases *file)
{
    struct gate_plan *plan = reader->plan;
    if (!file)
        return SHALE_OK;
    int error = take_smoke(reader, file->smoke);
    if (!error && file->leaks) {
        plan->skip[GATE_LEAKS] = file->leaks->skip;
        error = take_strings(reader, file->leaks->command, file->leaks->command_count,
                             &plan->leaks.argv);
    }
    if (file->stress) {
        plan->skip[GATE_STRESS] = file->stress->skip;
        if (file->stress->cycles)
            plan->stress_cycles = *file->stress->cycles;
    }
    if (file->benchmark) {
        plan->skip[GATE_BENCHMARK] = file->benchmark->skip;
        if (file->benchmark->pairs)
            plan->pairs_max = *file->benchmark->pairs;
        if (file->benchmark->remedies)
            plan->remedies = *file->benchmark->remedies;
    }
    if (!error && file->soak) {
        plan->skip[GATE_SOAK] = file->soak->skip;
        error = take_time(reader, "duration", file->soak->duration, &plan->soak_s);
    }
    return error;
}

static void take_limit(const struct file_limit *file, struct gate_limit *limit)
{
    if (file && file->warn)
        limit->warn = *file->warn / 100;
    if (file && file->fail)
        limit->fail = *file->fail / 100;
}

static void take_limits(const struct file_limits *file, struct gate_limits *limits)
{
    if (!file)
        return;
    take_limit(file->performance, &limits->performance);
    take_limit(file->memory, &limits->memory);
    take_limit(file->tests, &limits->tests);
    take_limit(file->fragmentation, &limits->fragmentation);
    if (file->growth_mb_per_hour)
        limits->growth_bytes_per_hour = *file->growth_mb_per_hour * 1e6;
    if (file->possibly_lost_bytes)
        limits->possibly_lost_bytes = *file->possibly_lost_bytes;
}

static int take_plan(const struct reader *reader, const struct file_plan *file)
{
    struct gate_plan *plan = reader->plan;
    if (file->version != 1)
        return refuse(reader, "version %d is not known; this is version 1", file->version);
    int error = take_program(reader, file->program);
    if (!error)
        error = take_side(reader, file->baseline, &plan->baseline);
    if (!error)
        error = take_side(reader, file->candidate, &plan->candidate);
    if (!error)
        error = take_phases(reader, file->phases);
    take_limits(file->limits, &plan->limits);
    return error;
}

/* -------------------------------------------------------------------------- the file itself */

/* Keeps what the YAML reader says first, which names the line, and then where that stands. */
static void keep_message(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    const struct reader *reader = context;
    size_t used = strlen(reader->reason);
    const char *load = "Load: ";
    if (level < CYAML_LOG_ERROR || used + 4 >= reader->reason_size)
        return;
    char line[256];
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    const char *text = strncmp(line, load, strlen(load)) == 0 ? line + strlen(load) : line;
    while (*text == ' ')
        text++;
    if (strcmp(text, "Backtrace:") != 0)
        snprintf(reader->reason + used, reader->reason_size - used, "%s%s", used ? "; " : "", text);
}

static cyaml_config_t configuration(const struct reader *reader)
{
    return (cyaml_config_t){
        .log_fn = keep_message,
        .log_ctx = (void *)reader,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_DEFAULT,
    };
}

static char *read_whole(const char *path, size_t *length)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(FILE_MAX + 1) : NULL;
    *length = text ? fread(text, 1, FILE_MAX + 1, file) : 0;
    if (text && (ferror(file) || *length > FILE_MAX)) {
        errno = ferror(file) ? errno : EFBIG;
        free(text);
        text = NULL;
    }
    if (text)
        text[*length] = '\0';
    int kept = errno;
    if (file)
        fclose(file);
    errno = kept;
    return text;
}

int gate_plan_load(const char *path, struct gate_plan *plan, char *reason, size_t reason_size)
{
    struct reader reader = {plan, reason, reason_size};
    cyaml_config_t config = configuration(&reader);
    size_t length;
    reason[0] = '\0';
    gate_plan_defaults(plan);
    plan->text = read_whole(path, &length);
    if (!plan->text) {
        snprintf(reason, reason_size, "%s", strerror(errno));
        return errno == ENOENT ? SHALE_ENOENT : errno == ENOMEM ? SHALE_ENOMEM : SHALE_EIO;
    }
    cyaml_err_t wrong = cyaml_load_data((const uint8_t *)plan->text, length, &config, &plan_schema,
                                        &plan->file, NULL);
    if (wrong == CYAML_ERR_OOM)
        return SHALE_ENOMEM;
    if (wrong != CYAML_OK || !plan->file) {
        if (!reason[0])
            snprintf(reason, reason_size, "%s",
                     wrong ? cyaml_strerror(wrong) : "there is no plan in it");
        return SHALE_EFORMAT;
    }
    reason[0] = '\0';
    return take_plan(&reader, plan->file);
}

void gate_plan_free(struct gate_plan *plan)
{
    struct reader reader = {plan, (char[1]){""}, 1};
    cyaml_config_t config = configuration(&reader);
    for (size_t i = 0; i < plan->trial.picker_count; i++)
        picker_free(&plan->pickers[i]);
    if (plan->smoke.has_passed)
        picker_free(&plan->smoke.passed);
    if (plan->smoke.has_failed)
        picker_free(&plan->smoke.failed);
    for (size_t i = 0; i < plan->owned_count; i++)
        free(plan->owned[i]);
    free(plan->owned);
    free(plan->text);
    if (plan->file)
        cyaml_free(&config, &plan_schema, plan->file, 0);
}
