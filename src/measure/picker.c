/* SPDX-License-Identifier: MIT */
/* Numbers out of a program's output: see picker.h. Layer 4. */
#include "measure/picker.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char json_prefix[] = "json:";

bool picker_valid_name(const char *text, char end)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length < 48 && text[0] >= 'a' && text[length] == end;
}

static int compile(struct picker *picker, char *reason, size_t reason_size)
{
    picker->is_json = strncmp(picker->pattern, json_prefix, sizeof json_prefix - 1) == 0;
    if (picker->is_json)
        return SHALE_OK;
    regex_t regex;
    int error = regcomp(&regex, picker->pattern, REG_EXTENDED | REG_NEWLINE);
    if (!error) {
        picker->regex = regex;
        return SHALE_OK;
    }
    char why[128];
    regerror(error, &regex, why, sizeof why);
    snprintf(reason, reason_size, "'%s' is no POSIX extended regular expression: %s",
             picker->pattern, why);
    return SHALE_EINVAL;
}

int picker_parse(const char *text, struct picker *picker, char *reason, size_t reason_size)
{
    if (!picker_valid_name(text, '=')) {
        snprintf(reason, reason_size,
                 "'%s' is not NAME=REGEX with a NAME of lower case letters, digits and _", text);
        return SHALE_EINVAL;
    }
    const char *equals = strchr(text, '=');
    struct picker result = {
        .name = strndup(text, (size_t)(equals - text)),
        .pattern = strdup(equals + 1),
    };
    int error = result.name && result.pattern ? SHALE_OK : SHALE_ENOMEM;
    if (!error && !*result.pattern) {
        snprintf(reason, reason_size, "the pattern of '%s' is empty", result.name);
        error = SHALE_EINVAL;
    }
    if (!error)
        error = compile(&result, reason, reason_size);
    if (error) {
        free(result.name);
        free(result.pattern);
        return error;
    }
    *picker = result;
    return SHALE_OK;
}

void picker_free(struct picker *picker)
{
    if (picker->pattern && !picker->is_json)
        regfree(&picker->regex);
    free(picker->name);
    free(picker->pattern);
    *picker = (struct picker){0};
}

/* ------------------------------------------------------------------------------ by regex */

static bool find_by_regex(const regex_t *regex, const char *text, double *value)
{
    regmatch_t match[2];
    bool found = false;
    int flags = 0;
    for (const char *rest = text; regexec(regex, rest, 2, match, flags) == 0;) {
        const regmatch_t *number = regex->re_nsub > 0 ? &match[1] : &match[0];
        if (number->rm_so >= 0) {
            char *end;
            double read = strtod(rest + number->rm_so, &end);
            if (end != rest + number->rm_so && isfinite(read)) {
                *value = read;
                found = true;
            }
        }
        if (match[0].rm_eo == match[0].rm_so && rest[match[0].rm_eo] == '\0')
            break;
        rest += match[0].rm_eo + (match[0].rm_eo == match[0].rm_so);
        flags = rest > text && rest[-1] == '\n' ? 0 : REG_NOTBOL;
    }
    return found;
}

/* ------------------------------------------------------------------------------- by JSON */

static json_t *parse_last_object(const char *text)
{
    json_t *whole = json_loads(text, 0, NULL);
    if (whole)
        return whole;
    const char *end = text + strlen(text);
    while (end > text) {
        const char *line = end - 1;
        while (line > text && line[-1] != '\n')
            line--;
        json_t *object = *line == '{' ? json_loadb(line, (size_t)(end - line), 0, NULL) : NULL;
        if (object)
            return object;
        end = line > text ? line - 1 : text;
    }
    return NULL;
}

static json_t *step_into(json_t *value, const char *key, size_t length)
{
    if (json_is_array(value)) {
        char *end;
        unsigned long place = strtoul(key, &end, 10);
        return end == key + length ? json_array_get(value, place) : NULL;
    }
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)length, key);
    return json_object_get(value, name);
}

static bool find_by_path(const char *path, const char *text, double *value)
{
    json_t *document = parse_last_object(text);
    json_t *at = document;
    for (const char *key = path + (*path == '.'); at && *key;) {
        size_t length = strcspn(key, ".");
        at = step_into(at, key, length);
        key += length + (key[length] == '.');
    }
    bool found = json_is_number(at);
    if (found)
        *value = json_number_value(at);
    json_decref(document);
    return found;
}

bool picker_find(const struct picker *picker, const char *text, double *value)
{
    if (picker->is_json)
        return find_by_path(picker->pattern + sizeof json_prefix - 1, text, value);
    return find_by_regex(&picker->regex, text, value);
}
