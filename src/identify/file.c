/* SPDX-License-Identifier: MIT */
/*
 * Who will serve malloc in a program that does not run yet. Layer 1.
 *
 * Loads what the dynamic linker would load (as images, in its breadth-first order) and judges it
 * like a process in which nothing is bound.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identify/analyze.h"
#include "identify/elf_file.h"
#include "identify/functions.h"
#include "identify/identify.h"
#include "identify/program.h"
#include "identify/recognize.h"

/* More libraries than any program needs; a file that lies must not make us open the world. */
enum { FILES_MAX = 1024 };

/* The files of a program, opened; modules point into them, so each has an address of its own. */
struct image {
    struct identify_elf *files[FILES_MAX];
    struct identify_modules modules;
    bool musl;
    char missing[256]; /* a library that was not found */
};

static int open_file(struct image *image, const char *path)
{
    size_t index = image->modules.count;
    struct identify_elf *file = index < FILES_MAX ? malloc(sizeof *file) : NULL;
    if (!file)
        return SHALE_ENOMEM;
    int status = identify_elf_open(path, file);
    if (status != 0) {
        free(file);
        return status;
    }
    struct identify_module *module = identify_modules_add(&image->modules, path);
    if (!module) {
        identify_elf_close(file);
        free(file);
        return SHALE_ENOMEM;
    }
    image->files[index] = file;
    module->executable = index == 0;
    module->startup = true;
    if (!identify_elf_is_native(file))
        return SHALE_ENOTSUP;
    return identify_elf_module(file, module);
}

static void close_image(struct image *image)
{
    for (size_t i = 0; i < image->modules.count; i++) {
        identify_elf_close(image->files[i]);
        free(image->files[i]);
    }
    identify_modules_free(&image->modules);
    free(image);
}

static bool is_loaded(const struct image *image, const char *name)
{
    for (size_t i = 0; i < image->modules.count; i++) {
        const struct identify_module *module = &image->modules.items[i];
        if (strcmp(module->soname, name) == 0 || strcmp(identify_module_name(module), name) == 0)
            return true;
    }
    return false;
}

static void load_needed(struct image *image, size_t user)
{
    for (size_t i = 0; i < image->modules.items[user].dynamic.needed_count; i++) {
        char name[256], path[4096];
        const struct identify_module *module = &image->modules.items[user];
        if (identify_module_string(module, module->dynamic.needed[i], name, sizeof name) != 0 ||
            is_loaded(image, name))
            continue;
        /* musl's C library and its dynamic linker are one file. */
        bool found = image->musl && strncmp(name, "libc.", 5) == 0;
        if (found)
            snprintf(path, sizeof path, "%s", image->files[0]->interpreter);
        else
            found = identify_find_library(module, name, image->musl, path, sizeof path);
        if ((!found || open_file(image, path) != 0) && !image->missing[0])
            snprintf(image->missing, sizeof image->missing, "%s", name);
    }
}

/* Adds one library of LD_PRELOAD as the dynamic linker would, or notes why it would not. */
static void preload_library(struct image *image, const char *name, struct identify_report *report)
{
    char path[4096];
    struct identify_obstacle obstacle;
    const struct identify_module *program = &image->modules.items[0];
    if (!identify_find_library(program, name, image->musl, path, sizeof path)) {
        identify_add_evidence(report, "preload", name, "%s would not be loaded: it was not found",
                              name);
        return;
    }
    if (identify_preload_obstacle(program->path, path, &obstacle) != 0)
        return;
    bool loads = obstacle.kind == IDENTIFY_OBSTACLE_NONE ||
                 obstacle.kind == IDENTIFY_OBSTACLE_DEFINES_MALLOC ||
                 obstacle.kind == IDENTIFY_OBSTACLE_NOT_AN_ALLOCATOR;
    size_t index = image->modules.count;
    if (loads && open_file(image, path) == 0) {
        image->modules.items[index].preloaded = true;
        return;
    }
    identify_add_evidence(report, "preload", path, "%s would not be loaded: %s", path,
                          obstacle.reason[0] ? obstacle.reason : "it cannot be read");
    if (obstacle.remedy[0] && !report->remedy)
        identify_set(report, &report->remedy, "%s", obstacle.remedy);
}

static void preload_libraries(struct image *image, const char *list, struct identify_report *report)
{
    static const char separators[] = ": \t\n";
    const char *word = list ? list + strspn(list, separators) : "";
    for (; *word; word += strspn(word, separators)) {
        char name[4096];
        size_t length = strcspn(word, separators);
        snprintf(name, sizeof name, "%.*s", (int)length, word);
        word += length;
        preload_library(image, name, report);
    }
}

static void note_preloading(const char *path, struct identify_report *report)
{
    struct identify_obstacle obstacle;
    for (size_t i = 0; i < report->evidence_count; i++)
        if (report->evidence[i].kind && strcmp(report->evidence[i].kind, "preload") == 0)
            return;
    if (identify_preload_obstacle(path, NULL, &obstacle) != 0)
        return;
    if (obstacle.kind == IDENTIFY_OBSTACLE_NONE) {
        identify_add_evidence(report, "preload", path, "would work");
        return;
    }
    identify_add_evidence(report, "preload", path, "would not work: %s", obstacle.reason);
    if (!report->remedy && report->verdict != SHALE_VERDICT_ACTIVE)
        identify_set(report, &report->remedy, "%s", obstacle.remedy);
}

static int judge_dynamic(struct image *image, struct identify_subject *subject,
                         const struct identify_options *options, struct identify_report *report)
{
    char note[512];
    image->musl = strstr(image->files[0]->interpreter, "ld-musl") != NULL;
    preload_libraries(image, subject->preload, report);
    for (size_t i = 0; i < image->modules.count && i < FILES_MAX; i++)
        load_needed(image, i);
    if (image->missing[0]) {
        snprintf(note, sizeof note, "its library %s was not found or cannot be read",
                 image->missing);
        image->modules.trouble = note;
        identify_add_evidence(report, "file", image->missing, "not found or not readable");
    }
    int status = identify_analyze(subject, options, report);
    image->modules.trouble = NULL;
    return status;
}

static int judge_library(struct image *image, struct identify_report *report)
{
    struct identify_library library;
    int status = identify_library_file(image->modules.items[0].path, &library);
    if (status != 0)
        return status;
    report->verdict = SHALE_VERDICT_UNKNOWN;
    identify_set(report, &report->reason,
                 "it is a library (%s%s%s), and the program decides who serves malloc%s",
                 library.allocator        ? library.allocator->name
                 : library.defines_malloc ? "with a malloc of its own"
                                          : "without a malloc",
                 library.version[0] ? " " : "", library.version,
                 library.defines_malloc ? "; preloaded, this one would offer its own" : "");
    return report->out_of_memory ? SHALE_ENOMEM : 0;
}

static int judge_static(const struct identify_subject *subject,
                        const struct identify_symtab *symtab,
                        const struct identify_options *options, struct identify_report *report)
{
    int status =
        identify_analyze_static(subject, !symtab->present, symtab->defines_malloc, options, report);
    if (symtab->go_runtime)
        identify_add_layer(report, "Go heap: Go values live in the runtime's own heap (mmap)");
    return status;
}

static int judge(struct image *image, const struct identify_options *options,
                 struct identify_report *report)
{
    struct identify_symtab symtab;
    const struct identify_elf *file = image->files[0];
    identify_elf_symtab(file, &symtab);
    struct identify_subject subject = {.modules = &image->modules,
                                       .image = true,
                                       .preload = options ? options->preload : NULL,
                                       .embedded = symtab.allocator,
                                       .embedded_evidence = symtab.evidence,
                                       .version_symbol = symtab.version_symbol,
                                       .hidden_malloc = symtab.defines_malloc &&
                                                        !image->modules.items[0].defines[0]};
    if (!symtab.present && !image->modules.items[0].defines[0])
        subject.embedded =
            identify_recognize_text(&image->modules.items[0], &subject.embedded_evidence);
    if (identify_elf_is_library(file))
        return judge_library(image, report);
    if (identify_elf_is_static(file))
        return judge_static(&subject, &symtab, options, report);
    return judge_dynamic(image, &subject, options, report);
}

static int explain(int status, const char *path, struct identify_report *report)
{
    identify_set(report, &report->reason, "%s",
                 status == SHALE_ENOENT   ? "no such file"
                 : status == SHALE_EPERM  ? "permission denied"
                 : status == SHALE_EIO    ? "it cannot be read"
                 : status == SHALE_ENOMEM ? "out of memory"
                                          : "it is neither an ELF program nor a script, or broken");
    if (status == SHALE_ENOENT && strcmp(path, report->target) != 0)
        identify_set(report, &report->reason, "its interpreter was not found (%s)", path);
    if (status == SHALE_EPERM)
        identify_set(report, &report->remedy, "make it readable: chmod +r, or run this as root");
    return status;
}

/* A file of another machine or without headers is a finding, not an error of ours. */
static int judge_foreign(const struct image *image, struct identify_report *report)
{
    char machine[64];
    identify_elf_describe(image->files[0], machine, sizeof machine);
    report->verdict = SHALE_VERDICT_UNKNOWN;
    identify_set(report, &report->reason,
                 "it is a %s program, and only programs of this machine can be judged", machine);
    return report->out_of_memory ? SHALE_ENOMEM : 0;
}

static int begin(const char *path, char *program, size_t size, struct identify_report *report)
{
    report->method = "file";
    identify_set(report, &report->target, "%s", path);
    int status = identify_follow_script(path, program, size);
    if (status != 0)
        return status;
    identify_set(report, &report->executable, "%s", program);
    if (strcmp(program, path) != 0)
        identify_add_evidence(report, "file", path, "a script that %s executes", program);
    return 0;
}

int identify_file(const char *path, const struct identify_options *options,
                  struct identify_report *report)
{
    char program[4096] = "", build_id[96];
    int status = begin(path, program, sizeof program, report);
    struct image *image = calloc(1, sizeof *image);
    if (!image)
        status = SHALE_ENOMEM;
    if (status == 0)
        status = open_file(image, program);
    if (image && image->modules.count > 0) {
        bool native = identify_elf_is_native(image->files[0]);
        bool plain = status == 0 || (status == SHALE_ENOTSUP && native);
        identify_elf_build_id(image->files[0], build_id, sizeof build_id);
        if (build_id[0])
            identify_set(report, &report->build_id, "%s", build_id);
        if (plain)
            status = judge(image, options, report);
        else if (!native)
            status = judge_foreign(image, report);
        if (status == 0)
            note_preloading(path, report);
    }
    if (status != 0 && !report->reason)
        status = explain(status, program, report);
    if (image)
        close_image(image);
    return status;
}

static void fill_library(struct identify_elf *file, struct identify_module *module,
                         struct identify_library *library)
{
    struct identify_symtab symtab;
    identify_elf_symtab(file, &symtab);
    identify_recognize(module);
    *library = (struct identify_library){
        .allocator = module->allocator ? module->allocator : symtab.allocator,
        .defines_malloc =
            module->defines[IDENTIFY_MALLOC] && module->defines[identify_function_index("free")]};
    snprintf(library->soname, sizeof library->soname, "%s", module->soname);
    if (library->allocator)
        identify_recognize_version(module, library->allocator, symtab.version_symbol,
                                   library->version, sizeof library->version);
}

int identify_library_file(const char *path, struct identify_library *library)
{
    struct identify_elf file;
    struct identify_modules modules = {0};
    int status = identify_elf_open(path, &file);
    if (status != 0)
        return status;
    struct identify_module *module = identify_modules_add(&modules, path);
    if (!module)
        status = SHALE_ENOMEM;
    else if (!identify_elf_is_native(&file) || file.header.e_type != ET_DYN)
        status = SHALE_EFORMAT;
    else
        status = identify_elf_module(&file, module) == 0 ? 0 : SHALE_EFORMAT;
    if (status == 0)
        fill_library(&file, module, library);
    identify_modules_free(&modules);
    identify_elf_close(&file);
    return status;
}
