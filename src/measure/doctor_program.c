/* SPDX-License-Identifier: MIT */
/* The doctor's checks of a program. Layer 4. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identify/elf_file.h"
#include "identify/identify.h"
#include "measure/doctor_internal.h"

static const char program[] = "program";

/* Builds without frame pointers have them in a few per cent of the functions, such as those that
   use alloca; builds with them lack them in leaf functions and thunks. */
static const double FRAME_POINTERS_MIN = 0.3;

/* The data of a section by name, or NULL. */
static Elf_Data *section_data(const struct identify_elf *file, const char *wanted)
{
    Elf_Scn *section = NULL;
    size_t names;
    if (elf_getshdrstrndx(file->elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        const char *name =
            gelf_getshdr(section, &header) ? elf_strptr(file->elf, names, header.sh_name) : NULL;
        if (name && strcmp(name, wanted) == 0)
            return elf_rawdata(section, NULL);
    }
    return NULL;
}

/* Functions by the sorted table of .eh_frame_hdr; 0 without one. */
static size_t function_count(const struct identify_elf *file)
{
    enum { COUNT_AT = 8, UDATA4 = 3 };
    const Elf_Data *data = section_data(file, ".eh_frame_hdr");
    if (!data || data->d_size < COUNT_AT + 4)
        return 0;
    const unsigned char *header = data->d_buf;
    unsigned int count;
    if (header[0] != 1 || header[2] != UDATA4)
        return 0;
    memcpy(&count, header + COUNT_AT, sizeof count);
    return count;
}

static size_t count_pattern(const Elf_Data *data, const void *pattern, size_t size)
{
    size_t count = 0;
    const char *at = data->d_buf;
    const char *end = at + data->d_size;
    while ((at = memmem(at, (size_t)(end - at), pattern, size))) {
        count++;
        at += size;
    }
    return count;
}

int doctor_frame_pointers(const char *path, double *share)
{
    static const unsigned char prologue[] = {0x55, 0x48, 0x89, 0xe5}; /* push rbp; mov rbp, rsp */
    struct identify_elf file;
    int result = identify_elf_open(path, &file);
    if (result < 0)
        return result;
    size_t functions = file.header.e_machine == EM_X86_64 ? function_count(&file) : 0;
    const Elf_Data *text = section_data(&file, ".text");
    result = SHALE_ENOTSUP;
    if (functions > 0 && text && text->d_buf) {
        double found = (double)count_pattern(text, prologue, sizeof prologue);
        *share = found < (double)functions ? found / (double)functions : 1;
        result = 0;
    }
    identify_elf_close(&file);
    return result;
}

static void check_frame_pointers(struct doctor_report *report, const char *path)
{
    double share;
    if (doctor_frame_pointers(path, &share) < 0)
        return;
    if (share >= FRAME_POINTERS_MIN)
        doctor_ok(report, program, "frame pointers", "%.0f %% of the functions keep one",
                  100 * share);
    else
        doctor_note(report, program, "frame pointers", DOCTOR_WARN,
                    "call stacks taken by frame pointers end early; only unwind tables give whole "
                    "ones, and they are slower",
                    "build it with -fno-omit-frame-pointer before you profile it",
                    "%.0f %% of the functions keep one", 100 * share);
}

static void check_symbols(struct doctor_report *report, const char *path)
{
    struct identify_elf file;
    if (identify_elf_open(path, &file) < 0)
        return;
    bool named = section_data(&file, ".symtab") != NULL;
    bool lines = section_data(&file, ".debug_info") || section_data(&file, ".zdebug_info");
    identify_elf_close(&file);
    if (named)
        doctor_ok(report, program, "symbols", "function names are there%s",
                  lines ? ", and source lines" : "");
    else
        doctor_note(report, program, "symbols", DOCTOR_WARN,
                    "profiles show addresses instead of names of its functions",
                    "install its debug symbols (Debian: NAME-dbgsym), or build it without -s",
                    "it is stripped");
}

static void check_layers(struct doctor_report *report, const char *path)
{
    struct identify_report identity;
    identify_report_init(&identity);
    if (identify_file(path, NULL, &identity) == 0 && identity.layer_count > 0)
        doctor_note(report, program, "own heap", DOCTOR_WARN,
                    "what it allocates there never reaches malloc, so no allocator changes it",
                    "switch it off where the line above says how, else compare with this in mind",
                    "%s", identity.layers[0]);
    identify_report_free(&identity);
}

static void check_preload(struct doctor_report *report, const char *path,
                          const struct identify_obstacle *obstacle)
{
    if (obstacle->kind != IDENTIFY_OBSTACLE_NONE)
        doctor_note(report, program, "preloading", DOCTOR_FAIL,
                    "an allocator that is preloaded would not serve it", obstacle->remedy, "%s",
                    obstacle->reason);
    else
        doctor_ok(report, program, "preloading", "an allocator can be preloaded into %s",
                  *obstacle->program ? obstacle->program : path);
}

void doctor_check_program(struct doctor_report *report, const char *name)
{
    char path[PATH_MAX];
    struct identify_obstacle obstacle;
    int result = launch_resolve(name, NULL, path, sizeof path);
    if (result < 0) {
        doctor_note(report, program, "executable", DOCTOR_FAIL, "it cannot be started",
                    result == SHALE_ENOENT ? "check the name, or give its path"
                                           : "make it executable with chmod +x",
                    "'%.400s': %s", name, strerror(errno));
        return;
    }
    if (identify_preload_obstacle(path, NULL, &obstacle) < 0)
        return;
    const char *file = *obstacle.program ? obstacle.program : path;
    char real[PATH_MAX];
    char real_file[PATH_MAX];
    bool is_script =
        realpath(path, real) && realpath(file, real_file) && strcmp(real, real_file) != 0;
    if (is_script)
        doctor_ok(report, program, "executable", "%.200s, a script that %.200s runs", path, file);
    else
        doctor_ok(report, program, "executable", "%.400s", path);
    check_preload(report, file, &obstacle);
    if (obstacle.kind == IDENTIFY_OBSTACLE_UNREADABLE || obstacle.kind == IDENTIFY_OBSTACLE_NOT_ELF)
        return;
    check_layers(report, file);
    check_symbols(report, file);
    check_frame_pointers(report, file);
}
