/* SPDX-License-Identifier: MIT */
/*
 * The walker against a target that lies. Each case is a small memory image of a program with one
 * r_debug and a list of objects, in which something is wrong.
 */
#include "identify/bindings.h"
#include "identify/modules.h"
#include "identify/recognize.h"

#include <link.h>

#include "test.h"

enum {
    BASE = 0x10000,
    SIZE = 0x4000,
    HEADERS = BASE + 0x40,
    DYNAMIC = BASE + 0x200,
    DEBUG = BASE + 0x400,
    MAPS = BASE + 0x500,
};

struct target {
    unsigned char bytes[SIZE];
    unsigned reads;
};

static int read_target(const struct identify_memory *self, uint64_t address, void *out, size_t size)
{
    struct target *target = (struct target *)(uintptr_t)self->context;
    target->reads++;
    if (address < BASE || address - BASE > SIZE || size > SIZE - (address - BASE))
        return SHALE_EIO;
    memcpy(out, target->bytes + (address - BASE), size);
    return 0;
}

static void put(struct target *target, uint64_t address, const void *bytes, size_t size)
{
    memcpy(target->bytes + (address - BASE), bytes, size);
}

static void put_dynamic(struct target *target, size_t index, int64_t tag, uint64_t value)
{
    Elf64_Dyn entry = {.d_tag = tag, .d_un.d_val = value};
    put(target, DYNAMIC + index * sizeof entry, &entry, sizeof entry);
}

static void put_map(struct target *target, size_t index, uint64_t base, uint64_t next)
{
    struct link_map map = {.l_addr = base, .l_ld = (void *)(uintptr_t)DYNAMIC};
    map.l_next = (void *)(uintptr_t)next;
    put(target, MAPS + index * sizeof map, &map, sizeof map);
}

static uint64_t map_at(size_t index)
{
    return MAPS + index * sizeof(struct link_map);
}

/* A program whose own headers are in order. */
static struct target *make_target(struct identify_memory *memory)
{
    struct target *target = calloc(1, sizeof *target);
    Elf64_Ehdr header = {
        .e_phoff = HEADERS - BASE, .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3};
    Elf64_Phdr headers[3] = {
        {.p_type = PT_PHDR, .p_vaddr = HEADERS - BASE},
        {.p_type = PT_LOAD, .p_vaddr = 0, .p_memsz = SIZE, .p_filesz = SIZE, .p_flags = PF_R},
        {.p_type = PT_DYNAMIC, .p_vaddr = DYNAMIC - BASE, .p_memsz = 16 * sizeof(Elf64_Dyn)}};
    struct r_debug debug = {.r_version = 1, .r_state = RT_CONSISTENT};
    assert_non_null(target);
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    debug.r_map = (void *)(uintptr_t)map_at(0);
    put(target, BASE, &header, sizeof header);
    put(target, HEADERS, headers, sizeof headers);
    put(target, DEBUG, &debug, sizeof debug);
    put_dynamic(target, 0, DT_DEBUG, DEBUG);
    put_map(target, 0, BASE, 0);
    *memory = (struct identify_memory){.read = read_target, .context = target, .fd = -1};
    return target;
}

static int walk(const struct identify_memory *memory, struct identify_modules *modules)
{
    return identify_modules_read_once(memory, HEADERS, 3, "program", modules);
}

static void modules_sound_program_has_itself(void **state)
{
    struct identify_memory memory;
    struct identify_modules modules;
    struct target *target = make_target(&memory);
    assert_int_equal(walk(&memory, &modules), 0);
    assert_int_equal(modules.count, 1);
    assert_true(modules.items[0].executable && modules.items[0].startup);
    assert_int_equal(modules.items[0].base, BASE);
    assert_null(modules.trouble);
    identify_modules_free(&modules);
    free(target);
}

static void modules_circular_list_ends_with_trouble(void **state)
{
    struct identify_memory memory;
    struct identify_modules modules;
    struct target *target = make_target(&memory);
    put_map(target, 0, BASE, map_at(1));
    put_map(target, 1, BASE, map_at(2));
    put_map(target, 2, BASE, map_at(1));
    assert_int_equal(walk(&memory, &modules), 0);
    assert_non_null(modules.trouble);
    assert_true(modules.count <= 3);
    identify_modules_free(&modules);
    free(target);
}

static void modules_circular_list_of_unreadable_objects_ends(void **state)
{
    struct identify_memory memory;
    struct identify_modules modules;
    struct target *target = make_target(&memory);
    put_map(target, 0, BASE, map_at(1));
    put_map(target, 1, 0x7000000, map_at(1));
    assert_int_equal(walk(&memory, &modules), 0);
    assert_non_null(modules.trouble);
    assert_true(target->reads < 200000);
    identify_modules_free(&modules);
    free(target);
}

static void modules_bogus_pointers_are_errors(void **state)
{
    struct identify_memory memory;
    struct identify_modules modules;
    struct target *target = make_target(&memory);
    put_map(target, 0, BASE, UINT64_MAX - 3);
    assert_int_equal(walk(&memory, &modules), SHALE_EIO);
    identify_modules_free(&modules);
    put_dynamic(target, 0, DT_DEBUG, 0xdeadbeef000);
    assert_int_equal(walk(&memory, &modules), SHALE_EIO);
    identify_modules_free(&modules);
    put_dynamic(target, 0, DT_DEBUG, 0);
    assert_int_equal(walk(&memory, &modules), SHALE_EBUSY);
    identify_modules_free(&modules);
    assert_int_equal(identify_modules_read_once(&memory, HEADERS, UINT64_MAX, "program", &modules),
                     SHALE_EFORMAT);
    identify_modules_free(&modules);
    free(target);
}

static void modules_linker_at_work_is_busy(void **state)
{
    struct identify_memory memory;
    struct identify_modules modules;
    struct target *target = make_target(&memory);
    struct r_debug debug = {.r_version = 1, .r_state = RT_ADD};
    debug.r_map = (void *)(uintptr_t)map_at(0);
    put(target, DEBUG, &debug, sizeof debug);
    assert_int_equal(walk(&memory, &modules), SHALE_EBUSY);
    identify_modules_free(&modules);
    free(target);
}

static void modules_no_dynamic_section_is_static(void **state)
{
    struct identify_memory memory;
    struct identify_modules modules;
    struct target *target = make_target(&memory);
    assert_int_equal(identify_modules_read_once(&memory, HEADERS, 2, "program", &modules),
                     SHALE_ENOTSUP);
    identify_modules_free(&modules);
    free(target);
}

static void bindings_impossible_tables_are_trouble(void **state)
{
    struct identify_memory memory;
    struct identify_modules modules;
    struct identify_bindings bindings;
    struct target *target = make_target(&memory);
    put_dynamic(target, 1, DT_JMPREL, BASE + 0x1000);
    put_dynamic(target, 2, DT_PLTRELSZ, UINT64_MAX / 2);
    put_dynamic(target, 3, DT_RELA, 3);
    put_dynamic(target, 4, DT_RELASZ, 1 << 20);
    assert_int_equal(walk(&memory, &modules), 0);
    assert_int_equal(identify_bindings_read(&modules, false, &bindings), 0);
    assert_non_null(bindings.trouble);
    assert_int_equal(bindings.count, 0);
    identify_bindings_free(&bindings);
    identify_modules_free(&modules);
    free(target);
}

/* A small generator of its own: the cases must be the same on every machine. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void modules_random_damage_never_hangs_or_crashes(void **state)
{
    uint32_t seed = 20;
    for (int round = 0; round < 600; round++) {
        struct identify_memory memory;
        struct identify_modules modules;
        struct identify_bindings bindings = {0};
        struct target *target = make_target(&memory);
        for (int64_t tag = 1; tag < 16; tag++)
            put_dynamic(target, (size_t)tag, next_random(&seed) % 40,
                        BASE + next_random(&seed) % (2 * SIZE));
        put_dynamic(target, 14, DT_GNU_HASH, BASE + next_random(&seed) % SIZE);
        put_dynamic(target, 15, DT_SYMTAB, BASE + next_random(&seed) % SIZE);
        put_map(target, 0, BASE, map_at(1));
        put_map(target, 1, BASE, map_at(2));
        put_map(target, 2, BASE + next_random(&seed) % SIZE, map_at(next_random(&seed) % 4));
        for (int damage = 0; damage < 12; damage++)
            target->bytes[0x40 + next_random(&seed) % 0x600] = (unsigned char)next_random(&seed);
        if (walk(&memory, &modules) == 0)
            (void)!identify_bindings_read(&modules, false, &bindings);
        assert_true(target->reads < 2000000);
        identify_bindings_free(&bindings);
        identify_modules_free(&modules);
        free(target);
    }
}

/* `mov $30600, %eax; ret`, the last bytes that can be read. */
static void version_code_at_the_end_of_a_segment_is_read(void **state)
{
#if defined(__x86_64__)
    static const unsigned char code[] = {0xb8, 0x88, 0x77, 0, 0, 0xc3};
#elif defined(__aarch64__)
    static const unsigned char code[] = {0x00, 0xf1, 0x8e, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#else
    SKIP("code of this machine is not read");
    static const unsigned char code[1];
#endif
    struct identify_memory memory;
    char version[32];
    struct target *target = make_target(&memory);
    struct identify_module module = {.memory = &memory};
    uint64_t address = BASE + SIZE - sizeof code;
    put(target, address, code, sizeof code);
    identify_recognize_version(&module, identify_allocator_by_name("mimalloc"), address, version,
                               sizeof version);
    assert_string_equal(version, "3.6.0");
    free(target);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(modules_sound_program_has_itself),
    cmocka_unit_test(modules_circular_list_ends_with_trouble),
    cmocka_unit_test(modules_circular_list_of_unreadable_objects_ends),
    cmocka_unit_test(modules_bogus_pointers_are_errors),
    cmocka_unit_test(modules_linker_at_work_is_busy),
    cmocka_unit_test(modules_no_dynamic_section_is_static),
    cmocka_unit_test(bindings_impossible_tables_are_trouble),
    cmocka_unit_test(modules_random_damage_never_hangs_or_crashes),
    cmocka_unit_test(version_code_at_the_end_of_a_segment_is_read),
};

RUN_TESTS("identify_modules")
