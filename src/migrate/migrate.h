/* SPDX-License-Identifier: MIT */
/*
 * Rewriting C sources from malloc and its family to an allocator layer. Layer 1.
 *
 * migrate_plan() reads everything and decides, and changes nothing. Then the plan can be printed
 * (diff, text, JSON, SARIF) or written (migrate_write), which goes through a journal so that the
 * tree is either old or new whatever interrupts it, and can be taken back (migrate_undo).
 */
#ifndef SHALE_MIGRATE_MIGRATE_H
#define SHALE_MIGRATE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"

enum migrate_class {
    MIGRATE_CONVERTED, /* is rewritten */
    MIGRATE_KEPT,      /* stays, rightly */
    MIGRATE_REVIEW,    /* stays, and a person should decide */
};

/*
 * X(identifier, name in reports, class, flagged, reason). A flagged site is converted or kept as
 * its class says and listed for review too.
 */
#define MIGRATE_RULE_LIST(X)                                                                       \
    X(CALL, "call", CONVERTED, false, "calls the allocator")                                       \
    X(MACRO, "macro-body", CONVERTED, false, "calls the allocator from a macro")                   \
    X(TABLE, "allocator-table", CONVERTED, false, "an entry of a table of allocator functions")    \
    X(POINTER, "function-pointer", CONVERTED, true,                                                \
      "its address is taken: whoever calls it must get blocks of the same allocator")              \
    X(STRING, "string", KEPT, false, "text in a string literal")                                   \
    X(COMMENT, "comment", KEPT, false, "text in a comment")                                        \
    X(MEMBER, "member", KEPT, false, "a member of that name, not the function")                    \
    X(DECLARATOR, "declarator", KEPT, false, "declares a function pointer of that name")           \
    X(DESIGNATOR, "designator", KEPT, false, "names the member that is initialized")               \
    X(LOCAL, "local-name", KEPT, false, "a variable, parameter or constant of that name")          \
    X(LABEL, "label", KEPT, false, "a label of that name")                                         \
    X(TAG, "tag", KEPT, false, "a struct, union or enum of that name")                             \
    X(PROTOTYPE, "prototype", KEPT, false, "declares the C library's function")                    \
    X(DEFINITION, "definition", KEPT, true, "this file defines a function of that name")           \
    X(DEFINES_NAME, "defines-macro", KEPT, true, "this file defines a macro of that name")         \
    X(OWN_ALLOCATOR, "file-defines-allocator", KEPT, true,                                         \
      "this file defines malloc, free or the like itself, as a function or a macro")               \
    X(TESTED, "preprocessor-test", KEPT, true, "a preprocessor condition asks for that name")      \
    X(PRAGMA, "pragma", REVIEW, true, "a pragma speaks of that name")                              \
    X(PASTED, "token-pasting", REVIEW, true, "is pasted or quoted by the preprocessor")            \
    X(ATTRIBUTE, "attribute", REVIEW, true, "an attribute ties this function to libc's allocator") \
    X(ATTRIBUTE_NAME, "attribute-name", KEPT, false, "the attribute of that name")                 \
    X(ASM, "asm", KEPT, false, "a symbol name for the assembler")                                  \
    X(LIBC_ITSELF, "libc-itself", KEPT, false, "names libc's own function past any layer")         \
    X(ALLOCA, "alloca", KEPT, false, "is stack memory")                                            \
    X(NO_COUNTERPART, "no-counterpart", REVIEW, true, "the layer has no function like it")         \
    X(NOT_FUNCTION, "not-the-function", REVIEW, true,                                              \
      "is used as a value of another kind; its declaration was not found")                         \
    X(TABLE_LIBC, "allocator-table-libc", REVIEW, true,                                            \
      "a table of functions whose other entries must stay libc's")                                 \
    X(LIBC_OWNED, "libc-owned", KEPT, false, "the memory comes from libc")                         \
    X(HELD_BY_LIBC, "held-by-libc", KEPT, false, "libc keeps using the memory")                    \
    X(MIXED, "mixed-owner", REVIEW, true, "the memory can come from more than one allocator")      \
    X(FOREIGN, "foreign-memory", REVIEW, true, "the memory comes from code outside the paths")     \
    X(ESCAPES, "escapes", REVIEW, true, "the memory leaves for code outside the paths")            \
    X(CALLBACK_RESULT, "callback-result", REVIEW, true,                                            \
      "code outside the paths calls this function and owns what it returns")                       \
    X(NOT_C, "not-c", REVIEW, true, "only C is converted: this is C++, Objective-C or a fragment") \
    X(GENERATED, "generated", KEPT, false, "the file is generated")                                \
    X(THIRD_PARTY, "third-party", KEPT, false, "the file is third-party code")                     \
    X(UNREADABLE, "unreadable", REVIEW, true, "the file could not be read")

enum migrate_rule {
#define MIGRATE_RULE_ENUM(id, name, class, flagged, reason) MIGRATE_RULE_##id,
    MIGRATE_RULE_LIST(MIGRATE_RULE_ENUM)
#undef MIGRATE_RULE_ENUM
        MIGRATE_RULE_COUNT,
};

struct migrate_rule_text {
    const char *name;
    const char *reason;
    enum migrate_class class;
    bool flagged;
};

extern const struct migrate_rule_text migrate_rules[MIGRATE_RULE_COUNT];

struct migrate_options {
    const char *const *paths;    /* ends with NULL */
    const char *prefix;          /* "shale", or of the header that is written */
    const char *header;          /* what is included; NULL: <shale/alloc.h> or PREFIX_alloc.h */
    const char *database;        /* compile_commands.json or its folder; NULL: looked for */
    const char *const *excludes; /* globs of paths, ends with NULL; may be NULL */
    bool force;                  /* write to a tree with uncommitted changes */
    bool no_database;
    unsigned jobs; /* 0: one for each processor */
    void (*progress)(const char *step, size_t done, size_t all, void *context); /* may be NULL */
    void *progress_context;
};

struct migrate_site {
    const char *path;
    uint32_t line;
    uint32_t column;
    uint32_t offset;
    uint32_t length;
    const char *function; /* "malloc", as written; "" for a whole file */
    enum migrate_rule rule;
    enum migrate_class class;
    bool flagged;
    bool inactive;
    const char *detail; /* what makes the reason concrete, or NULL */
};

struct migrate_change {
    char *path;     /* as reported */
    char *real;     /* absolute */
    char *old_text; /* NULL: the file is new */
    size_t old_size;
    char *new_text;
    size_t new_size;
    unsigned mode;
    struct migrate_line_edit *edits; /* by offset; for the diff */
    size_t edit_count;
};

/* One replacement: bytes [from, to) of the old text by `text`. */
struct migrate_line_edit {
    uint32_t from;
    uint32_t to;
    char *text;
};

struct migrate_plan {
    char *root; /* absolute: the git work tree or the folder that holds all paths */
    bool in_git;
    struct migrate_site *sites; /* by path and offset */
    size_t site_count;
    struct migrate_change *changes;
    size_t change_count;
    size_t file_count; /* analysed */
    size_t line_count;
    size_t totals[3];     /* sites by class */
    size_t flagged_count; /* sites to look at: review class and flagged ones */
    double seconds;
    void *owner; /* what the texts above live in */
};

/*
 * Reads the paths and decides. Changes nothing.
 *
 * @param message  gets the reason of a failure, to be freed by the caller; untouched on success.
 * @return 0; SHALE_ENOENT, SHALE_EPERM: a path; SHALE_EINVAL: an option; SHALE_EFORMAT: the
 *         compile database.
 * Threads: one plan at a time. Ownership: migrate_plan_finish. Cost: about 1 s per 500,000 lines,
 * with a compile database as long as compiling without code generation takes.
 */
SHALE_NODISCARD int migrate_plan(const struct migrate_options *options, struct migrate_plan *plan,
                                 char **message);
void migrate_plan_finish(struct migrate_plan *plan);

/*
 * Writes the plan's changes, all or none.
 *
 * @return 0; SHALE_EBUSY: uncommitted changes in git, or the files changed since they were read;
 *         SHALE_EPERM, SHALE_EIO: a file could not be written and all was put back; SHALE_EGONE:
 *         and could not be put back (the journal stays, migrate_undo finishes).
 */
SHALE_NODISCARD int migrate_write(const struct migrate_options *options,
                                  const struct migrate_plan *plan, char **message);

/*
 * Takes the last write of these paths' tree back, also one that was interrupted.
 *
 * @param restored  gets the number of files.
 * @return 0; SHALE_ENOENT: there is nothing to undo; SHALE_EBUSY: a file was changed since, and
 *         force is off; SHALE_EIO, SHALE_EPERM.
 */
SHALE_NODISCARD int migrate_undo(const struct migrate_options *options, size_t *restored,
                                 char **message);

/* Whether a write of this tree was interrupted and waits for migrate_undo. */
bool migrate_interrupted(const struct migrate_options *options);

/* The plan as a unified diff that patch and git apply take. */
void migrate_print_diff(const struct migrate_plan *plan, FILE *out);

/* One line for each site: every one, or only those to review. Then the totals. */
void migrate_print_sites(const struct migrate_plan *plan, bool all, FILE *out);
void migrate_print_totals(const struct migrate_plan *plan, FILE *out);

/* The report as JSON (docs/reference/migrate.schema.json) and as SARIF 2.1.0: flagged sites. */
SHALE_NODISCARD int migrate_print_json(const struct migrate_plan *plan, FILE *out);
SHALE_NODISCARD int migrate_print_sarif(const struct migrate_plan *plan, FILE *out);

const char *migrate_class_name(enum migrate_class class);

#endif
