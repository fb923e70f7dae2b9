/* SPDX-License-Identifier: MIT */
/* Runs settings side by side: see race.h. Layer 5. */
#include "gate/race.h"

#include <stdio.h>

/* The side's own variables, then the setting's. */
static void join_environment(struct racer *racer, const char *const *own)
{
    const char *variables[SETTING_VARIABLES_MAX + 1];
    size_t more = setting_variables(&racer->setting, racer->storage, variables);
    size_t count = 0;
    for (; own && own[count] && count + more + 1 < RACER_ENVIRONMENT_MAX; count++)
        racer->environment[count] = own[count];
    for (size_t i = 0; i < more; i++)
        racer->environment[count++] = variables[i];
    racer->environment[count] = NULL;
}

struct field {
    const char *requests[COMPARE_ARMS_MAX];
    struct arm_setting settings[COMPARE_ARMS_MAX];
    struct racer *racers[RACERS_MAX];
    size_t count;
};

static void line_up(struct race *race, struct field *field)
{
    field->count = 0;
    field->requests[0] = race->reference.allocator;
    field->settings[0] = race->reference.setting;
    for (size_t i = 0; i < race->count; i++) {
        struct racer *racer = &race->racers[i];
        if (racer->failed[0])
            continue;
        join_environment(racer, race->side.setting.environment);
        racer->comparison = field->count;
        field->racers[field->count++] = racer;
        field->requests[field->count] = race->side.allocator;
        field->settings[field->count] = (struct arm_setting){
            .name = racer->setting.text,
            .argv = race->side.setting.argv,
            .environment = racer->environment,
        };
    }
}

/* Was it a setting that failed, and not the reference or ourselves? */
static bool drop_out(const struct field *field, const struct compare_failure *failure)
{
    if (failure->stage != COMPARE_STAGE_RUN || failure->arm == 0 ||
        failure->trial.stage == TRIAL_CANCELLED || failure->trial.stage == TRIAL_INTERNAL)
        return false;
    struct racer *racer = field->racers[failure->arm - 1];
    snprintf(racer->failed, sizeof racer->failed, "%.250s", failure->trial.text);
    return true;
}

int race_run(struct race *race, struct comparison_set *set, struct compare_failure *failure)
{
    struct field field;
    int error;
    do {
        line_up(race, &field);
        *set = (struct comparison_set){0};
        if (field.count == 0)
            return SHALE_OK;
        const struct compare_plan plan = {
            .trial = *race->trial,
            .requests = field.requests,
            .request_count = field.count + 1,
            .settings = field.settings,
            .pairs = race->pairs,
            .progress = race->progress,
            .context = race->context,
        };
        error = compare_run(&plan, set, failure);
    } while (error && drop_out(&field, failure));
    return error;
}
