/* SPDX-License-Identifier: MIT */
/* An allocator under a program, from its request to its runs: see arm.h. Layer 4. */
#include "measure/arm.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identify/identify.h"
#include "measure/finder.h"
#include "measure/prove.h"

static size_t count_strings(const char *const *strings)
{
    size_t count = 0;
    while (strings && strings[count])
        count++;
    return count;
}

/* The trial's environment with the setting's after it, where there is one. */
static int join_environment(struct arm *arm, const struct trial_spec *trial)
{
    const char *const *own = arm->setting ? arm->setting->environment : NULL;
    size_t commons = count_strings(trial->environment);
    size_t owns = count_strings(own);
    if (!own || owns == 0)
        return SHALE_OK;
    arm->environment = calloc(commons + owns + 1, sizeof *arm->environment);
    if (!arm->environment)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < commons; i++)
        arm->environment[i] = trial->environment[i];
    for (size_t i = 0; i < owns; i++)
        arm->environment[commons + i] = own[i];
    return SHALE_OK;
}

/* Would ld.so take the library for this program? What cannot be told here the proof will tell. */
static int check_obstacle(const struct arm *arm, char *reason, size_t size)
{
    char program[PATH_MAX];
    struct identify_obstacle obstacle;
    const char *command = arm->argv[0];
    if (prove_takes_rights_from(command)) {
        snprintf(reason, size,
                 "with '%.200s' it would not be the same program: held for its proof, it would not "
                 "gain the rights that it gains when it is started; run a copy of it without "
                 "setuid, setgid and capabilities, or start it as the user who owns it",
                 command);
        return SHALE_ENOTSUP;
    }
    if (!arm->allocator.path ||
        launch_resolve(command, NULL, program, sizeof program) != SHALE_OK ||
        identify_preload_obstacle(program, arm->allocator.path, &obstacle) != SHALE_OK ||
        obstacle.kind == IDENTIFY_OBSTACLE_NONE || obstacle.kind == IDENTIFY_OBSTACLE_NOT_ELF)
        return SHALE_OK;
    snprintf(reason, size, "with '%.200s' %s%s%s", command, obstacle.reason,
             *obstacle.remedy ? "; " : "", obstacle.remedy);
    return SHALE_ENOTSUP;
}

static void set_label(struct arm *arm, const char *name, const char *version)
{
    const char *setting = arm->setting ? arm->setting->name : NULL;
    snprintf(arm->label, sizeof arm->label, "%s%s%s%s%s%s", name, *version ? " " : "", version,
             setting ? " (" : "", setting ? setting : "", setting ? ")" : "");
}

int arm_find(struct arm *arm, const char *request, const struct arm_setting *setting,
             const struct trial_spec *trial, char *reason, size_t reason_size)
{
    *arm = (struct arm){
        .request = request,
        .setting = setting,
        .argv = setting && setting->argv ? setting->argv : trial->argv,
    };
    snprintf(reason, reason_size, "out of memory");
    int error = join_environment(arm, trial);
    if (!error)
        error = finder_find(request, &arm->found, reason, reason_size);
    if (error)
        return error;
    arm->allocator = arm->found.items[0];
    bool known = strcmp(arm->allocator.name, "unknown") != 0;
    set_label(arm, known ? arm->allocator.name : request, arm->allocator.version);
    return check_obstacle(arm, reason, reason_size);
}

/* What is passed to the program: for "system" also what makes the C library serve it. */
static const char *const *environment_of(const struct arm *arm, const struct trial_spec *trial)
{
    if (arm->help.environment)
        return arm->help.environment;
    return arm->environment ? arm->environment : trial->environment;
}

int arm_run(const struct arm *arm, const struct trial_spec *trial, struct trial_result *result,
            struct trial_failure *failure)
{
    struct trial_spec spec = *trial;
    spec.argv = arm->argv;
    spec.allocator = &arm->allocator;
    spec.environment = environment_of(arm, trial);
    return trial_run(&spec, result, failure);
}

/* After a proof that "system" does not serve: makes it serve, and notes how; false: no way. */
static bool insist_on_system(struct arm *arm, const struct trial_spec *trial,
                             const struct trial_failure *failure)
{
    const char *const *environment = environment_of(arm, trial);
    if (strcmp(arm->allocator.name, "system") != 0 || failure->stage != TRIAL_LAUNCH ||
        failure->launch.stage != LAUNCH_STAGE_PROOF ||
        !c_library_insist(&arm->help, &arm->allocator.path, &environment))
        return false;
    size_t used = strlen(arm->note);
    if (arm->help.environment)
        snprintf(arm->note + used, sizeof arm->note - used, " So is the C++ library.");
    else
        snprintf(arm->note, sizeof arm->note,
                 "%s serves this program by itself; for \"system\" the C library is preloaded.",
                 failure->proof.allocator[0] ? failure->proof.allocator : "Another allocator");
    return true;
}

int arm_warm_up(struct arm *arm, const struct trial_spec *trial, struct trial_failure *failure)
{
    struct trial_result *scratch = malloc(sizeof *scratch);
    if (!scratch) {
        *failure = (struct trial_failure){.stage = TRIAL_INTERNAL, .text = "out of memory"};
        return SHALE_ENOMEM;
    }
    int error = arm_run(arm, trial, scratch, failure);
    while (error && insist_on_system(arm, trial, failure))
        error = arm_run(arm, trial, scratch, failure);
    if (!error) {
        arm->proof = scratch->proof;
        if (scratch->proof.version[0])
            set_label(arm, scratch->proof.allocator, scratch->proof.version);
    }
    free(scratch);
    return error;
}

static bool has_own_ways(const struct arm *arm)
{
    return arm->setting && (arm->setting->argv || count_strings(arm->setting->environment) > 0);
}

bool arm_same(const struct arm *left, const struct arm *right)
{
    const char *a = left->allocator.path;
    const char *b = right->allocator.path;
    if (has_own_ways(left) || has_own_ways(right))
        return false;
    return a == b || (a && b && strcmp(a, b) == 0);
}

json_t *arm_json(const struct arm *arm)
{
    const struct proof *proof = &arm->proof;
    json_t *verified = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "verdict", proof->verdict, "allocator",
        identify_json_text(proof->allocator), "version", identify_json_optional(proof->version),
        "object", identify_json_text(proof->object), "executable",
        identify_json_text(proof->executable), "build_id", identify_json_optional(proof->build_id),
        "layers", identify_json_optional(proof->layers), "reason",
        identify_json_text(proof->reason));
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "request", identify_json_text(arm->request),
                     "name", arm->allocator.name, "label", identify_json_text(arm->label),
                     "preload", identify_json_optional(arm->allocator.path), "note",
                     identify_json_optional(arm->note), "verified", verified);
}

void arm_free(struct arm *arm)
{
    finder_free(&arm->found);
    c_library_release(&arm->help);
    free(arm->environment);
}
