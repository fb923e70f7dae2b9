/* SPDX-License-Identifier: MIT */
#include <sys/utsname.h>

#include "measure/machine.h"
#include "test.h"

static void note_of_this_machine_names_its_kernel(void **state)
{
    struct machine_note note;
    struct utsname system;
    char text[512];
    machine_read(&note);
    assert_int_equal(uname(&system), 0);
    machine_text(&note, text, sizeof text);
    assert_non_null(strstr(text, system.release));
    assert_non_null(strstr(text, note.thp));
    assert_true(note.cpus >= 1);
    assert_true(note.memory_bytes > 1 << 20);
    assert_true(note.cpu[0] != 0 && note.cpu[0] != ' ');
    assert_true(note.governor[0] != 0);
}

static void json_of_the_note_has_every_field(void **state)
{
    const struct machine_note note = {.cpu = "C",
                                      .cpus = 3,
                                      .virtual_machine = true,
                                      .kernel = "K",
                                      .libc = "L",
                                      .thp = "never",
                                      .governor = "none",
                                      .memory_bytes = 1024};
    json_t *json = machine_json(&note);
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, "{\"cpu\":\"C\",\"cpus\":3,\"governor\":\"none\",\"kernel\":\"K\","
                              "\"libc\":\"L\",\"memory_bytes\":1024,\"thp\":\"never\","
                              "\"virtual_machine\":true}");
    free(text);
    json_decref(json);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(note_of_this_machine_names_its_kernel),
    cmocka_unit_test(json_of_the_note_has_every_field),
};

RUN_TESTS("measure_machine")
