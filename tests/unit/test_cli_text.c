/* SPDX-License-Identifier: MIT */
/* Blocks of a text, filling, and near words. */
#include "cli/text.h"

#include "test.h"

/* What text_print writes; freed by the caller. */
static char *printed(const char *text, size_t indent, bool with_entries)
{
    char *out = NULL;
    size_t size;
    FILE *stream = open_memstream(&out, &size);
    assert_non_null(stream);
    text_print(stream, text, indent, with_entries);
    fclose(stream);
    return out;
}

static void check(const char *text, bool with_entries, const char *expected)
{
    char *out = printed(text, 2, with_entries);
    assert_string_equal(out, expected);
    free(out);
}

static void print_paragraphs_are_filled_and_kept_apart(void **state)
{
    check("one\ntwo", false, "  one two\n");
    check("one\n\ntwo", false, "  one\n\n  two\n");
    check("", false, "");
}

static void print_verbatim_lines_stay(void **state)
{
    check("see:\n  a   b\nand on", false, "  see:\n    a   b\n  and on\n");
}

static void print_entries_have_their_text_in_a_column(void **state)
{
    check("TERM: text\nmore\nOTHER: x", true,
          "    TERM                text more\n    OTHER               x\n");
    check("A-VERY-LONG-TERM-INDEED: text", true,
          "    A-VERY-LONG-TERM-INDEED\n                        text\n");
    check("A sentence that has: a colon", true, "  A sentence that has: a colon\n");
    check("TERM: text", false, "  TERM: text\n");
}

static void fill_breaks_before_the_width(void **state)
{
    char *out = NULL;
    size_t size;
    char words[401];
    for (size_t i = 0; i < sizeof words - 1; i++)
        words[i] = i % 8 == 7 ? ' ' : 'x';
    words[sizeof words - 1] = '\0';
    FILE *stream = open_memstream(&out, &size);
    assert_non_null(stream);
    fputs("12345", stream);
    text_fill(stream, words, sizeof words - 1, 5, 10);
    fclose(stream);
    size_t total = 0;
    for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
        assert_in_range(strlen(line), 17, TEXT_WIDTH);
        assert_memory_equal(line + (total ? 0 : 5), "          ", total ? 10 : 5);
        for (const char *letter = line; *letter; letter++)
            total += *letter == 'x';
    }
    assert_int_equal(total, 350);
    free(out);
}

static void fill_word_longer_than_the_line_stands_alone(void **state)
{
    char word[121];
    memset(word, 'y', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    char *out = printed(word, 2, false);
    assert_int_equal(strlen(out), 2 + 120 + 1);
    free(out);
}

static const char *next_word(void *context)
{
    const char ***word = context;
    return **word ? *(*word)++ : NULL;
}

static const char *nearest(const char *word)
{
    static const char *const known[] = {"run", "verify", "compare", "allocator", NULL};
    const char *const *words = known;
    return text_nearest(word, next_word, &words);
}

static void nearest_within_two_slips_is_found(void **state)
{
    assert_string_equal(nearest("rnu"), "run");
    assert_string_equal(nearest("run"), "run");
    assert_string_equal(nearest("verfiy"), "verify");
    assert_string_equal(nearest("alocatr"), "allocator");
    assert_string_equal(nearest("compares"), "compare");
}

static void nearest_of_something_else_is_none(void **state)
{
    assert_null(nearest("rux1"));
    assert_null(nearest("frobnicate"));
    assert_null(nearest(""));
    assert_null(nearest("allocatorallocatorallocatorallocatorallocator"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(print_paragraphs_are_filled_and_kept_apart),
    cmocka_unit_test(print_verbatim_lines_stay),
    cmocka_unit_test(print_entries_have_their_text_in_a_column),
    cmocka_unit_test(fill_breaks_before_the_width),
    cmocka_unit_test(fill_word_longer_than_the_line_stands_alone),
    cmocka_unit_test(nearest_within_two_slips_is_found),
    cmocka_unit_test(nearest_of_something_else_is_none),
};

RUN_TESTS("cli_text")
