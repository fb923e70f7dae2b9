/* SPDX-License-Identifier: MIT */
/*
 * One source file: its bytes as they are, its tokens, its preprocessor lines. Layer 1.
 *
 * Offsets are of the file as it is on disk, so that an edit is a range of bytes and everything
 * else stays what it was: line ends, byte order mark, continuations, a missing last newline.
 */
#ifndef SHALE_MIGRATE_SOURCE_H
#define SHALE_MIGRATE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "migrate/names.h"
#include "migrate/vector.h"

enum token_kind {
    TOKEN_PUNCTUATION,
    TOKEN_WORD, /* identifier or keyword */
    TOKEN_LITERAL,
    TOKEN_COMMENT,
};

struct token {
    uint32_t at; /* offset in the file */
    uint32_t length;
    uint8_t kind;
    bool first_in_line; /* of a logical line: continuations do not end one */
    uint32_t value;     /* of a word its name_id, of punctuation its characters, see PUNCT */
};

/* The value of punctuation of up to three characters: PUNCT2('-', '>'). */
#define PUNCT2(a, b)    ((uint32_t)(a) << 8 | (uint32_t)(b))
#define PUNCT3(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

enum directive_kind {
    DIRECTIVE_DEFINE,
    DIRECTIVE_UNDEF,
    DIRECTIVE_IF,   /* if, ifdef, ifndef */
    DIRECTIVE_ELSE, /* elif, else */
    DIRECTIVE_ENDIF,
    DIRECTIVE_INCLUDE,
    DIRECTIVE_PRAGMA,
    DIRECTIVE_OTHER,
};

struct directive {
    enum directive_kind kind;
    uint32_t first; /* token index of '#' */
    uint32_t end;   /* behind its last token */
    name_id name;   /* of define and undef */
    name_id word;   /* what follows '#' */
};

/* Why a file is left alone as a whole; the texts are in report.c. */
enum file_state {
    FILE_ANALYSED,
    FILE_GENERATED,
    FILE_THIRD_PARTY,
    FILE_NOT_C, /* C++, Objective-C, .inc: case 26 */
    FILE_TOO_BIG,
    FILE_NOT_TEXT, /* UTF-16 or a NUL byte */
    FILE_UNREADABLE,
};

struct source {
    char *path; /* as reports name it: relative to the root */
    char *real; /* to open it */
    char *text; /* NULL unless FILE_ANALYSED, or FILE_NOT_C and the like where sites are listed */
    size_t size;
    mode_t mode;
    dev_t device;
    ino_t inode;
    enum file_state state;
    int why; /* errno of FILE_UNREADABLE */
    bool lexed;
    VECTOR(struct token) tokens;
    VECTOR(struct directive) directives;
    VECTOR(uint32_t) code;    /* indexes of the tokens that are neither comment nor directive */
    VECTOR(uint32_t) openers; /* by position in code: of the bracket that is open there, or ~0 */
    VECTOR(uint32_t) lines;   /* offset of each line's first byte */
    bool defines_allocator;   /* case 15 */
    bool has_database_entry;
    VECTOR(struct meaning) meanings; /* by offset, from a compile database */
    VECTOR(struct byte_range) inactive;
};

struct byte_range {
    uint32_t from;
    uint32_t to;
};

/* What the compiler knows about the word at an offset (meaning.c). */
enum meaning_kind {
    MEANING_FIELD,            /* `text` is "record.field" */
    MEANING_LIBRARY_FUNCTION, /* declared in a system header */
    MEANING_OWN_FUNCTION,     /* declared or defined elsewhere */
    MEANING_VARIABLE,         /* a variable, parameter or label */
};

struct meaning {
    uint32_t at;
    uint32_t kind;
    char *text; /* owned; NULL for all but fields */
};

/*
 * Reads the file of source->real into source->text.
 *
 * @return 0; SHALE_ENOENT, SHALE_EPERM, SHALE_EIO, with the errno kept; SHALE_ERANGE when it is
 *         larger than limit bytes; SHALE_EFORMAT when it is no text in an ASCII-based encoding.
 */
SHALE_NODISCARD int source_read(struct source *source, size_t limit);

/* Frees what it holds. */
void source_finish(struct source *source);

/* A list of files. */
struct source_list {
    struct source **at;
    size_t count;
    size_t room;
};

void source_list_add(struct source_list *list, struct source *source);

/* 1-based line and column (in bytes) of an offset. */
void source_position(const struct source *source, uint32_t at, uint32_t *line, uint32_t *column);

/* "\r\n" when the file's first line ends so, else "\n". */
const char *source_line_end(const struct source *source);

static inline bool token_is(const struct token *token, uint32_t punctuation)
{
    return token->kind == TOKEN_PUNCTUATION && token->value == punctuation;
}

/* NULL: nothing is known about that word. */
const struct meaning *source_meaning(const struct source *source, uint32_t at);

#endif
