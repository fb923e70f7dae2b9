/* SPDX-License-Identifier: MIT */
/*
 * One pass of the compiler's front end over a file, with the options its build uses. Layer 1.
 *
 * Words inside macro expansions are noted at the place they are written, if at all: the reader of
 * tokens asks by offset, and an answer is given only when the text there is the word itself.
 */
#include "migrate/meaning.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <clang-c/CXCompilationDatabase.h>
#include <clang-c/Index.h>

#include <shale/error.h>

enum { ARGUMENTS_MAX = 4096, FILES_MAX = 512 };

struct known_file {
    CXFile file;
    struct source *source; /* NULL: not of the world */
};

struct found {
    struct source *source;
    struct meaning meaning;
};

struct visit {
    struct meanings *meanings;
    struct known_file known[FILES_MAX];
    size_t known_count;
    VECTOR(struct found) list;
};

int meanings_open(struct meanings *meanings, const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    bool named = strcmp(base, "compile_commands.json") == 0;
    char *folder = named ? must_format("%.*s.", (int)(base - path), path) : must_copy(path);
    char *file = must_format("%s/compile_commands.json", folder);
    int error = access(file, R_OK) == 0 ? 0 : SHALE_ENOENT;
    free(file);
    CXCompilationDatabase_Error failed = CXCompilationDatabase_NoError;
    if (error == 0)
        meanings->database = clang_CompilationDatabase_fromDirectory(folder, &failed);
    free(folder);
    if (error == 0 && failed != CXCompilationDatabase_NoError)
        error = SHALE_EFORMAT;
    return error;
}

void meanings_close(struct meanings *meanings)
{
    if (meanings->database)
        clang_CompilationDatabase_dispose(meanings->database);
    meanings->database = NULL;
}

static struct source *source_named(const struct meanings *meanings, const char *name)
{
    char *real = realpath(name, NULL);
    struct source *found = NULL;
    for (size_t i = 0; real && i < meanings->count && !found; i++)
        if (strcmp(meanings->sources[i]->real, real) == 0 &&
            meanings->sources[i]->state == FILE_ANALYSED)
            found = meanings->sources[i];
    free(real);
    return found;
}

static struct source *source_of(struct visit *visit, CXFile file)
{
    for (size_t i = 0; i < visit->known_count; i++)
        if (visit->known[i].file == file)
            return visit->known[i].source;
    CXString name = clang_getFileName(file);
    const char *text = clang_getCString(name);
    struct source *source = text ? source_named(visit->meanings, text) : NULL;
    clang_disposeString(name);
    if (visit->known_count < FILES_MAX)
        visit->known[visit->known_count++] = (struct known_file){file, source};
    return source;
}

static char *field_text(CXCursor field, const char *name)
{
    CXString usr = clang_getCursorUSR(field);
    char *text = must_format("%s.%s", clang_getCString(usr), name);
    clang_disposeString(usr);
    return text;
}

static bool describe(CXCursor target, const char *name, struct meaning *meaning)
{
    switch (clang_getCursorKind(target)) {
    case CXCursor_FieldDecl:
        meaning->kind = MEANING_FIELD;
        meaning->text = field_text(target, name);
        return true;
    case CXCursor_FunctionDecl:
        meaning->kind = clang_Location_isInSystemHeader(clang_getCursorLocation(target))
                            ? MEANING_LIBRARY_FUNCTION
                            : MEANING_OWN_FUNCTION;
        return true;
    case CXCursor_VarDecl:
    case CXCursor_ParmDecl:
    case CXCursor_EnumConstantDecl:
        meaning->kind = MEANING_VARIABLE;
        return true;
    default:
        return false;
    }
}

static void note(struct visit *visit, CXCursor cursor)
{
    CXCursor target = clang_getCursorReferenced(cursor);
    if (clang_Cursor_isNull(target))
        return;
    CXFile file;
    unsigned offset;
    clang_getFileLocation(clang_getCursorLocation(cursor), &file, NULL, NULL, &offset);
    struct source *source = file ? source_of(visit, file) : NULL;
    if (!source || !source->text)
        return;
    CXString spelling = clang_getCursorSpelling(target);
    const char *name = clang_getCString(spelling);
    size_t length = name ? strlen(name) : 0;
    struct meaning meaning = {.at = offset};
    if (length && offset + length <= source->size &&
        memcmp(source->text + offset, name, length) == 0 && describe(target, name, &meaning))
        *vector_push(&visit->list) = (struct found){source, meaning};
    clang_disposeString(spelling);
}

static enum CXChildVisitResult visit_cursor(CXCursor cursor, CXCursor parent, CXClientData data)
{
    (void)parent;
    struct visit *visit = data;
    if (clang_Location_isInSystemHeader(clang_getCursorLocation(cursor)))
        return CXChildVisit_Continue;
    switch (clang_getCursorKind(cursor)) {
    case CXCursor_MemberRefExpr:
    case CXCursor_MemberRef:
    case CXCursor_DeclRefExpr:
        note(visit, cursor);
        break;
    default:
        break;
    }
    return CXChildVisit_Recurse;
}

static int compare_found(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->meaning.at < b->meaning.at ? -1 : a->meaning.at > b->meaning.at;
}

/* Gives each file what was found in it; a header that another file has served stays as it is. */
static void hand_over(struct visit *visit)
{
    if (visit->list.count)
        qsort(visit->list.at, visit->list.count, sizeof *visit->list.at, compare_found);
    pthread_mutex_lock(&visit->meanings->lock);
    for (size_t i = 0; i < visit->list.count;) {
        struct source *source = visit->list.at[i].source;
        bool taken = source->meanings.count > 0;
        for (uint32_t last = UINT32_MAX;
             i < visit->list.count && visit->list.at[i].source == source; i++) {
            struct meaning *meaning = &visit->list.at[i].meaning;
            if (taken || meaning->at == last) {
                free(meaning->text);
                continue;
            }
            last = meaning->at;
            *vector_push(&source->meanings) = *meaning;
        }
    }
    pthread_mutex_unlock(&visit->meanings->lock);
}

static void note_inactive(struct source *source, CXTranslationUnit unit)
{
    CXFile file = clang_getFile(unit, source->real);
    CXSourceRangeList *skipped = file ? clang_getSkippedRanges(unit, file) : NULL;
    for (unsigned i = 0; skipped && i < skipped->count; i++) {
        unsigned from;
        unsigned to;
        clang_getFileLocation(clang_getRangeStart(skipped->ranges[i]), NULL, NULL, NULL, &from);
        clang_getFileLocation(clang_getRangeEnd(skipped->ranges[i]), NULL, NULL, NULL, &to);
        *vector_push(&source->inactive) = (struct byte_range){from, to};
    }
    if (skipped)
        clang_disposeSourceRangeList(skipped);
}

/* The command's options without the compiler, the output and the file itself. */
static size_t read_arguments(CXCompileCommand command, const struct source *source,
                             CXString *strings, const char **arguments)
{
    size_t kept = 0;
    unsigned count = clang_CompileCommand_getNumArgs(command);
    for (unsigned i = 1; i < count && kept + 2 < ARGUMENTS_MAX; i++) {
        CXString string = clang_CompileCommand_getArg(command, i);
        const char *text = clang_getCString(string);
        size_t length = strlen(text);
        const char *base = strrchr(source->real, '/') + 1;
        bool output = strcmp(text, "-o") == 0;
        bool file = length >= strlen(base) && strcmp(text + length - strlen(base), base) == 0 &&
                    text[0] != '-';
        if (output || file || strcmp(text, "-c") == 0 || strcmp(text, "--") == 0) {
            clang_disposeString(string);
            i += output;
            continue;
        }
        strings[kept] = string;
        arguments[kept++] = text;
    }
    return kept;
}

static void compile(struct meanings *meanings, struct source *source, const char *const *arguments,
                    size_t count)
{
    CXIndex index = clang_createIndex(0, 0);
    CXTranslationUnit unit = NULL;
    if (clang_parseTranslationUnit2(index, source->real, arguments, (int)count, NULL, 0,
                                    CXTranslationUnit_DetailedPreprocessingRecord |
                                        CXTranslationUnit_KeepGoing,
                                    &unit) == CXError_Success) {
        struct visit *visit = must_alloc(sizeof *visit);
        visit->meanings = meanings;
        clang_visitChildren(clang_getTranslationUnitCursor(unit), visit_cursor, visit);
        hand_over(visit);
        vector_free(&visit->list);
        free(visit);
        note_inactive(source, unit);
        source->has_database_entry = true;
        clang_disposeTranslationUnit(unit);
    }
    clang_disposeIndex(index);
}

void meanings_find(struct meanings *meanings, struct source *source)
{
    if (!meanings->database)
        return;
    CXCompileCommands commands =
        clang_CompilationDatabase_getCompileCommands(meanings->database, source->real);
    if (commands && clang_CompileCommands_getSize(commands) > 0) {
        CXCompileCommand command = clang_CompileCommands_getCommand(commands, 0);
        CXString *strings = must_alloc(ARGUMENTS_MAX * sizeof *strings);
        const char **arguments = must_alloc(ARGUMENTS_MAX * sizeof *arguments);
        size_t count = read_arguments(command, source, strings, arguments);
        CXString folder = clang_CompileCommand_getDirectory(command);
        char *working = must_format("-working-directory=%s", clang_getCString(folder));
        arguments[count] = working;
        compile(meanings, source, arguments, count + 1);
        free(working);
        clang_disposeString(folder);
        for (size_t i = 0; i < count; i++)
            clang_disposeString(strings[i]);
        free(strings);
        free((void *)arguments);
    }
    if (commands)
        clang_CompileCommands_dispose(commands);
}
