/* SPDX-License-Identifier: MIT */
/* The plan file that `shale gate --init` writes: every key, each with what it is for. Layer 5. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gate/plan.h"

/* A YAML scalar that holds any text: single quotes, those inside doubled. */
static void write_scalar(const char *text, FILE *out)
{
    fputc('\'', out);
    for (; text && *text; text++) {
        if (*text == '\'')
            fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void write_list(const char *key, const char *const *strings, FILE *out)
{
    fprintf(out, "%s[", key);
    for (size_t i = 0; strings && strings[i]; i++) {
        fputs(i ? ", " : "", out);
        write_scalar(strings[i], out);
    }
    fputs("]\n", out);
}

static void write_text(const char *key, const char *text, const char *otherwise, FILE *out)
{
    if (!text) {
        fprintf(out, "  # %s: %s\n", key, otherwise);
        return;
    }
    fprintf(out, "  %s: ", key);
    write_scalar(text, out);
    fputc('\n', out);
}

static void write_program(const struct gate_plan *plan, FILE *out)
{
    static const char *const placeholder[] = {"/usr/bin/true", NULL};
    fputs("# What to run. With a load it is a server: started, loaded, read and stopped once per "
          "run.\nprogram:\n",
          out);
    write_list("  command: ", plan->trial.argv ? plan->trial.argv : placeholder, out);
    if (plan->trial.environment)
        write_list("  environment: ", plan->trial.environment, out);
    else
        fputs("  # environment: ['NAME=value']\n", out);
    write_text("prepare", plan->trial.prepare, "run by sh before each run, not measured", out);
    write_text("ready", plan->ready, "TCP:7001, a file, or seconds", out);
    write_text("load", plan->trial.load, "'the load, by sh'", out);
    fputs("  # What to do after the load, and read memory again:\n", out);
    if (plan->trial.phase_count == 0)
        fputs("  # then: [{name: flushed, command: 'redis-cli -p 7001 flushall'}]\n", out);
    else
        fputs("  then:\n", out);
    for (size_t i = 0; i < plan->trial.phase_count; i++) {
        fprintf(out, "    - {name: %s, command: ", plan->trial.phases[i].name);
        write_scalar(plan->trial.phases[i].command, out);
        fputs("}\n", out);
    }
    fprintf(out, "  # idle: 10s\n  timeout: %ds\n", plan->trial.timeout_ms / 1000);
    fputs("  # Numbers out of what the load, or the program, prints; REGEX or json:PATH.\n"
          "  # kind: performance, memory, fragmentation (resident / used), or information.\n"
          "  # metrics:\n"
          "  #   - {name: rps, pattern: '([0-9.]+) requests per second', higher_is_better: true}\n",
          out);
}

static void write_side(const char *name, const struct gate_side *side, const char *otherwise,
                       FILE *out)
{
    fprintf(out, "%s:\n  allocator: ", name);
    write_scalar(side->allocator ? side->allocator : otherwise, out);
    fputc('\n', out);
    write_text("name", side->setting.name, "'what reports call this setting'", out);
    if (side->setting.argv)
        write_list("  command: ", side->setting.argv, out);
    else
        fputs("  # command: ['another build of the program']\n", out);
    if (side->setting.environment)
        write_list("  environment: ", side->setting.environment, out);
    else
        fputs("  # environment: ['MIMALLOC_PURGE_DELAY=0']\n", out);
}

static void write_phases(const struct gate_plan *plan, FILE *out)
{
    fprintf(out,
            "\nphases:\n"
            "  # The program's own tests, under both sides; numbers of tests if it prints them.\n"
            "  smoke:\n"
            "    # command: 'make check'\n"
            "    # passed: '([0-9]+) passed'\n"
            "    # failed: '([0-9]+) failed'\n"
            "    runs: %d\n"
            "  # memcheck; a command that ends by itself, else the program with its load.\n"
            "  leaks:\n"
            "    skip: false\n"
            "    # command: ['./tests', '--quick']\n"
            "  # The load so many times on one server: growth per load.\n"
            "  stress:\n"
            "    cycles: %d\n"
            "  # Interleaved pairs, at most so many; looked at after 10 and 16.\n"
            "  benchmark:\n"
            "    pairs: %d\n"
            "    remedies: true\n"
            "  # RSS over time; one hour seldom certifies 1 MB per hour.\n"
            "  soak:\n"
            "    duration: %.0fs\n",
            plan->smoke.runs, plan->stress_cycles, plan->pairs_max, plan->soak_s);
}

static void write_limit(const char *name, const struct gate_limit *limit, const char *says,
                        FILE *out)
{
    fprintf(out, "  # %s\n  %s: {warn: %g", says, name, 100 * limit->warn);
    if (isfinite(limit->fail))
        fprintf(out, ", fail: %g", 100 * limit->fail);
    fputs("}\n", out);
}

static void write_limits(const struct gate_limits *limits, FILE *out)
{
    fputs("\n# In per cent of the baseline. Beyond `fail` is NO-GO; what may be beyond `warn` is a "
          "condition.\nlimits:\n",
          out);
    write_limit("performance", &limits->performance,
                "Time, CPU and metrics; warn is raised to what the machine can tell.", out);
    write_limit("memory", &limits->memory, "RSS in every phase.", out);
    write_limit("tests", &limits->tests, "Tests that fail under the candidate only.", out);
    write_limit("fragmentation", &limits->fragmentation, "Metrics of that kind, as they are.", out);
    fprintf(out, "  growth_mb_per_hour: %g\n  possibly_lost_bytes: %g\n",
            limits->growth_bytes_per_hour / 1e6, limits->possibly_lost_bytes);
}

void gate_plan_write_example(const struct gate_plan *plan, FILE *out)
{
    fputs("# A plan of `shale gate`. Every key but version, program, baseline and candidate may be "
          "left out.\nversion: 1\n\n",
          out);
    write_program(plan, out);
    fputs("\n# NAME, NAME@VERSION or a path, as `shale run --list` shows them.\n", out);
    write_side("baseline", &plan->baseline, "system", out);
    write_side("candidate", &plan->candidate, "mimalloc", out);
    write_phases(plan, out);
    write_limits(&plan->limits, out);
}
