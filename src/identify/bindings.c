/* SPDX-License-Identifier: MIT */
/* Reading relocations and GOT slots. Layer 1; part of the self-check. */
#define _GNU_SOURCE
#include "identify/bindings.h"

#include <stdlib.h>
#include <string.h>

#include "identify/functions.h"

/* A relocation table of 256 MiB is not of this world: a target that lies must not exhaust us. */
enum { TABLE_MAX = 256 << 20 };

/* The relocations that fill a slot with the address of a function. */
#if defined(__x86_64__)
enum { SLOT_DATA = R_X86_64_GLOB_DAT, SLOT_CALL = R_X86_64_JUMP_SLOT };
#elif defined(__aarch64__)
enum { SLOT_DATA = R_AARCH64_GLOB_DAT, SLOT_CALL = R_AARCH64_JUMP_SLOT };
#elif defined(__riscv)
enum { SLOT_DATA = R_RISCV_64, SLOT_CALL = R_RISCV_JUMP_SLOT };
#elif defined(__powerpc64__)
enum { SLOT_DATA = R_PPC64_GLOB_DAT, SLOT_CALL = R_PPC64_JMP_SLOT };
#elif defined(__s390x__)
enum { SLOT_DATA = R_390_GLOB_DAT, SLOT_CALL = R_390_JMP_SLOT };
#else
#error "name the relocations of this architecture that fill a GOT slot"
#endif

/* One module's symbols as far as its relocations name them. */
struct symbol_table {
    Elf64_Sym *symbols;
    size_t count;
    char *names;
    size_t names_size;
};

void identify_bindings_free(struct identify_bindings *bindings)
{
    free(bindings->items);
    *bindings = (struct identify_bindings){0};
}

static int add_binding(struct identify_bindings *bindings, const struct identify_binding *binding)
{
    /* Grows at powers of two. */
    if ((bindings->count & (bindings->count - 1)) == 0) {
        size_t room = bindings->count ? bindings->count * 2 : 1;
        struct identify_binding *items =
            reallocarray(bindings->items, room, sizeof *bindings->items);
        if (!items)
            return SHALE_ENOMEM;
        bindings->items = items;
    }
    bindings->items[bindings->count++] = *binding;
    return 0;
}

/* A copy of a table in the target, or NULL with the error. */
static void *copy_table(const struct identify_module *module, uint64_t address, uint64_t size,
                        int *status)
{
    *status = 0;
    if (address == 0 || size == 0)
        return NULL;
    if (size > TABLE_MAX || address < module->start || address >= module->end ||
        size > module->end - address) {
        *status = SHALE_EFORMAT;
        return NULL;
    }
    void *copy = malloc((size_t)size + 1);
    if (!copy) {
        *status = SHALE_ENOMEM;
        return NULL;
    }
    *status = identify_memory_read(module->memory, address, copy, (size_t)size);
    ((char *)copy)[size] = '\0';
    if (*status == 0)
        return copy;
    free(copy);
    return NULL;
}

static bool fills_slot(const Elf64_Rela *entry)
{
    uint64_t type = ELF64_R_TYPE(entry->r_info);
    return type == SLOT_CALL || type == SLOT_DATA;
}

static const char *symbol_name(const struct symbol_table *table, const Elf64_Rela *entry)
{
    uint64_t index = ELF64_R_SYM(entry->r_info);
    if (index == 0 || index >= table->count || table->symbols[index].st_name >= table->names_size)
        return "";
    return table->names + table->symbols[index].st_name;
}

static int load_symbols(const struct identify_module *module, const Elf64_Rela *entries,
                        size_t count, struct symbol_table *table)
{
    uint64_t last = 0;
    int status;
    *table = (struct symbol_table){0};
    for (size_t i = 0; i < count; i++)
        if (fills_slot(&entries[i]) && ELF64_R_SYM(entries[i].r_info) > last)
            last = ELF64_R_SYM(entries[i].r_info);
    if (last == 0)
        return 0;
    table->symbols =
        copy_table(module, module->dynamic.symtab, (last + 1) * sizeof(Elf64_Sym), &status);
    if (!table->symbols)
        return status;
    table->count = (size_t)last + 1;
    table->names = copy_table(module, module->dynamic.strtab, module->dynamic.strtab_size, &status);
    table->names_size = table->names ? (size_t)module->dynamic.strtab_size : 0;
    return status;
}

/*
 * An object is in the list before its slots are filled: until then a slot holds what the file has,
 * the offset of a PLT entry.
 */
static bool is_unrelocated(const struct identify_modules *modules,
                           const struct identify_binding *binding)
{
    const struct identify_module *caller = &modules->items[binding->module];
    return binding->target_module < 0 && caller->base != 0 &&
           binding->target < caller->end - caller->base;
}

static int note_slot(const struct identify_modules *modules, size_t index, int function,
                     const Elf64_Rela *entry, bool image, struct identify_bindings *bindings)
{
    const struct identify_module *module = &modules->items[index];
    struct identify_binding binding = {
        .module = index, .function = function, .state = IDENTIFY_BINDING_LAZY, .target_module = -1};
    if (!image) {
        int status = identify_memory_read(module->memory, module->base + entry->r_offset,
                                          &binding.target, sizeof binding.target);
        if (status != 0) {
            bindings->trouble = "some slots of the global offset tables cannot be read";
            return status == SHALE_EGONE ? status : 0;
        }
        binding.target_module = identify_modules_at(modules, binding.target);
        binding.state = binding.target == 0                 ? IDENTIFY_BINDING_MISSING
                        : is_unrelocated(modules, &binding) ? IDENTIFY_BINDING_LAZY
                                                            : IDENTIFY_BINDING_BOUND;
    }
    return add_binding(bindings, &binding);
}

static int read_relocations(const struct identify_modules *modules, size_t index, uint64_t address,
                            uint64_t size, bool image, struct identify_bindings *bindings)
{
    int status;
    struct symbol_table table = {0};
    Elf64_Rela *entries = copy_table(&modules->items[index], address, size, &status);
    size_t count = entries ? (size_t)(size / sizeof *entries) : 0;
    if (entries)
        status = load_symbols(&modules->items[index], entries, count, &table);
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (!fills_slot(&entries[i]))
            continue;
        int function = identify_function_index(symbol_name(&table, &entries[i]));
        if (function >= 0)
            status = note_slot(modules, index, function, &entries[i], image, bindings);
    }
    free(table.symbols);
    free(table.names);
    free(entries);
    if (status == SHALE_EFORMAT || status == SHALE_EIO) {
        bindings->trouble = "the relocations of some objects cannot be read";
        status = 0;
    }
    return status;
}

/* The slot of the executable for the same function: where its canonical PLT entry leads. */
static const struct identify_binding *executable_slot(const struct identify_bindings *bindings,
                                                      const struct identify_modules *modules,
                                                      int function)
{
    for (size_t i = 0; i < bindings->count; i++) {
        const struct identify_binding *binding = &bindings->items[i];
        if (modules->items[binding->module].executable && binding->function == function &&
            binding->target_module != (int)binding->module)
            return binding;
    }
    return NULL;
}

/*
 * A slot that leads into the executable or the caller, where neither defines the function, leads
 * to a PLT entry: the caller's own waits for its first call; the executable's stands for the
 * function's address in the whole process and jumps on through the executable's slot.
 */
static void follow_plt(const struct identify_modules *modules, struct identify_bindings *bindings,
                       struct identify_binding *binding)
{
    if (binding->state != IDENTIFY_BINDING_BOUND || binding->target_module < 0)
        return;
    const struct identify_module *target = &modules->items[binding->target_module];
    if (target->defines[binding->function])
        return;
    if (target->executable) {
        const struct identify_binding *slot = executable_slot(bindings, modules, binding->function);
        if (slot && slot->state == IDENTIFY_BINDING_BOUND) {
            binding->target = slot->target;
            binding->target_module = slot->target_module;
            return;
        }
    } else if (binding->target_module != (int)binding->module) {
        return;
    }
    binding->state = IDENTIFY_BINDING_LAZY;
    binding->target_module = -1;
}

int identify_bindings_read(const struct identify_modules *modules, bool image,
                           struct identify_bindings *bindings)
{
    *bindings = (struct identify_bindings){0};
    for (size_t i = 0; i < modules->count; i++) {
        const struct identify_dynamic *dynamic = &modules->items[i].dynamic;
        int status =
            read_relocations(modules, i, dynamic->jmprel, dynamic->jmprel_size, image, bindings);
        if (status == 0)
            status =
                read_relocations(modules, i, dynamic->rela, dynamic->rela_size, image, bindings);
        if (status != 0)
            return status;
    }
    for (size_t i = 0; i < bindings->count; i++)
        follow_plt(modules, bindings, &bindings->items[i]);
    return 0;
}
