/* SPDX-License-Identifier: MIT */
/*
 * JSON written piece by piece: a profile with a hundred thousand stacks must not be in memory a
 * second time. Values are jansson's, the brackets around long lists are written here. Layer 4.
 */
#ifndef SHALE_REPORT_JSON_H
#define SHALE_REPORT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "profile/model.h"

struct json_out {
    FILE *out;
    bool in_html; /* '<' is written as an escape: nothing can end the element around it */
    bool failed;  /* a value could not be made: no memory */
    bool more;    /* something stands in this list or object, a comma comes first */
};

/* `"key": ` of the next value; NULL inside a list. */
void json_out_key(struct json_out *json, const char *key);

/* A value, which is the callee's from now on; NULL is a failure. */
void json_out_value(struct json_out *json, const char *key, json_t *value);

/* '{' or '['; then what comes in it; then the other one. */
void json_out_open(struct json_out *json, const char *key, char bracket);
void json_out_close(struct json_out *json, char bracket);

/* A whole number as jansson has it: above INT64_MAX it stays there. */
json_t *json_of_count(uint64_t value);

/* The profile by share/schema/profile.schema.json, without a line end behind it. */
void report_json_write(const struct shale_profile_report *report, struct json_out *json);

#endif
