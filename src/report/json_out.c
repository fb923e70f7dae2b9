/* SPDX-License-Identifier: MIT */
/* JSON written piece by piece. */
#include <stdint.h>

#include "report/json.h"

static int write_piece(const char *text, size_t length, void *user)
{
    const struct json_out *json = user;
    if (!json->in_html)
        return fwrite(text, 1, length, json->out) == length ? 0 : -1;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '<')
            fputs("\\u003c", json->out);
        else
            fputc(text[i], json->out);
    return 0;
}

void json_out_key(struct json_out *json, const char *key)
{
    fputs(json->more ? ",\n" : "\n", json->out);
    if (key != NULL)
        fprintf(json->out, "\"%s\": ", key);
    json->more = true;
}

void json_out_value(struct json_out *json, const char *key, json_t *value)
{
    json_out_key(json, key);
    json->failed |= value == NULL;
    /* What cannot be written is seen on the stream. */
    if (value != NULL)
        json_dump_callback(value, write_piece, json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(value);
}

void json_out_open(struct json_out *json, const char *key, char bracket)
{
    json_out_key(json, key);
    fputc(bracket, json->out);
    json->more = false;
}

void json_out_close(struct json_out *json, char bracket)
{
    fputc(bracket, json->out);
    json->more = true;
}

json_t *json_of_count(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}
