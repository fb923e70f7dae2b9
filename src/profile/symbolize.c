/* SPDX-License-Identifier: MIT */
/*
 * Functions, files and lines for addresses, inlined functions included: with elfutils, in the
 * process that reports. Debug information is looked for beside the file, by build id in the
 * system's folders, and where DEBUGINFOD_URLS is set also there.
 *
 * A file that changed since the recording (another build id) gives no lines rather than wrong ones.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "profile/read.h"

enum { LINES_MAX = 64 };

struct symbolizer {
    struct shale_profile_report *report;
    Dwfl *dwfl;
    Dwfl_Module **modules; /* by the report's index; NULL not opened or not to be had */
    bool *tried;
    char *(*demangle)(const char *name, char *buffer, size_t *size, int *status);
};

static Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

/* ---- modules ----------------------------------------------------------------------------------
 */

static bool same_build(Dwfl_Module *module, const char *build_id)
{
    const unsigned char *bytes;
    GElf_Addr at;
    int count = dwfl_module_build_id(module, &bytes, &at);
    if (*build_id == '\0' || count <= 0)
        return true;
    char text[3];
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%02x", bytes[i]);
        if (strncmp(build_id + (size_t)i * 2, text, 2) != 0)
            return false;
    }
    return true;
}

static Dwfl_Module *open_module(struct symbolizer *symbolizer, uint32_t index)
{
    const struct profile_module *module = &symbolizer->report->modules[index];
    if (symbolizer->tried[index] || module->path[0] != '/')
        return symbolizer->modules[index];
    symbolizer->tried[index] = true;
    dwfl_report_begin_add(symbolizer->dwfl);
    Dwfl_Module *opened = dwfl_report_offline(symbolizer->dwfl, module->path, module->path, -1);
    dwfl_report_end(symbolizer->dwfl, NULL, NULL);
    if (opened != NULL && same_build(opened, module->build_id))
        symbolizer->modules[index] = opened;
    return symbolizer->modules[index];
}

/* The address that the file itself gives to what lies at an offset of it; 0 none. */
static uint64_t address_in_file(Elf *elf, uint64_t offset)
{
    size_t count;
    GElf_Phdr part;
    if (elf_getphdrnum(elf, &count) != 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(elf, (int)i, &part) != NULL && part.p_type == PT_LOAD &&
            offset >= part.p_offset && offset - part.p_offset < part.p_filesz)
            return part.p_vaddr + (offset - part.p_offset);
    return 0;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static const char *keep(struct symbolizer *symbolizer, const char *text)
{
    const char *kept = text != NULL ? profile_report_text(symbolizer->report, text) : "";
    return kept != NULL ? kept : "";
}

static const char *keep_name(struct symbolizer *symbolizer, const char *name)
{
    int status = -1;
    char *plain = name != NULL && name[0] == '_' && name[1] == 'Z' && symbolizer->demangle != NULL
                      ? symbolizer->demangle(name, NULL, NULL, &status)
                      : NULL;
    const char *kept = keep(symbolizer, plain != NULL && status == 0 ? plain : name);
    (free)(plain); /* the C++ library's */
    return kept;
}

/* The linkage name says the whole of a C++ function, its parameters too. */
static const char *name_of_die(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) == NULL)
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute);
    const char *name = dwarf_formstring(&attribute);
    return name != NULL ? name : dwarf_diename(die);
}

/* ---- lines ------------------------------------------------------------------------------------
 */

struct found {
    struct profile_line lines[LINES_MAX];
    uint32_t count;
};

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (dwarf_attr(die, name, &attribute) == NULL || dwarf_formudata(&attribute, &value) != 0)
        return 0;
    return (uint32_t)value;
}

/* Where an inlined function was called: the place in the function around it. */
static void set_call(struct symbolizer *symbolizer, Dwarf_Die *unit, Dwarf_Die *inlined,
                     struct profile_line *line)
{
    Dwarf_Files *files;
    size_t count;
    uint32_t file = number_of(inlined, DW_AT_call_file);
    line->line = number_of(inlined, DW_AT_call_line);
    line->column = number_of(inlined, DW_AT_call_column);
    line->file = dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count
                     ? keep(symbolizer, dwarf_filesrc(files, file, NULL, NULL))
                     : "";
}

static void set_place(struct symbolizer *symbolizer, Dwarf_Die *unit, Dwarf_Addr address,
                      struct profile_line *line)
{
    Dwarf_Line *source = dwarf_getsrc_die(unit, address);
    int number = 0, column = 0;
    line->file = "";
    if (source == NULL)
        return;
    line->file = keep(symbolizer, dwarf_linesrc(source, NULL, NULL));
    if (dwarf_lineno(source, &number) == 0)
        line->line = (uint32_t)number;
    if (dwarf_linecol(source, &column) == 0)
        line->column = (uint32_t)column;
}

/* From the innermost scope outwards, to the function that has the frame. */
static void find_scopes(struct symbolizer *symbolizer, Dwarf_Die *unit, Dwarf_Addr address,
                        struct found *found)
{
    Dwarf_Die *scopes = NULL, *around = NULL;
    int count = dwarf_getscopes(unit, address, &scopes);
    if (count > 0) {
        /* Those of a concrete instance: inlined ones lead to where they were written otherwise. */
        int outer = dwarf_getscopes_die(&scopes[0], &around);
        if (outer > 0) {
            (free)(scopes);
            scopes = around;
            count = outer;
        }
    }
    set_place(symbolizer, unit, address, &found->lines[0]);
    for (int i = 0; i < count && found->count < LINES_MAX; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        found->lines[found->count++].function = keep_name(symbolizer, name_of_die(&scopes[i]));
        if (tag == DW_TAG_subprogram || found->count == LINES_MAX)
            break;
        set_call(symbolizer, unit, &scopes[i], &found->lines[found->count]);
    }
    (free)(scopes); /* libdw's */
}

/* By the index of addresses; clang writes none (.debug_aranges), so else unit by unit. */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);
    if (unit != NULL)
        return unit;
    do
        unit = dwfl_module_nextcu(module, unit, bias);
    while (unit != NULL && dwarf_haspc(unit, address - *bias) <= 0);
    return unit;
}

static void find_lines(struct symbolizer *symbolizer, Dwfl_Module *module, Dwarf_Addr address,
                       struct found *found)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = find_unit(module, address, &bias);
    found->count = 0;
    memset(found->lines, 0, sizeof(found->lines));
    if (unit != NULL)
        find_scopes(symbolizer, unit, address - bias, found);
    if (found->count > 0)
        return;
    found->lines[0].file = found->lines[0].file != NULL ? found->lines[0].file : "";
    found->lines[0].function = keep_name(symbolizer, dwfl_module_addrname(module, address));
    found->count = 1;
}

static void symbolize_frame(struct symbolizer *symbolizer, struct profile_frame *frame)
{
    struct shale_profile_report *report = symbolizer->report;
    struct found found;
    GElf_Addr bias;
    if (frame->kind != PROFILE_FRAME_NATIVE || frame->module == PROFILE_NONE)
        return;
    const struct profile_module *module = &report->modules[frame->module];
    Dwfl_Module *opened = open_module(symbolizer, frame->module);
    Elf *elf = opened != NULL ? dwfl_module_getelf(opened, &bias) : NULL;
    if (elf == NULL)
        return;
    frame->module_address = address_in_file(elf, frame->address - module->start + module->offset);
    if (frame->module_address == 0)
        return;
    find_lines(symbolizer, opened, frame->module_address + bias, &found);
    struct profile_line *lines = profile_report_array(report, found.count, sizeof(*lines));
    if (lines == NULL)
        return;
    memcpy(lines, found.lines, sizeof(*lines) * found.count);
    frame->lines = lines;
    frame->line_count = found.count;
}

/* The C++ library is there wherever there are C++ programs; without it names stay as they are. */
static void find_demangler(struct symbolizer *symbolizer)
{
    void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
    void *function = library != NULL ? dlsym(library, "__cxa_demangle") : NULL;
    memcpy(&symbolizer->demangle, &function, sizeof(function));
}

void profile_symbolize(struct shale_profile_report *report)
{
    struct symbolizer symbolizer = {.report = report, .dwfl = dwfl_begin(&callbacks)};
    size_t count = (size_t)report->module_count + 1;
    symbolizer.modules = profile_report_array(report, count, sizeof(void *));
    symbolizer.tried = profile_report_array(report, count, sizeof(*symbolizer.tried));
    if (symbolizer.dwfl == NULL || symbolizer.modules == NULL || symbolizer.tried == NULL)
        return;
    find_demangler(&symbolizer);
    for (uint32_t i = 0; i < report->frame_count; i++)
        symbolize_frame(&symbolizer, &report->frames[i]);
    dwfl_end(symbolizer.dwfl);
    report->provenance.symbolized = true;
}
