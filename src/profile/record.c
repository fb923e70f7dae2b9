/* SPDX-License-Identifier: MIT */
/* What is recorded of a block: its stack, its place in the table, its end. */
#include <math.h>

#include "profile/recorder.h"

enum { BALANCE_MAX = 32 << 10 };

/* ---- stacks -----------------------------------------------------------------------------------
 */

static struct profile_file_cached *cached_of(struct profile_local *local, uint64_t hash)
{
    return &local->record->cache[hash % PROFILE_FILE_CACHE];
}

static bool is_cached(const struct profile_file_cached *cached, uint64_t hash)
{
    return cached->hash == hash && cached->known != 0;
}

/* Tells the site what a cached stack counted, and gives the entry to another stack. */
static struct profile_file_cached *replace(struct profile_local *local, uint64_t hash,
                                           uint32_t site)
{
    struct profile_file_cached *cached = cached_of(local, hash);
    if (cached->known != 0) {
        struct profile_file_site *old = profile_sites_at(&profile_recorder.sites, cached->site);
        shale_atomic_fetch_add_relaxed(&old->allocations,
                                       shale_atomic_load_relaxed(&cached->allocations));
        shale_atomic_fetch_add_relaxed(&old->bytes, shale_atomic_load_relaxed(&cached->bytes));
        shale_atomic_fetch_add_relaxed(&old->temporary,
                                       shale_atomic_load_relaxed(&cached->temporary));
    }
    shale_atomic_store_relaxed(&cached->allocations, 0);
    shale_atomic_store_relaxed(&cached->bytes, 0);
    shale_atomic_store_relaxed(&cached->temporary, 0);
    cached->hash = hash;
    cached->site = site;
    cached->known = 1;
    return cached;
}

static struct profile_file_cached *add_site(struct profile_local *local, uint64_t hash,
                                            const struct profile_stack *stack)
{
    uint32_t site = profile_sites_add(&profile_recorder.sites, hash, stack);
    if (site == PROFILE_SITES_NONE) {
        profile_give_up();
        return NULL;
    }
    profile_modules_cover(&profile_recorder.modules, stack);
    return replace(local, hash, site);
}

/* A stack that walking does not lead through, or not yet known to. */
static struct profile_file_cached *unwind(struct profile_local *local,
                                          const struct profile_stack *walked)
{
    struct profile_file_live *live = &profile_recorder.image.header->live;
    struct profile_stack unwound;
    shale_atomic_fetch_add_relaxed(&live->stacks_unwound, 1);
    if (!profile_stack_unwind(walked, &unwound)) {
        shale_atomic_fetch_add_relaxed(&live->stacks_cut, 1);
        return add_site(local, walked->hash, walked);
    }
    if (profile_stack_learn(walked, &unwound))
        return add_site(local, walked->hash, &unwound);
    struct profile_file_cached *cached = cached_of(local, unwound.hash);
    return is_cached(cached, unwound.hash) ? cached : add_site(local, unwound.hash, &unwound);
}

static SHALE_NOINLINE struct profile_file_cached *find_site(struct profile_local *local,
                                                            const struct profile_stack *walked)
{
    if (profile_stack_is_trusted(walked)) {
        uint32_t site = profile_sites_find(&profile_recorder.sites, walked->hash);
        if (site != PROFILE_SITES_NONE)
            return replace(local, walked->hash, site);
    }
    return unwind(local, walked);
}

/* The entry of the stack that called the function of this frame; NULL when there is no room. */
static struct profile_file_cached *site_of(struct profile_local *local, const void *frame)
{
    struct profile_stack walked;
    profile_stack_walk(&local->bounds, frame, &walked);
    struct profile_file_cached *cached = cached_of(local, walked.hash);
    return SHALE_LIKELY(is_cached(cached, walked.hash)) ? cached : find_site(local, &walked);
}

/* ---- every block ------------------------------------------------------------------------------
 */

static uint64_t key_of(const struct profile_local *local, uint64_t address, unsigned tags)
{
    return address << PROFILE_BLOCK_ADDRESS_SHIFT | tags | local->index;
}

static uint64_t what_of(uint64_t size, uint64_t site)
{
    if (size > PROFILE_BLOCK_SIZE_MAX)
        size = PROFILE_BLOCK_SIZE_MAX;
    return size << PROFILE_BLOCK_SITE_BITS | site;
}

static void raise_peak(struct profile_local *local, int64_t live)
{
    struct profile_file_live *all = &profile_recorder.image.header->live;
    uint64_t peak = shale_atomic_load_relaxed(&all->peak_bytes);
    while (live > 0 && (uint64_t)live > peak)
        if (shale_atomic_cas_weak_relaxed(&all->peak_bytes, &peak, (uint64_t)live)) {
            shale_atomic_store_relaxed(&all->peak_ticks, local->now);
            return;
        }
}

void profile_settle(struct profile_local *local)
{
    struct profile_file_thread *record = local->record;
    struct profile_file_live *all = &profile_recorder.image.header->live;
    int64_t balance = shale_atomic_load_relaxed(&record->balance);
    int64_t highest = shale_atomic_load_relaxed(&record->balance_max);
    shale_atomic_store_relaxed(&record->balance, 0);
    shale_atomic_store_relaxed(&record->balance_max, 0);
    raise_peak(local, shale_atomic_fetch_add_relaxed(&all->live_bytes, balance) + highest);
}

static SHALE_ALWAYS_INLINE void change_balance(struct profile_local *local, int64_t change)
{
    struct profile_file_thread *record = local->record;
    int64_t balance = shale_atomic_load_relaxed(&record->balance) + change;
    shale_atomic_store_relaxed(&record->balance, balance);
    if (balance > shale_atomic_load_relaxed(&record->balance_max))
        shale_atomic_store_relaxed(&record->balance_max, balance);
    if (SHALE_UNLIKELY(balance > BALANCE_MAX || balance < -BALANCE_MAX))
        profile_settle(local);
}

void profile_full_alloc(struct profile_local *local, uint64_t address, uint64_t size,
                        const void *frame)
{
    struct profile_file_cached *cached = site_of(local, frame);
    local->last_site = cached;
    if (cached == NULL)
        return;
    shale_atomic_add_single_writer(&cached->allocations, 1);
    shale_atomic_add_single_writer(&cached->bytes, size);
    const struct profile_block_entry entry = {
        .key = key_of(local, address, PROFILE_BLOCK_BY_BYTES | PROFILE_BLOCK_BY_COUNT),
        .what = what_of(size, cached->site),
        .birth = local->now,
    };
    if (profile_blocks_add(&profile_recorder.blocks, &entry) != 0) {
        profile_give_up();
        return;
    }
    change_balance(local, (int64_t)size);
}

/* A block of another thread was freed here. */
static SHALE_NOINLINE void note_flow(struct profile_local *local, uint64_t owner, uint64_t count,
                                     uint64_t bytes)
{
    struct profile_file_flow *flows = local->record->flows;
    unsigned i = (unsigned)owner % (PROFILE_FILE_FLOWS - 1);
    for (unsigned tried = 0; tried < PROFILE_FILE_FLOWS - 1; tried++) {
        uint64_t found = shale_atomic_load_relaxed(&flows[i].owner);
        if (found == 0)
            shale_atomic_store_relaxed(&flows[i].owner, owner + 1);
        if (found == 0 || found == owner + 1)
            break;
        i = (i + 1) % (PROFILE_FILE_FLOWS - 1);
        if (tried == PROFILE_FILE_FLOWS - 2)
            i = PROFILE_FILE_FLOWS - 1;
    }
    shale_atomic_add_single_writer(&flows[i].frees, count);
    shale_atomic_add_single_writer(&flows[i].bytes, bytes);
}

static uint64_t owner_of(const struct profile_block_entry *entry)
{
    return entry->key & ((1U << PROFILE_BLOCK_THREAD_BITS) - 1);
}

/* The clock of a block may be another thread's, which looked at it later. */
static void note_lifetime(struct profile_local *local, const struct profile_block_entry *entry)
{
    uint64_t ticks = local->now > entry->birth ? local->now - entry->birth : 0;
    shale_histogram_record(&local->record->lifetime_ticks, ticks);
}

static void note_full_free(struct profile_local *local, const struct profile_block_entry *entry)
{
    struct profile_file_thread *record = local->record;
    uint64_t size = entry->what >> PROFILE_BLOCK_SITE_BITS;
    shale_atomic_add_single_writer(&record->freed_bytes, size);
    note_lifetime(local, entry);
    if (SHALE_UNLIKELY(owner_of(entry) != local->index))
        note_flow(local, owner_of(entry), PROFILE_FILE_SCALE, size);
    change_balance(local, -(int64_t)size);
}

void profile_full_free(struct profile_local *local, uint64_t address)
{
    struct profile_block_entry entry;
    if (SHALE_LIKELY(profile_blocks_remove(&profile_recorder.blocks, address, &entry)))
        note_full_free(local, &entry);
    else
        shale_atomic_add_single_writer(&local->record->foreign_frees, 1);
}

/* ---- a sample of the blocks -------------------------------------------------------------------
 */

static double random_unit(struct profile_local *local)
{
    local->random ^= local->random << 13;
    local->random ^= local->random >> 7;
    local->random ^= local->random << 17;
    return ((double)(local->random >> 11) + 0.5) * 0x1p-53;
}

/* Gaps of a memoryless process: every byte has the same chance, whatever came before. */
static int64_t draw(struct profile_local *local, uint64_t mean)
{
    if (mean == 0)
        return INT64_MAX;
    double gap = -log(random_unit(local)) * (double)mean;
    return gap < 0x1p62 ? (int64_t)gap : INT64_MAX;
}

void profile_draw_bytes(struct profile_local *local)
{
    local->until_bytes = draw(local, profile_recorder.settings.sample_bytes);
}

void profile_draw_count(struct profile_local *local)
{
    local->until_count = draw(local, profile_recorder.settings.sample_count);
}

/* How many blocks of its size one stands for that was sampled by bytes. */
static double weight_of(uint64_t size)
{
    double mean = (double)profile_recorder.settings.sample_bytes;
    return size > 0 ? -1 / expm1(-(double)size / mean) : 1;
}

static int64_t weighed(uint64_t size)
{
    return (int64_t)(weight_of(size) * (double)size);
}

static void filter_add(uint64_t address, int change)
{
    _Atomic uint8_t *byte = profile_filter_of(address);
    uint8_t old = shale_atomic_load_relaxed(byte);
    while (old != UINT8_MAX)
        if (shale_atomic_cas_weak_relaxed(byte, &old, (uint8_t)(old + change)))
            return;
}

static uint64_t sample_site(struct profile_local *local, uint64_t size, const void *frame)
{
    struct profile_file_cached *cached = site_of(local, frame);
    if (cached == NULL)
        return PROFILE_BLOCK_NO_SITE;
    struct profile_file_site *site = profile_sites_at(&profile_recorder.sites, cached->site);
    shale_atomic_fetch_add_relaxed(&site->allocations,
                                   (uint64_t)(weight_of(size) * PROFILE_FILE_SCALE));
    shale_atomic_fetch_add_relaxed(&site->bytes, (uint64_t)weighed(size));
    shale_atomic_fetch_add_relaxed(&site->samples, 1);
    return cached->site;
}

static void add_sample(struct profile_local *local, uint64_t address, uint64_t size, unsigned tags,
                       uint64_t site)
{
    const struct profile_block_entry entry = {
        .key = key_of(local, address, tags), .what = what_of(size, site), .birth = local->now};
    if (profile_blocks_add(&profile_recorder.blocks, &entry) != 0) {
        profile_give_up();
        return;
    }
    filter_add(address, 1);
    shale_atomic_add_single_writer(&local->record->samples, 1);
    if (tags & PROFILE_BLOCK_BY_BYTES) {
        change_balance(local, weighed(size));
        profile_settle(local);
    }
}

SHALE_NOINLINE void profile_sample_alloc(struct profile_local *local, uint64_t address,
                                         uint64_t size, const void *frame)
{
    struct profile_file_live *live = &profile_recorder.image.header->live;
    uint64_t site = PROFILE_BLOCK_NO_SITE;
    unsigned tags = 0;
    uint64_t start = shale_clock_ticks();
    local->now = start;
    if (local->until_count < 0) {
        profile_draw_count(local);
        tags |= PROFILE_BLOCK_BY_COUNT;
    }
    if (local->until_bytes < 0) {
        profile_draw_bytes(local);
        tags |= PROFILE_BLOCK_BY_BYTES;
        local->last_site = NULL;
        site = sample_site(local, size, frame);
    }
    if (tags != 0)
        add_sample(local, address, size, tags, site);
    shale_atomic_fetch_add_relaxed(&live->sample_ticks, shale_clock_ticks() - start);
    shale_atomic_fetch_add_relaxed(&live->sample_timed, 1);
}

static void note_sample_free(struct profile_local *local, const struct profile_block_entry *entry)
{
    uint64_t size = entry->what >> PROFILE_BLOCK_SITE_BITS;
    if (entry->key & PROFILE_BLOCK_BY_BYTES) {
        change_balance(local, -weighed(size));
        profile_settle(local);
        shale_atomic_add_single_writer(&local->record->freed_bytes, (uint64_t)weighed(size));
    }
    if (!(entry->key & PROFILE_BLOCK_BY_COUNT))
        return;
    local->now = shale_clock_ticks();
    note_lifetime(local, entry);
    uint64_t count = profile_recorder.settings.sample_count;
    if (owner_of(entry) != local->index)
        note_flow(local, owner_of(entry), count * PROFILE_FILE_SCALE, count * size);
}

static bool remove_sample(uint64_t address, struct profile_block_entry *entry)
{
    if (!profile_blocks_remove(&profile_recorder.blocks, address, entry))
        return false;
    filter_add(address, -1);
    return true;
}

SHALE_NOINLINE void profile_sample_free(struct profile_local *local, uint64_t address)
{
    struct profile_block_entry entry;
    if (remove_sample(address, &entry))
        note_sample_free(local, &entry);
}

/* ---- realloc: freed only if it succeeds -------------------------------------------------------
 */

void profile_take_back(struct profile_local *local, const void *block, struct profile_taken *taken)
{
    uint64_t address = (uintptr_t)block;
    (void)local;
    if (profile_recorder.mode == PROFILE_FULL)
        taken->found = profile_blocks_remove(&profile_recorder.blocks, address, &taken->entry);
    else
        taken->found = shale_atomic_load_relaxed(profile_filter_of(address)) != 0 &&
                       remove_sample(address, &taken->entry);
}

void profile_put_back(struct profile_local *local, const void *block,
                      const struct profile_taken *taken)
{
    (void)local;
    if (!taken->found)
        return;
    if (profile_blocks_add(&profile_recorder.blocks, &taken->entry) != 0)
        profile_give_up();
    else if (profile_recorder.mode != PROFILE_FULL)
        filter_add((uintptr_t)block, 1);
}

void profile_record_taken(struct profile_local *local, const void *block,
                          const struct profile_taken *taken)
{
    profile_count_free(local, block);
    if (taken->found && profile_recorder.mode == PROFILE_FULL)
        note_full_free(local, &taken->entry);
    else if (taken->found)
        note_sample_free(local, &taken->entry);
    else if (profile_recorder.mode == PROFILE_FULL)
        shale_atomic_add_single_writer(&local->record->foreign_frees, 1);
}
