/* SPDX-License-Identifier: MIT */
/* How full blocks and pages are, and who keeps pages: a step of the reader. */
#include <shale/error.h>
#include <stdlib.h>

#include "profile/read.h"

#define GET(field) shale_atomic_load_relaxed(&(field))

enum { PINS_MAX = 32, MOSTLY_EMPTY = 4 }; /* less than a quarter is in use */

static void fill_internal(struct profile_reading *reading)
{
    struct profile_fragmentation *shares = &reading->report->fragmentation;
    for (uint32_t i = 0; i < reading->thread_count; i++) {
        shares->requested_bytes += GET(reading->threads[i]->requested_bytes);
        shares->usable_bytes += GET(reading->threads[i]->usable_bytes);
    }
    if (shares->usable_bytes == 0 || shares->usable_bytes < shares->requested_bytes)
        return;
    shares->internal_known = true;
    shares->internal = 1 - (double)shares->requested_bytes / (double)shares->usable_bytes;
}

static void fill_external(struct profile_reading *reading)
{
    struct profile_fragmentation *shares = &reading->report->fragmentation;
    uint64_t resident = GET(reading->live->heap_rss_bytes);
    double usable = (double)GET(reading->live->heap_live_bytes);
    if (resident == 0)
        return;
    if (shares->internal_known && shares->internal < 1)
        usable /= 1 - shares->internal;
    shares->external_known = true;
    shares->heap_rss_bytes = resident;
    shares->live_usable_bytes = (uint64_t)usable;
    shares->external = usable < (double)resident ? 1 - usable / (double)resident : 0;
}

/* ---- pages, where every block is known --------------------------------------------------------
 */

/* A block of several pages fills those between its ends. */
static void add_parts(struct profile_reading *reading, uint64_t key, uint64_t what, uint64_t birth)
{
    uint64_t page_bytes = reading->about->page_bytes, number = what & PROFILE_BLOCK_NO_SITE;
    uint64_t at = key >> PROFILE_BLOCK_ADDRESS_SHIFT, size = what >> PROFILE_BLOCK_SITE_BITS;
    (void)birth;
    if (number >= reading->site_count || size > page_bytes * 4)
        return;
    while (size > 0 && reading->part_count < reading->part_room) {
        uint64_t here = page_bytes - at % page_bytes;
        here = here < size ? here : size;
        reading->parts[reading->part_count++] = (struct profile_reading_part){
            at / page_bytes, here, reading->sites[number].report_site};
        at += here;
        size -= here;
    }
}

static int by_page(const void *left, const void *right)
{
    uint64_t a = ((const struct profile_reading_part *)left)->page,
             b = ((const struct profile_reading_part *)right)->page;
    return (a > b) - (a < b);
}

/* The site with most bytes in the page is the one that keeps it. */
static void add_page(struct profile_reading *reading, struct profile_pin *pins,
                     const struct profile_reading_part *parts, uint64_t count)
{
    uint64_t page_bytes = reading->about->page_bytes, used = 0;
    const struct profile_reading_part *largest = parts;
    for (uint64_t i = 0; i < count; i++) {
        used += parts[i].bytes;
        if (parts[i].bytes > largest->bytes)
            largest = &parts[i];
    }
    used = used < page_bytes ? used : page_bytes;
    uint64_t bucket = used * PROFILE_OCCUPANCY_BUCKETS / (page_bytes + 1);
    reading->report->fragmentation.occupancy[bucket]++;
    if (used >= page_bytes / MOSTLY_EMPTY)
        return;
    pins[largest->site].pages++;
    pins[largest->site].bytes += page_bytes - used;
}

static int by_pinned(const void *left, const void *right)
{
    uint64_t a = ((const struct profile_pin *)left)->bytes;
    uint64_t b = ((const struct profile_pin *)right)->bytes;
    return (a < b) - (a > b);
}

static int add_pages(struct profile_reading *reading)
{
    struct shale_profile_report *report = reading->report;
    struct profile_pin *pins =
        profile_report_array(report, (size_t)report->site_count + 1, sizeof(*pins));
    if (pins == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < report->site_count; i++)
        pins[i].site = i;
    qsort(reading->parts, reading->part_count, sizeof(*reading->parts), by_page);
    for (uint64_t i = 0, next; i < reading->part_count; i = next) {
        for (next = i + 1;
             next < reading->part_count && reading->parts[next].page == reading->parts[i].page;)
            next++;
        add_page(reading, pins, &reading->parts[i], next - i);
    }
    for (uint32_t i = 0; i < report->site_count; i++)
        report->sites[i].pinned_bytes = pins[i].bytes;
    qsort(pins, report->site_count, sizeof(*pins), by_pinned);
    struct profile_fragmentation *shares = &report->fragmentation;
    shares->pins = pins;
    while (shares->pin_count < report->site_count && shares->pin_count < PINS_MAX &&
           pins[shares->pin_count].bytes > 0)
        shares->pin_count++;
    return 0;
}

int profile_read_fragmentation(struct profile_reading *reading)
{
    enum { PARTS = 6 }; /* a block that is looked at has at most so many */
    fill_internal(reading);
    fill_external(reading);
    reading->report->fragmentation.page_bytes = reading->about->page_bytes;
    if (reading->about->mode != PROFILE_FULL || reading->report->totals.live_blocks == 0)
        return 0;
    reading->part_count = 0;
    reading->part_room = reading->report->totals.live_blocks * PARTS;
    reading->parts =
        shale_bump_alloc(&reading->scratch, reading->part_room * sizeof(*reading->parts), 0);
    if (reading->parts == NULL)
        return SHALE_ENOMEM;
    int result = profile_read_each_block(reading, add_parts);
    return result != 0 ? result : add_pages(reading);
}
