/* SPDX-License-Identifier: MIT */
/*
 * What the environment asks of the recorder in a preloaded program:
 *
 *     SHALE_PROFILE=PATH            the file; %p is the process id. Without it nothing is recorded
 *     SHALE_PROFILE_MODE            counters, sample or full
 *     SHALE_PROFILE_SAMPLE          mean bytes between two samples
 *     SHALE_PROFILE_SAMPLE_COUNT    mean allocations between two samples by count
 *     SHALE_PROFILE_LATENCY         one operation of so many is timed; 0 none
 *     SHALE_PROFILE_FORKS=0         children are not recorded
 *     SHALE_PROFILE_QUIET=1         nothing is said on stderr
 */
#include <string.h>

#include "profile/recorder.h"

static const char *find(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static uint64_t find_number(char *const *environment, const char *name, uint64_t otherwise)
{
    const char *text = find(environment, name);
    uint64_t number = 0;
    if (text == NULL || *text == '\0')
        return otherwise;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || number > UINT64_MAX / 20)
            return otherwise;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    return number;
}

static enum profile_mode find_mode(char *const *environment)
{
    const char *text = find(environment, "SHALE_PROFILE_MODE");
    if (text != NULL && strcmp(text, "full") == 0)
        return PROFILE_FULL;
    return text != NULL && strcmp(text, "counters") == 0 ? PROFILE_COUNTERS : PROFILE_SAMPLE;
}

bool profile_settings_read(char *const *environment, struct profile_settings *settings)
{
    const char *path = environment != NULL ? find(environment, "SHALE_PROFILE") : NULL;
    if (path == NULL || *path == '\0' || strlen(path) >= sizeof(settings->path))
        return false;
    memcpy(settings->path, path, strlen(path) + 1);
    settings->mode = find_mode(environment);
    settings->sample_bytes =
        find_number(environment, "SHALE_PROFILE_SAMPLE", PROFILE_DEFAULT_SAMPLE_BYTES);
    settings->sample_count =
        find_number(environment, "SHALE_PROFILE_SAMPLE_COUNT", PROFILE_DEFAULT_SAMPLE_COUNT);
    settings->latency_every =
        find_number(environment, "SHALE_PROFILE_LATENCY", PROFILE_DEFAULT_LATENCY_EVERY);
    settings->follow_forks = find_number(environment, "SHALE_PROFILE_FORKS", 1) != 0;
    settings->quiet = find_number(environment, "SHALE_PROFILE_QUIET", 0) != 0;
    if (settings->mode == PROFILE_COUNTERS)
        settings->sample_bytes = settings->sample_count = 0;
    return true;
}
