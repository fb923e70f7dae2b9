/* SPDX-License-Identifier: MIT */
/* A gate's result for a terminal, and the steps back. Layer 5. */
#include <stdio.h>
#include <string.h>

#include "gate/report.h"
#include "measure/duration.h"

static void write_finding(const struct gate_finding *finding, FILE *out)
{
    fprintf(out, "  %-14s %-24s %s\n", gate_verdict_name(finding->verdict), finding->title,
            finding->text);
}

static void write_phase(const struct gate_phase_result *phase, FILE *out)
{
    char took[32];
    if (phase->skipped[0]) {
        fprintf(out, "%s: not run, %s\n", gate_phase_name(phase->phase), phase->skipped);
        return;
    }
    if (!phase->done)
        return;
    duration_text(phase->elapsed_s, took, sizeof took);
    fprintf(out, "%s: %s in %s\n", gate_phase_name(phase->phase),
            gate_verdict_name(gate_phase_verdict(phase)), took);
    for (size_t i = 0; i < phase->count; i++)
        write_finding(&phase->findings[i], out);
    if (phase->note[0])
        fprintf(out, "  %s\n", phase->note);
}

static void write_remedies(const struct gate_result *result, FILE *out)
{
    if (result->remedy_count == 0)
        return;
    fprintf(out, "settings that were tried:\n");
    for (size_t i = 0; i < result->remedy_count; i++) {
        const struct gate_remedy_result *remedy = &result->remedies[i];
        fprintf(out, "  %-14s %s: %s\n", gate_verdict_name(remedy->verdict), remedy->setting,
                remedy->text);
    }
}

void gate_report_text(const struct gate_report *report, FILE *out)
{
    const struct gate_result *result = report->result;
    char machine[512];
    machine_text(&result->machine, machine, sizeof machine);
    fprintf(out, "%s in the place of %s\n%s\n\n", gate_arm_label(result->candidate),
            gate_arm_label(result->baseline), machine);
    for (size_t i = 0; i < GATE_PHASES; i++)
        write_phase(&result->phases[i], out);
    write_remedies(result, out);
    fprintf(out, "\n%s: %s\n", gate_verdict_name(result->verdict), result->reason);
}

/* ------------------------------------------------------------------------------ the way back */

static void write_setting(const char *verb, const char *const *environment, FILE *out)
{
    for (size_t i = 0; environment && environment[i]; i++)
        fprintf(out, "   %s %s\n", verb, environment[i]);
}

void gate_report_rollback(const struct gate_plan *plan, const struct arm *baseline,
                          const struct arm *candidate, FILE *out)
{
    const char *preload = baseline->allocator.path;
    const char *taken_out = candidate->allocator.path;
    int step = 0;
    fprintf(out, "To put %s back in the place of %s:\n", baseline->label, candidate->label);
    if (taken_out)
        fprintf(out,
                "%d. Remove %s from LD_PRELOAD in the service's environment (Environment= of its "
                "unit, its container's env).\n",
                ++step, taken_out);
    if (plan->candidate.setting.environment) {
        fprintf(out, "%d. Unset what the candidate was given:\n", ++step);
        write_setting("unset", plan->candidate.setting.environment, out);
    }
    if (preload)
        fprintf(out, "%d. Set LD_PRELOAD=%s.\n", ++step, preload);
    if (plan->baseline.setting.environment) {
        fprintf(out, "%d. Set what the baseline was given:\n", ++step);
        write_setting("set", plan->baseline.setting.environment, out);
    }
    if (plan->candidate.setting.argv)
        fprintf(out, "%d. Start the baseline's build again: %s\n", ++step,
                plan->baseline.setting.argv ? plan->baseline.setting.argv[0] : plan->trial.argv[0]);
    fprintf(out, "%d. Restart the service: a running process keeps the allocator it began with.\n",
            ++step);
    fprintf(out, "%d. Prove it: shale verify --expect %s PID\n", ++step, plan->baseline.allocator);
}
