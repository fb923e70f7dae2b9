/* SPDX-License-Identifier: MIT */
/*
 * Symbol lookup in a module's dynamic symbol table, as the dynamic linker does it. Layer 1; part of
 * the self-check.
 */
#include "identify/modules.h"

#include <string.h>

#include "identify/functions.h"

/* Longer chains and tables than any real object has: a target that lies must not hold us up. */
enum { CHAIN_MAX = 4096, VERSIONS_MAX = 4096, HIDDEN = 0x8000 };

int identify_module_string(const struct identify_module *module, uint64_t offset, char *out,
                           size_t size)
{
    const struct identify_dynamic *dynamic = &module->dynamic;
    out[0] = '\0';
    if (dynamic->strtab == 0 || offset >= dynamic->strtab_size)
        return SHALE_EFORMAT;
    int status = identify_memory_text(module->memory, dynamic->strtab + offset, out, size);
    return status == SHALE_ERANGE ? 0 : status;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0;
    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        hash = (hash ^ ((hash & 0xf0000000) >> 24)) & 0x0fffffff;
    }
    return hash;
}

static bool read_word(const struct identify_module *module, uint64_t address, uint32_t *word)
{
    return identify_memory_read(module->memory, address, word, sizeof *word) == 0;
}

/* The name of the version with that index in the module's definitions; empty for none. */
static void version_name(const struct identify_module *module, unsigned index, char *out,
                         size_t size)
{
    uint64_t address = module->dynamic.verdef;
    out[0] = '\0';
    for (uint64_t i = 0; i < module->dynamic.verdef_count && i < VERSIONS_MAX; i++) {
        Elf64_Verdef definition;
        Elf64_Verdaux name;
        if (identify_memory_read(module->memory, address, &definition, sizeof definition) != 0)
            return;
        if ((definition.vd_ndx & ~HIDDEN) == index && !(definition.vd_flags & VER_FLG_BASE)) {
            if (identify_memory_read(module->memory, address + definition.vd_aux, &name,
                                     sizeof name) != 0 ||
                identify_module_string(module, name.vda_name, out, size) != 0)
                out[0] = '\0';
            return;
        }
        if (definition.vd_next == 0)
            return;
        address += definition.vd_next;
    }
}

/*
 * The rule of the dynamic linker: an unversioned definition fits any reference; a versioned one
 * fits its own version, and a reference without version when it is the default (not hidden).
 */
static bool version_fits(const struct identify_module *module, uint64_t index, const char *wanted)
{
    uint16_t entry;
    if (module->dynamic.versym == 0)
        return true;
    if (identify_memory_read(module->memory, module->dynamic.versym + index * sizeof entry, &entry,
                             sizeof entry) != 0)
        return false;
    if (!wanted)
        return !(entry & HIDDEN);
    char name[128];
    version_name(module, entry & ~HIDDEN & 0xffff, name, sizeof name);
    return name[0] ? strcmp(name, wanted) == 0 : !(entry & HIDDEN);
}

/* The address of symbol number `index` when it is a definition of that name, else 0. */
static uint64_t match_symbol(const struct identify_module *module, uint64_t index, const char *name,
                             const char *version)
{
    Elf64_Sym symbol;
    char found[128];
    if (identify_memory_read(module->memory, module->dynamic.symtab + index * sizeof symbol,
                             &symbol, sizeof symbol) != 0)
        return 0;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0 ||
        ELF64_ST_TYPE(symbol.st_info) == STT_TLS || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL)
        return 0;
    if (identify_module_string(module, symbol.st_name, found, sizeof found) != 0 ||
        strcmp(found, name) != 0 || !version_fits(module, index, version))
        return 0;
    return module->base + symbol.st_value;
}

/* Header words: buckets, first symbol, Bloom words, Bloom shift; then Bloom, buckets, chains. */
static uint64_t find_by_gnu_hash(const struct identify_module *module, const char *name,
                                 const char *version)
{
    uint32_t header[4];
    uint64_t bloom;
    uint32_t hash = gnu_hash(name);
    uint64_t table = module->dynamic.gnu_hash;
    if (identify_memory_read(module->memory, table, header, sizeof header) != 0 || header[0] == 0 ||
        header[2] == 0)
        return 0;
    uint64_t word = hash / 64 % header[2];
    if (identify_memory_read(module->memory, table + 16 + word * 8, &bloom, sizeof bloom) != 0 ||
        !(bloom >> (hash % 64) & bloom >> (hash >> (header[3] % 32)) % 64 & 1))
        return 0;
    uint64_t buckets = table + 16 + (uint64_t)header[2] * 8;
    uint64_t chains = buckets + (uint64_t)header[0] * 4;
    uint32_t index;
    if (!read_word(module, buckets + (uint64_t)(hash % header[0]) * 4, &index) || index < header[1])
        return 0;
    for (int steps = 0; steps < CHAIN_MAX; steps++, index++) {
        uint32_t entry;
        if (!read_word(module, chains + (uint64_t)(index - header[1]) * 4, &entry))
            return 0;
        uint64_t address =
            (entry | 1) == (hash | 1) ? match_symbol(module, index, name, version) : 0;
        if (address || (entry & 1))
            return address;
    }
    return 0;
}

static uint64_t find_by_sysv_hash(const struct identify_module *module, const char *name,
                                  const char *version)
{
    uint32_t header[2], index;
    uint64_t table = module->dynamic.hash;
    if (identify_memory_read(module->memory, table, header, sizeof header) != 0 || header[0] == 0)
        return 0;
    uint64_t chains = table + 8 + (uint64_t)header[0] * 4;
    if (!read_word(module, table + 8 + (uint64_t)(sysv_hash(name) % header[0]) * 4, &index))
        return 0;
    for (int steps = 0; index != 0 && steps < CHAIN_MAX; steps++) {
        uint64_t address = match_symbol(module, index, name, version);
        if (address)
            return address;
        if (index >= header[1] || !read_word(module, chains + (uint64_t)index * 4, &index))
            return 0;
    }
    return 0;
}

uint64_t identify_module_symbol(const struct identify_module *module, const char *name,
                                const char *version)
{
    if (module->dynamic.symtab == 0)
        return 0;
    if (module->dynamic.gnu_hash)
        return find_by_gnu_hash(module, name, version);
    return module->dynamic.hash ? find_by_sysv_hash(module, name, version) : 0;
}

void identify_module_find_family(struct identify_module *module)
{
    for (int i = 0; i < IDENTIFY_FUNCTION_COUNT; i++) {
        module->defined_at[i] = identify_module_symbol(module, identify_functions[i].symbol, NULL);
        module->defines[i] = module->defined_at[i] != 0;
    }
}
