/* SPDX-License-Identifier: MIT */
/* The heap's resident memory, from /proc/self/smaps: see heap.h. */
#include "profile/heap.h"

#include <errno.h>
#include <string.h>

#include "profile/lines.h"

struct sum {
    const struct profile_stack_bounds *stacks;
    unsigned stack_count;
    bool counts; /* the mapping whose lines come now is the heap's */
    uint64_t bytes;
};

static bool is_heap(const struct sum *sum, const struct profile_mapping *mapping)
{
    bool named = mapping->path_bytes != 0;
    if (memcmp(mapping->access, "rw-p", sizeof(mapping->access)) != 0)
        return false;
    if (named && strncmp(mapping->path, "[heap]", mapping->path_bytes) != 0 &&
        strncmp(mapping->path, "[anon", 5) != 0)
        return false;
    for (unsigned i = 0; i < sum->stack_count; i++)
        if (sum->stacks[i].low < mapping->end && sum->stacks[i].high > mapping->start)
            return false;
    return true;
}

/* "Rss:            1234 kB" */
static uint64_t read_kilobytes(const char *text)
{
    uint64_t number = 0;
    text += strspn(text, " ");
    for (; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number << 10;
}

static void look_at(const char *line, const char *end, void *context)
{
    struct sum *sum = context;
    struct profile_mapping mapping;
    if (strncmp(line, "Rss:", 4) == 0)
        sum->bytes += sum->counts ? read_kilobytes(line + 4) : 0;
    else if ((line[0] < 'A' || line[0] >= 'a') && profile_lines_mapping(line, end, &mapping))
        sum->counts = is_heap(sum, &mapping);
}

uint64_t profile_heap_resident(const struct profile_stack_bounds *stacks, unsigned stack_count)
{
    struct sum sum = {.stacks = stacks, .stack_count = stack_count};
    int saved_errno = errno;
    profile_lines_each("/proc/self/smaps", look_at, &sum);
    errno = saved_errno;
    return sum.bytes;
}
