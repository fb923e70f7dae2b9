/* SPDX-License-Identifier: MIT */
/* Modules, frames, and the report's sites: two steps of the reader. */
#include <shale/error.h>
#include <stdlib.h>
#include <string.h>

#include "profile/read.h"

#define GET(field) shale_atomic_load_relaxed(&(field))

enum { MODULES_MAX = 1 << 16 };

/* ---- modules ----------------------------------------------------------------------------------
 */

static const char *hex_of(struct profile_reading *reading, const uint8_t *bytes, uint32_t count)
{
    char text[PROFILE_FILE_BUILD_ID * 2 + 1];
    if (count > PROFILE_FILE_BUILD_ID)
        count = 0;
    for (size_t i = 0; i < count; i++) {
        text[i * 2] = "0123456789abcdef"[bytes[i] >> 4];
        text[i * 2 + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[(size_t)count * 2] = '\0';
    return profile_report_text(reading->report, text);
}

static const struct profile_file_module *next_module(const struct profile_reading *reading,
                                                     uint64_t at)
{
    const struct profile_file_module *module = profile_read_piece(reading, at, 1, sizeof(*module));
    if (module == NULL || module->before_at >= at ||
        profile_read_piece(reading, at, 1, sizeof(*module) + (size_t)module->path_bytes) == NULL)
        return NULL;
    return module;
}

static int by_start(const void *left, const void *right)
{
    uint64_t a = ((const struct profile_module *)left)->start;
    uint64_t b = ((const struct profile_module *)right)->start;
    return (a > b) - (a < b);
}

static int add_module(struct profile_reading *reading, const struct profile_file_module *from)
{
    struct shale_profile_report *report = reading->report;
    char *path = profile_report_array(report, (size_t)from->path_bytes + 1, 1);
    const char *build_id = hex_of(reading, from->build_id, from->build_id_bytes);
    if (path == NULL || build_id == NULL)
        return SHALE_ENOMEM;
    memcpy(path, from->path, from->path_bytes);
    report->modules[report->module_count++] =
        (struct profile_module){path, build_id, from->start, from->end, from->offset};
    return 0;
}

/* The list goes back through the file, so it ends. */
int profile_read_modules(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    const struct profile_file_module *module;
    size_t count = 0;
    uint64_t at;
    for (at = GET(reading->live->modules_at); at != 0 && count < MODULES_MAX; count++) {
        module = next_module(reading, at);
        if (module == NULL)
            return profile_read_fail(reading, SHALE_EFORMAT, "its list of modules is damaged");
        at = module->before_at;
    }
    report->modules = profile_report_array(report, count + 1, sizeof(*report->modules));
    if (report->modules == NULL)
        return SHALE_ENOMEM;
    for (at = GET(reading->live->modules_at); report->module_count < count;
         at = module->before_at) {
        module = next_module(reading, at);
        if (add_module(reading, module) != 0)
            return SHALE_ENOMEM;
    }
    qsort(report->modules, report->module_count, sizeof(*report->modules), by_start);
    return 0;
}

static uint32_t module_of(const struct shale_profile_report *report, uint64_t address)
{
    uint32_t low = 0, high = report->module_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (report->modules[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < report->modules[low - 1].end ? low - 1 : PROFILE_NONE;
}

/* ---- frames: one for each address -------------------------------------------------------------
 */

static const struct profile_line no_line = {.function = "", .file = ""};

struct frame_map {
    uint32_t *slots; /* 1 + index into frames; 0 free */
    uint64_t mask;
    uint32_t room; /* of the report's array */
};

static uint32_t *slot_of(const struct shale_profile_report *report, const struct frame_map *map,
                         uint64_t address)
{
    for (uint64_t i = address * UINT64_C(0x9e3779b97f4a7c15) >> 20;; i++) {
        uint32_t *slot = &map->slots[i & map->mask];
        if (*slot == 0 || report->frames[*slot - 1].address == address)
            return slot;
    }
}

/* Twice the room; what was there before is left to the bump. */
static int grow_map(struct profile_reading *reading, struct frame_map *map)
{
    struct shale_profile_report *report = reading->report;
    uint32_t room = map->room == 0 ? 1024 : map->room * 2;
    struct profile_frame *frames = profile_report_array(report, room, sizeof(*frames));
    map->slots = shale_bump_alloc(&reading->scratch, sizeof(uint32_t) * 4 * room, 0);
    if (frames == NULL || map->slots == NULL)
        return SHALE_ENOMEM;
    if (report->frame_count > 0)
        memcpy(frames, report->frames, sizeof(*frames) * report->frame_count);
    report->frames = frames;
    map->room = room;
    map->mask = (uint64_t)room * 4 - 1;
    for (uint32_t i = 0; i < report->frame_count; i++)
        *slot_of(report, map, frames[i].address) = i + 1;
    return 0;
}

static int frame_of(struct profile_reading *reading, struct frame_map *map, uint64_t returns_to,
                    uint32_t *index)
{
    struct shale_profile_report *report = reading->report;
    uint64_t address = returns_to - 1;
    if ((map->slots == NULL || report->frame_count == map->room) && grow_map(reading, map) != 0)
        return SHALE_ENOMEM;
    uint32_t *slot = slot_of(report, map, address);
    if (*slot == 0) {
        report->frames[report->frame_count] = (struct profile_frame){
            .address = address,
            .module = module_of(report, address),
            .line_count = 1,
            .lines = &no_line,
        };
        *slot = ++report->frame_count;
    }
    *index = *slot - 1;
    return 0;
}

/* ---- sites ------------------------------------------------------------------------------------
 */

static int copy_frames(struct profile_reading *reading, struct frame_map *map,
                       const struct profile_file_site *record, struct profile_site *site)
{
    const uint64_t *addresses =
        profile_read_piece(reading, record->frames_at, record->frame_count, sizeof(*addresses));
    if (addresses == NULL || record->frame_count > PROFILE_FILE_DEPTH)
        return profile_read_fail(reading, SHALE_EFORMAT, "a stack lies outside of it");
    uint32_t *frames = profile_report_array(reading->report, record->frame_count, sizeof(*frames));
    if (frames == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < record->frame_count; i++)
        if (frame_of(reading, map, addresses[i], &frames[i]) != 0)
            return SHALE_ENOMEM;
    site->frames = frames;
    site->frame_count = record->frame_count;
    site->truncated = record->flags & PROFILE_SITE_TRUNCATED;
    return 0;
}

static void fill_site(const struct profile_reading_site *from, struct profile_site *site)
{
    site->allocations = (uint64_t)(from->allocations + 0.5);
    site->allocated_bytes = (uint64_t)(from->bytes + 0.5);
    site->temporary = (uint64_t)(from->temporary + 0.5);
    site->live_blocks = (uint64_t)(from->live_blocks + 0.5);
    site->live_bytes = (uint64_t)(from->live_bytes + 0.5);
    site->samples = from->samples;
}

/* For sorting: a site knows its number in the file. */
struct numbered {
    double bytes;
    uint32_t number;
};

static int by_bytes(const void *left, const void *right)
{
    const struct numbered *a = left, *b = right;
    if (a->bytes != b->bytes)
        return (a->bytes < b->bytes) - (a->bytes > b->bytes);
    return (a->number > b->number) - (a->number < b->number);
}

static struct numbered *sort_sites(struct profile_reading *reading)
{
    struct numbered *order =
        shale_bump_alloc(&reading->scratch, sizeof(*order) * (reading->site_count + 1), 0);
    if (order == NULL)
        return NULL;
    for (uint32_t i = 0; i < reading->site_count; i++)
        order[i] = (struct numbered){(double)(uint64_t)(reading->sites[i].bytes + 0.5), i};
    qsort(order, reading->site_count, sizeof(*order), by_bytes);
    return order;
}

int profile_read_frames(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    struct numbered *order = sort_sites(reading);
    struct frame_map map = {.room = 0};
    report->sites = profile_report_array(report, reading->site_count + 1, sizeof(*report->sites));
    if (order == NULL || report->sites == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < reading->site_count; i++) {
        struct profile_reading_site *from = &reading->sites[order[i].number];
        int result = copy_frames(reading, &map, from->record, &report->sites[i]);
        if (result != 0)
            return result;
        fill_site(from, &report->sites[i]);
        from->report_site = i;
    }
    report->site_count = reading->site_count;
    return 0;
}
