/* SPDX-License-Identifier: MIT */
/* Takes [NAME=VALUE ...] ALLOCATOR apart: see request.h. Layer 4, pure. */
#include "measure/request.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool request_is_variable(const char *word)
{
    size_t length = 0;
    while (isalnum((unsigned char)word[length]) || word[length] == '_')
        length++;
    return length > 0 && !isdigit((unsigned char)word[0]) && word[length] == '=';
}

bool request_parse(const char *text, struct request *out)
{
    size_t count = 0;
    if (snprintf(out->text, sizeof out->text, "%s", text) >= (int)sizeof out->text)
        return false;
    char *rest = out->text + strspn(out->text, " ");
    while (request_is_variable(rest)) {
        if (count == REQUEST_VARIABLES_MAX)
            return false;
        out->variables[count++] = rest;
        rest += strcspn(rest, " ");
        if (*rest)
            *rest++ = '\0';
        rest += strspn(rest, " ");
    }
    out->variables[count] = NULL;
    out->allocator = rest;
    out->setting = (struct arm_setting){0};
    out->name[0] = '\0';
    for (size_t i = 0, used = 0; i < count && used < sizeof out->name; i++)
        used += (size_t)snprintf(out->name + used, sizeof out->name - used, "%s%s", i ? " " : "",
                                 out->variables[i]);
    if (count > 0)
        out->setting = (struct arm_setting){.name = out->name, .environment = out->variables};
    return true;
}
