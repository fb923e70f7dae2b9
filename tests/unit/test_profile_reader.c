/* SPDX-License-Identifier: MIT */
/* The reader on files that are damaged, cut off, or something else; suppressions; fragmentation. */
#include "profile/reader.h"

#include <fcntl.h>
#include <shale/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocks.h"
#include "profile/recorder.h"
#include "test.h"

#define BASE 0x550000000000

static char path[64], damaged[80], list[80];
static char *bytes;
static size_t size;

static SHALE_NOINLINE void took(uint64_t address, uint64_t block_size)
{
    struct profile_local *local = profile_enter();
    profile_record_alloc(local, (void *)(uintptr_t)address, block_size, __builtin_frame_address(0));
    profile_leave(local);
}

static void write_file(const char *name, const char *from, size_t length)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(from, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* A sealed profile, in a file and in memory. */
static int make_profile(void **state)
{
    static struct profile_settings settings = {
        .mode = PROFILE_FULL, .latency_every = 4, .quiet = true};
    snprintf(path, sizeof(path), "profile-reader.%d.tmp", (int)getpid());
    snprintf(damaged, sizeof(damaged), "%s.damaged", path);
    snprintf(list, sizeof(list), "%s.list", path);
    memcpy(settings.path, path, sizeof(path));
    unlink(path);
    assert_int_equal(profile_recorder_start(&settings), 0);
    for (uint64_t i = 0; i < 2000; i++)
        took(BASE + i * 64, 40);
    for (uint64_t i = 0; i < 30; i++)
        took(BASE + (UINT64_C(1) << 30) + i * 4096, 100);
    assert_int_equal(profile_recorder_stop(), 0);
    struct stat stat_of;
    assert_int_equal(stat(path, &stat_of), 0);
    size = (size_t)stat_of.st_size;
    bytes = malloc(size);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    return 0;
}

static int remove_profile(void **state)
{
    unlink(path);
    unlink(damaged);
    unlink(list);
    free(bytes);
    return 0;
}

static int try_reading(const char *name, const struct profile_read_options *options)
{
    struct shale_profile_report *report;
    struct profile_problem problem = {""};
    int result = profile_read(name, options, &report, &problem);
    if (result == 0)
        profile_report_free(report);
    else
        assert_string_not_equal(problem.text, "");
    return result;
}

static const struct profile_read_options no_symbols = {.no_symbols = true};

static void reader_missing_file_is_not_found(void **state)
{
    assert_int_equal(try_reading("no-such-profile", &no_symbols), SHALE_ENOENT);
    assert_int_equal(try_reading("/", &no_symbols), SHALE_EFORMAT);
}

static void reader_foreign_files_are_refused(void **state)
{
    static char text[1 << 16];
    memset(text, 'x', sizeof(text));
    write_file(damaged, text, 0);
    assert_int_equal(try_reading(damaged, &no_symbols), SHALE_EFORMAT);
    write_file(damaged, text, sizeof(text));
    assert_int_equal(try_reading(damaged, &no_symbols), SHALE_EFORMAT);
    memset(text, 0, sizeof(text));
    write_file(damaged, text, sizeof(text));
    assert_int_equal(try_reading(damaged, &no_symbols), SHALE_EFORMAT);
}

static void reader_other_versions_are_named(void **state)
{
    struct profile_file_header *header = (void *)bytes;
    header->about.version++;
    write_file(damaged, bytes, size);
    header->about.version--;
    assert_int_equal(try_reading(damaged, &no_symbols), SHALE_ENOTSUP);
}

/* Whatever is cut off is missed, except the padding of the last page. */
static void reader_cut_files_are_refused(void **state)
{
    const struct profile_file_header *header = (const void *)bytes;
    size_t used = shale_atomic_load_relaxed(&header->live.used);
    for (size_t length = 0; length < used; length += 1 + used / 50) {
        write_file(damaged, bytes, length);
        assert_int_equal(try_reading(damaged, &no_symbols), SHALE_EFORMAT);
    }
    write_file(damaged, bytes, used);
    assert_int_equal(try_reading(damaged, &no_symbols), 0);
}

static void reader_flipped_bits_break_the_seal(void **state)
{
    uint64_t random = random_seed("flips in a sealed file");
    const struct profile_file_header *header = (const void *)bytes;
    size_t used = shale_atomic_load_relaxed(&header->live.used);
    for (unsigned i = 0; i < 100; i++) {
        size_t at = random_below(&random, used);
        if (at / 8 == offsetof(struct profile_file_header, live.seal) / 8)
            continue;
        char bit = (char)(1 << random_below(&random, 8));
        bytes[at] ^= bit;
        write_file(damaged, bytes, size);
        bytes[at] ^= bit;
        assert_int_not_equal(try_reading(damaged, &no_symbols), 0);
    }
}

/* A file without a seal has nothing to be held against: it must not lead the reader astray. */
static void reader_unsealed_garbage_is_survived(void **state)
{
    uint64_t random = random_seed("garbage in an unsealed file");
    struct profile_file_header *header = (void *)bytes;
    char *copy = malloc(size);
    shale_atomic_store_relaxed(&header->live.seal, 0);
    unsigned read = 0;
    for (unsigned i = 0; i < 120; i++) {
        memcpy(copy, bytes, size);
        for (unsigned hit = 0; hit <= i % 7; hit++) {
            /* Mostly where the offsets and counts are. */
            size_t from = offsetof(struct profile_file_header, live);
            size_t range = i % 2 == 0 ? sizeof(header->live) : size - from;
            uint64_t word = random_next(&random) >> random_below(&random, 64);
            size_t at = from + random_below(&random, range / 8) * 8;
            if (at + 8 <= size)
                memcpy(copy + at, &word, 8);
        }
        write_file(damaged, copy, size);
        read += try_reading(damaged, &no_symbols) == 0;
    }
    free(copy);
    assert_true(read > 0 && read < 120);
}

static struct shale_profile_report *read_with(const struct profile_read_options *options)
{
    struct shale_profile_report *report;
    struct profile_problem problem;
    int result = profile_read(path, options, &report, &problem);
    if (result != 0)
        fail_msg("%s", problem.text);
    return report;
}

static void symbols_own_functions_are_named(void **state)
{
    struct shale_profile_report *report = read_with(NULL);
    const struct profile_site *site = &report->sites[0];
    bool named = false;
    for (uint32_t i = 0; i < site->frame_count; i++) {
        const struct profile_frame *frame = &report->frames[site->frames[i]];
        for (uint32_t line = 0; line < frame->line_count; line++)
            named = named || strcmp(frame->lines[line].function, "make_profile") == 0;
    }
    assert_true(report->provenance.symbolized);
    assert_true(named);
    profile_report_free(report);
}

static unsigned suppressed_with(const char *text)
{
    const struct profile_read_options options = {.suppressions = list};
    write_file(list, text, strlen(text));
    struct shale_profile_report *report = read_with(&options);
    unsigned count = 0;
    for (uint32_t i = 0; i < report->leak_count; i++)
        count += *report->leaks[i].suppressed != '\0';
    assert_int_equal(report->leak_count, 2);
    profile_report_free(report);
    return count;
}

static void suppressions_fit_as_the_leak_sanitizer_says(void **state)
{
    assert_int_equal(suppressed_with(""), 0);
    assert_int_equal(suppressed_with("# nothing\n\nrace:make_profile\n"), 0);
    assert_int_equal(suppressed_with("leak:make_profile\n"), 2);
    assert_int_equal(suppressed_with("leak:^make_prof\n"), 2);
    assert_int_equal(suppressed_with("leak:^ake_profile\n"), 0);
    assert_int_equal(suppressed_with("leak:ake_profile$\n"), 2);
    assert_int_equal(suppressed_with("leak:make_profil$\n"), 0);
    assert_int_equal(suppressed_with("leak:make*file\n"), 2);
    assert_int_equal(suppressed_with("leak:^m*_p*e$\n"), 2);
    assert_int_equal(suppressed_with("leak:test_profile_reader.c\n"), 2);
    assert_int_equal(suppressed_with("leak:test_profile_writer.c\n"), 0);
}

static void suppressions_bad_files_are_errors(void **state)
{
    const struct profile_read_options options = {.no_symbols = true, .suppressions = list};
    unlink(list);
    assert_int_equal(try_reading(path, &options), SHALE_ENOENT);
    write_file(list, "make_profile\n", 13);
    assert_int_equal(try_reading(path, &options), SHALE_EFORMAT);
}

/* 2,000 blocks of 40 at 64 apart: pages 61 % full; 30 pages with 100 bytes each: pinned. */
static void fragmentation_pages_and_pins_are_found(void **state)
{
    struct shale_profile_report *report = read_with(&no_symbols);
    const struct profile_fragmentation *shares = &report->fragmentation;
    assert_int_equal(shares->page_bytes, sysconf(_SC_PAGESIZE));
    if (shares->page_bytes != 4096) {
        profile_report_free(report);
        SKIP("the figures are for pages of 4096 bytes");
    }
    assert_int_equal(shares->occupancy[0], 30);
    assert_true(shares->occupancy[6] >= 30);
    assert_true(shares->pin_count >= 1);
    assert_int_equal(shares->pins[0].pages, 30);
    assert_int_equal(shares->pins[0].bytes, 30 * (4096 - 100));
    assert_int_equal(report->sites[shares->pins[0].site].pinned_bytes, 30 * (4096 - 100));
    profile_report_free(report);
}

#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, make_profile, remove_profile)

static const struct CMUnitTest tests[] = {
    FILE_TEST(reader_missing_file_is_not_found),
    FILE_TEST(reader_foreign_files_are_refused),
    FILE_TEST(reader_other_versions_are_named),
    FILE_TEST(reader_cut_files_are_refused),
    FILE_TEST(reader_flipped_bits_break_the_seal),
    FILE_TEST(reader_unsealed_garbage_is_survived),
    FILE_TEST(symbols_own_functions_are_named),
    FILE_TEST(suppressions_fit_as_the_leak_sanitizer_says),
    FILE_TEST(suppressions_bad_files_are_errors),
    FILE_TEST(fragmentation_pages_and_pins_are_found),
};

RUN_TESTS("profile_reader")
