/* SPDX-License-Identifier: MIT */
/* Reads the options that say what is run and how: see program_options.h. Layer 6. */
#include "cli/program_options.h"

#include <string.h>

#include "measure/duration.h"

int program_options_time(const struct cmd_entry *self, const char *option, const char *text,
                         double *seconds)
{
    if (!text || duration_parse(text, seconds))
        return -1;
    return cmd_usage_error(self, "--%s: '%s' is no time; write 90s, 2m or 1h", option, text);
}

int program_options_check_environment(const struct cmd_entry *self, const char *option,
                                      const char *const *environment)
{
    for (; environment && *environment; environment++) {
        const char *text = *environment;
        if (!strchr(text, '=') || text[0] == '=')
            return cmd_usage_error(self, "--%s: '%s' is not NAME=VALUE", option, text);
        if (strncmp(text, "LD_PRELOAD=", 11) == 0)
            return cmd_usage_error(self, "--%s: LD_PRELOAD is what --candidate is for", option);
    }
    return -1;
}

static int take_timeout(const struct cmd_entry *self, const char *option, const char *text, int *ms)
{
    double seconds = *ms / 1000.0;
    int status = program_options_time(self, option, text, &seconds);
    *ms = (int)(seconds * 1000);
    return status;
}

static int take_seconds(const struct cmd_entry *self, const char *option, double given,
                        double *seconds)
{
    if (isnan(given))
        return -1;
    if (!(given >= 0 && given <= 1e6))
        return cmd_usage_error(self, "--%s: not a number of seconds", option);
    *seconds = given;
    return -1;
}

static int take_times(const struct cmd_entry *self, const struct program_options *options,
                      struct trial_spec *trial)
{
    int status =
        take_timeout(self, "ready-timeout", options->ready_timeout, &trial->ready_timeout_ms);
    if (status < 0)
        status = take_timeout(self, "timeout", options->timeout, &trial->timeout_ms);
    if (status < 0)
        status = take_seconds(self, "idle", options->idle_s, &trial->idle_s);
    if (status < 0)
        status = take_seconds(self, "settle", options->settle_s, &trial->settle_s);
    return status;
}

static bool name_is_taken(const struct trial_spec *trial, const char *name)
{
    for (size_t i = 0; i < trial->phase_count; i++)
        if (strcmp(trial->phases[i].name, name) == 0)
            return true;
    return strcmp(name, "loaded") == 0 || strcmp(name, "idle") == 0;
}

static int take_phase(const struct cmd_entry *self, const char *text, char *name, size_t name_size,
                      struct trial_spec *trial, struct trial_phase *phases)
{
    const char *equals = strchr(text, '=');
    if (!picker_valid_name(text, '=') || !equals[1])
        return cmd_usage_error(
            self, "--then: '%s' is not NAME=COMMAND with a NAME of lower case letters", text);
    if ((size_t)(equals - text) >= name_size)
        return cmd_usage_error(self, "--then: the name of '%s' is too long", text);
    snprintf(name, name_size, "%.*s", (int)(equals - text), text);
    if (name_is_taken(trial, name))
        return cmd_usage_error(self, "--then: the name of '%s' is taken", text);
    phases[trial->phase_count++] = (struct trial_phase){name, equals + 1};
    return -1;
}

static int take_phases(const struct cmd_entry *self, struct program_options *options,
                       struct trial_spec *trial, struct trial_phase *phases, size_t max)
{
    int status = -1;
    trial->phases = phases;
    for (size_t i = 0; status < 0 && options->then && options->then[i]; i++) {
        if (trial->phase_count == max)
            return cmd_usage_error(self, "--then: at most %zu", max);
        status = take_phase(self, options->then[i], options->names[i], sizeof options->names[i],
                            trial, phases);
    }
    return status;
}

static int take_server(const struct cmd_entry *self, struct program_options *options,
                       struct trial_spec *trial)
{
    char reason[512];
    if (options->load)
        trial->load = options->load;
    if (options->prepare)
        trial->prepare = options->prepare;
    if (!trial->load && (options->ready || options->then || options->idle_s > 0))
        return cmd_usage_error(self, "%s goes with --load only",
                               options->ready  ? "--ready"
                               : options->then ? "--then"
                                               : "--idle");
    if (options->ready && ready_parse(options->ready, &trial->ready, reason, sizeof reason))
        return cmd_usage_error(self, "--ready: %s", reason);
    return -1;
}

int program_options_take(const struct cmd_entry *self, struct program_options *options,
                         struct trial_spec *trial, struct trial_phase *phases, size_t phases_max)
{
    const char *const *environment = options->environment;
    int status = take_times(self, options, trial);
    if (status < 0)
        status = take_server(self, options, trial);
    if (status < 0)
        status = take_phases(self, options, trial, phases, phases_max);
    if (status < 0)
        status = program_options_check_environment(self, "env", environment);
    return status;
}

int program_options_side(const struct cmd_entry *self, const char *option, const char *text,
                         struct request *side)
{
    if (!request_parse(text, side))
        return cmd_usage_error(self, "--%s: '%.80s' is too long, or has more than %d variables",
                               option, text, REQUEST_VARIABLES_MAX);
    if (!side->allocator[0])
        return cmd_usage_error(self, "--%s: '%s' names no allocator", option, text);
    return program_options_check_environment(self, option, side->setting.environment);
}
