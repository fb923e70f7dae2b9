/* SPDX-License-Identifier: MIT */
/* An ordered index: names to numbers, in the order of the names; ranges and nearest entries. */
#include <inttypes.h>
#include <shale/skiplist.h>
#include <stdio.h>

static int print_entry(const struct shale_entry *entry, void *context)
{
    (void)context;
    printf("%.*s=%" PRIu64 " ", (int)entry->key.size, (const char *)entry->key.pointer,
           entry->value);
    return 0;
}

int main(void)
{
    static const char *const names[] = {"slab", "arena", "epoch", "unit", "class"};
    struct shale_map_options options = {.comparator = {.kind = SHALE_COMPARE_STRING}};
    struct shale_skiplist *index;
    struct shale_key from = shale_key_string("b"), to = shale_key_string("t");
    struct shale_range range = {&from, &to, 0};
    uint64_t value;

    if (shale_skiplist_create(&options, &index) != 0)
        return 1;
    for (uint64_t i = 0; i < 5; i++)
        if (shale_skiplist_put(index, shale_key_string(names[i]), i, NULL) != 0)
            return 1;
    if (shale_skiplist_get(index, shale_key_string("epoch"), &value) == 0)
        printf("epoch is %" PRIu64 "\n", value);
    if (shale_skiplist_visit(index, &range, print_entry, NULL) != 0)
        return 1;
    printf("of %zu\n", shale_skiplist_length(index));
    shale_skiplist_destroy(index);
    return 0;
}
