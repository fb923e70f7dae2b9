/* SPDX-License-Identifier: MIT */
/* Recognising allocators and reading their versions. Layer 1; part of the self-check. */
#define _GNU_SOURCE
#include "identify/recognize.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "identify/functions.h"

enum { OVERLAP = 256, SCAN_MAX = 256 << 20, HASH_DIGITS = 40 };

/* What a scan looks for, and what it found. */
struct search {
    const char *before;                           /* text right before a version */
    const struct identify_allocator *first, *end; /* whose texts are looked for */
    const struct identify_allocator *allocator;
    const char *text; /* of the allocator that was found */
    char version[64];
};

static void scan_module(const struct identify_module *module,
                        bool (*found)(const char *bytes, size_t size, void *context),
                        struct search *search)
{
    for (size_t i = 0; i < module->segment_count; i++) {
        const struct identify_segment *segment = &module->segments[i];
        uint64_t size = segment->file_size < SCAN_MAX ? segment->file_size : SCAN_MAX;
        if (!(segment->flags & PF_W) &&
            identify_memory_scan(module->memory, segment->start, segment->start + size, OVERLAP,
                                 found, search))
            return;
    }
}

/* The text, and more behind it. */
static bool has_text_with_more(const char *bytes, size_t size, const char *text)
{
    size_t length = strlen(text);
    const char *end = bytes + size;
    const char *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), text, length))) {
        at += length;
        if (at < end && *at != '\0')
            return true;
    }
    return false;
}

static bool find_known_text(const char *bytes, size_t size, void *context)
{
    struct search *search = context;
    for (const struct identify_allocator *entry = search->first; entry < search->end; entry++)
        for (const char *const *text = entry->strings; *text; text++) {
            if (!has_text_with_more(bytes, size, *text))
                continue;
            search->allocator = entry;
            search->text = *text;
            return true;
        }
    return false;
}

const struct identify_allocator *identify_recognize_text(const struct identify_module *module,
                                                         const char **text)
{
    const struct identify_allocator *end = identify_allocators + 1;
    while (end->name)
        end++;
    struct search search = {.first = identify_allocators + 1, .end = end};
    scan_module(module, find_known_text, &search);
    /* The C library's last: a program with another allocator holds parts of it all the same. */
    if (!search.allocator) {
        search.first = identify_allocators;
        search.end = identify_allocators + 1;
        scan_module(module, find_known_text, &search);
    }
    *text = search.text;
    return search.allocator;
}

static bool find_version_text(const char *bytes, size_t size, void *context)
{
    struct search *search = context;
    const char *at = memmem(bytes, size, search->before, strlen(search->before));
    if (!at)
        return false;
    at += strlen(search->before);
    size_t length = 0;
    while (at + length < bytes + size && length + 1 < sizeof search->version &&
           (isdigit((unsigned char)at[length]) || at[length] == '.'))
        length++;
    while (length > 0 && at[length - 1] == '.')
        length--;
    memcpy(search->version, at, length);
    search->version[length] = '\0';
    return length > 0;
}

static bool all_hex(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* "5.3.0-0-g54eaed1d..." is release 5.3.0; "5.2.1-75-g1a2b..." is 75 commits after 5.2.1. */
static bool find_jemalloc_version(const char *bytes, size_t size, void *context)
{
    struct search *search = context;
    const char *end = bytes + size;
    for (const char *at = bytes; (at = memmem(at, (size_t)(end - at), "-g", 2)); at += 2) {
        if (end - at < 2 + HASH_DIGITS || !all_hex(at + 2, HASH_DIGITS))
            continue;
        const char *start = at;
        while (start > bytes &&
               (isdigit((unsigned char)start[-1]) || start[-1] == '.' || start[-1] == '-'))
            start--;
        const char *dash = memchr(start, '-', (size_t)(at - start));
        if (!dash || !isdigit((unsigned char)*start))
            continue;
        bool release = at - dash == 2 && dash[1] == '0';
        snprintf(search->version, sizeof search->version, "%.*s",
                 (int)(release ? dash - start : at + 9 - start), start);
        return true;
    }
    return false;
}

/* Of musl: "1.2.3" as a text of its own. */
static bool find_bare_version(const char *bytes, size_t size, void *context)
{
    struct search *search = context;
    for (size_t i = 0; i + 8 < size; i++) {
        const char *at = bytes + i;
        if (at[0] != '\0' || at[1] != '1' || at[2] != '.' || !isdigit((unsigned char)at[3]) ||
            at[4] != '.' || !isdigit((unsigned char)at[5]))
            continue;
        size_t length = isdigit((unsigned char)at[6]) ? 6 : 5;
        if (at[1 + length] != '\0')
            continue;
        snprintf(search->version, sizeof search->version, "musl-%.*s", (int)length, at + 1);
        return true;
    }
    return false;
}

/* The bytes from the address on, as many as there are: the segment may end right behind them. */
static void read_code(const struct identify_module *module, uint64_t address, unsigned char *code,
                      size_t size)
{
    memset(code, 0, size);
    while (size > 0 && identify_memory_read(module->memory, address, code, size) != 0)
        memset(code, 0, size--);
}

/* The constant that mi_version returns, read from its code; 0 when it is not of this form. */
static int returned_constant(const struct identify_module *module, uint64_t address)
{
    unsigned char code[16];
    read_code(module, address, code, sizeof code);
#if defined(__x86_64__)
    static const unsigned char endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
    static const unsigned char frame[] = {0x55, 0x48, 0x89, 0xe5};
    size_t at = memcmp(code, endbr, sizeof endbr) == 0 ? sizeof endbr : 0;
    if (memcmp(code + at, frame, sizeof frame) == 0)
        at += sizeof frame;
    if (code[at] != 0xb8)
        return 0;
    return code[at + 1] | code[at + 2] << 8 | code[at + 3] << 16;
#elif defined(__aarch64__)
    uint32_t words[2];
    memcpy(words, code, sizeof words);
    if (words[0] == 0xd503245f) /* bti c */
        memcpy(words, code + 4, sizeof words);
    return (words[0] & 0xffe0001f) == 0x52800000 ? (int)(words[0] >> 5 & 0xffff) : 0;
#else
    return 0;
#endif
}

static void mimalloc_version(const struct identify_module *module, uint64_t symbol, char *out,
                             size_t size)
{
    uint64_t address = symbol ? symbol : identify_module_symbol(module, "mi_version", NULL);
    int number = address ? returned_constant(module, address) : 0;
    if (number > 0)
        identify_mimalloc_version(number, out, size);
}

static bool is_musl(const struct identify_module *module)
{
    return identify_module_symbol(module, "__libc_start_main", NULL) &&
           !identify_module_symbol(module, "gnu_get_libc_version", NULL);
}

void identify_recognize_version(const struct identify_module *module,
                                const struct identify_allocator *allocator, uint64_t version_symbol,
                                char *out, size_t size)
{
    struct search search = {.before = allocator->version_before};
    out[0] = '\0';
    switch (allocator->version_method) {
    case IDENTIFY_VERSION_MIMALLOC:
        mimalloc_version(module, version_symbol, out, size);
        return;
    case IDENTIFY_VERSION_JEMALLOC:
        scan_module(module, find_jemalloc_version, &search);
        break;
    case IDENTIFY_VERSION_TEXT:
        if (allocator == identify_allocators && is_musl(module))
            scan_module(module, find_bare_version, &search);
        else
            scan_module(module, find_version_text, &search);
        break;
    case IDENTIFY_VERSION_NONE:
        break;
    }
    snprintf(out, size, "%s", search.version);
}

/* "system" comes first in the table and last here: other allocators define libc-like names. */
void identify_recognize(struct identify_module *module)
{
    if (module->identified)
        return;
    module->identified = true;
    for (const struct identify_allocator *entry = identify_allocators + 1; entry->name; entry++)
        for (const char *const *symbol = entry->symbols; *symbol; symbol++)
            if (identify_module_symbol(module, *symbol, NULL)) {
                module->allocator = entry;
                module->allocator_evidence = *symbol;
                return;
            }
    if (!module->defines[IDENTIFY_MALLOC])
        return;
    if (!module->executable && identify_module_symbol(module, "__libc_start_main", NULL)) {
        module->allocator = identify_allocators;
        module->allocator_evidence = "__libc_start_main";
        return;
    }
    module->allocator = identify_recognize_text(module, &module->allocator_evidence);
}
