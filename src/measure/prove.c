/* SPDX-License-Identifier: MIT */
/* Proving that a launched program got the allocator it was given. Layer 4. */
#include "measure/prove.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/launch_internal.h"

enum { RUNNING_GRACE_MS = 1000 };

void prove_init(struct prove_request *request, const struct finder_allocator *allocator)
{
    *request = (struct prove_request){.allocator = allocator};
    identify_report_init(&request->report);
}

void prove_free(struct prove_request *request)
{
    identify_report_free(&request->report);
}

/* "mimalloc@3.6.0" for identify; a library of no known kind goes by its file's name. */
static const char *expectation(const struct finder_allocator *allocator, char *text, size_t size)
{
    if (strcmp(allocator->name, "unknown") == 0)
        return strrchr(allocator->path, '/') + 1; /* the finder gives whole paths */
    snprintf(text, size, "%s%s%s", allocator->name, *allocator->version ? "@" : "",
             allocator->version);
    return text;
}

static bool is_same_file(const char *wanted, const char *seen)
{
    char real[PATH_MAX];
    return seen &&
           (strcmp(wanted, seen) == 0 || (realpath(seen, real) && strcmp(wanted, real) == 0));
}

static int not_proven(struct prove_request *request, int error, const char *reason)
{
    snprintf(request->reason, sizeof request->reason, "%s",
             reason ? reason : shale_strerror(error));
    return error;
}

static int judge(struct prove_request *request)
{
    const struct identify_report *report = &request->report;
    const char *path = request->allocator->path;
    if (report->verdict != SHALE_VERDICT_ACTIVE)
        return not_proven(request, SHALE_EFORMAT, report->reason);
    if (path && !is_same_file(path, report->object)) {
        snprintf(request->reason, sizeof request->reason, "malloc is served by %s, not by %s",
                 report->object ? report->object : "an unknown object", path);
        return SHALE_EFORMAT;
    }
    return 0;
}

int prove_allocator(pid_t pid, bool held, void *context)
{
    struct prove_request *request = context;
    char expected[128];
    const struct identify_options options = {
        .expect = expectation(request->allocator, expected, sizeof expected)};
    identify_report_free(&request->report);
    int result = identify_pid(pid, &options, &request->report);
    result = result < 0 ? not_proven(request, result, request->report.reason) : judge(request);
    if (held || result == 0 || result == SHALE_EGONE || result == SHALE_EPERM)
        return result;
    /* It runs, and its libraries may not be there yet. */
    if (request->first_look_ns == 0)
        request->first_look_ns = launch_now_ns();
    bool time_is_up =
        launch_now_ns() > request->first_look_ns + (int64_t)RUNNING_GRACE_MS * 1000000;
    return time_is_up ? result : SHALE_EBUSY;
}

bool prove_takes_rights_from(const char *command)
{
    char path[PATH_MAX];
    struct identify_obstacle obstacle;
    return launch_resolve(command, NULL, path, sizeof path) == 0 &&
           identify_preload_obstacle(path, NULL, &obstacle) == 0 &&
           obstacle.kind == IDENTIFY_OBSTACLE_PRIVILEGED;
}
