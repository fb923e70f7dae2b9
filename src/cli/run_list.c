/* SPDX-License-Identifier: MIT */
/* `shale run --list`. Layer 6. */
#include "cli/run_list.h"

#include <jansson.h>
#include <string.h>

#include "identify/identify.h"
#include "measure/finder.h"

enum { NAME_WIDTH_MIN = 8, VERSION_WIDTH_MIN = 7 };

static void print_table(const struct finder_list *list)
{
    int name_width = NAME_WIDTH_MIN;
    int version_width = VERSION_WIDTH_MIN;
    for (size_t i = 0; i < list->count; i++) {
        int name = (int)strlen(list->items[i].name);
        int version = (int)strlen(list->items[i].version);
        name_width = name > name_width ? name : name_width;
        version_width = version > version_width ? version : version_width;
    }
    printf("%-*s  %-*s  %-8s  %-5s  %s\n", name_width, "NAME", version_width, "VERSION", "FROM",
           "LOADS", "PATH");
    for (size_t i = 0; i < list->count; i++) {
        const struct finder_allocator *item = &list->items[i];
        printf("%-*s  %-*s  %-8s  %-5s  %s\n", name_width, item->name, version_width,
               *item->version ? item->version : "-", finder_source_name(item->source),
               item->reason ? "no" : "yes", item->path ? item->path : "-");
        if (item->reason)
            printf("%*s  %s\n", name_width, "", item->reason);
    }
}

static json_t *item_json(const struct finder_allocator *item)
{
    return json_pack("{s:s, s:s?, s:o, s:s, s:b, s:o}", "name", item->name, "version",
                     *item->version ? item->version : NULL, "path", identify_json_text(item->path),
                     "from", finder_source_name(item->source), "loadable", item->reason == NULL,
                     "reason", identify_json_text(item->reason));
}

static int print_json(const struct finder_list *list)
{
    json_t *items = json_array();
    int result = items ? 0 : -1;
    for (size_t i = 0; i < list->count && result == 0; i++)
        result = json_array_append_new(items, item_json(&list->items[i]));
    json_t *whole = json_pack("{s:i, s:o}", "schema", 1, "allocators", items);
    if (result == 0 && whole)
        result = json_dumpf(whole, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(whole);
    return result;
}

int run_list(const struct cmd_entry *self, bool as_json)
{
    struct finder_list list;
    int result = finder_scan(&list);
    if (result == 0 && as_json)
        result = print_json(&list);
    else if (result == 0)
        print_table(&list);
    finder_free(&list);
    if (result < 0 && !ferror(stdout)) {
        cmd_error(self, "cannot list the allocators: %s", shale_strerror(SHALE_ENOMEM));
        return CMD_EXIT_INTERNAL;
    }
    return cmd_finish_output(self);
}
