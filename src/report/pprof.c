/* SPDX-License-Identifier: MIT */
/*
 * A profile as pprof's protobuf, gzip.
 *
 * A protobuf message may be written in pieces: what stands behind one another is merged, lists one
 * after the other. So each sample, location and function is packed by itself, in a Profile that
 * holds nothing else, and the whole is never in memory.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "identify/identify.h"
#include "report/intern.h"
#include "report/names.h"
#include "report/pprof.pb-c.h"
#include "report/report.h"

typedef Shale__Pprof__Profile pb_profile;

enum { VALUES = 4, OUT_BYTES = 1 << 15, GZIP_WINDOW = 15 + 16 };

struct pprof {
    const struct shale_profile_report *report;
    FILE *out;
    z_stream zip;
    struct intern strings;
    struct intern functions; /* of name, file: their numbers, as bytes */
    uint8_t *packed;
    size_t packed_size;
    bool failed;
};

/* ---- bytes ------------------------------------------------------------------------------------
 */

static void zip(struct pprof *pprof, const void *bytes, size_t size, int flush)
{
    unsigned char buffer[OUT_BYTES];
    z_stream *stream = &pprof->zip;
    stream->next_in = (z_const Bytef *)bytes;
    stream->avail_in = (uInt)size;
    do {
        stream->next_out = buffer;
        stream->avail_out = sizeof buffer;
        deflate(stream, flush);
        fwrite(buffer, 1, sizeof buffer - stream->avail_out, pprof->out);
    } while (stream->avail_out == 0);
}

static void write_part(struct pprof *pprof, const pb_profile *part)
{
    size_t size = shale__pprof__profile__get_packed_size(part);
    if (size > pprof->packed_size) {
        uint8_t *grown = realloc(pprof->packed, size * 2);
        pprof->failed |= grown == NULL;
        if (grown == NULL)
            return;
        pprof->packed = grown;
        pprof->packed_size = size * 2;
    }
    shale__pprof__profile__pack(part, pprof->packed);
    zip(pprof, pprof->packed, size, Z_NO_FLUSH);
}

/* ---- names ------------------------------------------------------------------------------------
 */

/* Texts of protobuf are UTF-8; names of programs and functions may be anything. */
static int64_t text(struct pprof *pprof, const char *string)
{
    json_t *valid = identify_json_text(string);
    pprof->failed |= valid == NULL;
    if (valid == NULL)
        return 0;
    int64_t number =
        (int64_t)intern_add(&pprof->strings, json_string_value(valid), json_string_length(valid));
    json_decref(valid);
    return number;
}

/* The function's id, from 1; written when it is new. */
static uint64_t function_id(struct pprof *pprof, const char *name, const char *file)
{
    int64_t key[2] = {text(pprof, name), text(pprof, file)};
    uint32_t before = pprof->functions.count;
    uint32_t number = intern_add(&pprof->functions, (const char *)key, sizeof key);
    if (number == before && !pprof->functions.failed) {
        Shale__Pprof__Function function = SHALE__PPROF__FUNCTION__INIT;
        Shale__Pprof__Function *list[] = {&function};
        pb_profile part = SHALE__PPROF__PROFILE__INIT;
        function.id = number + 1U;
        function.name = function.system_name = key[0];
        function.filename = key[1];
        part.n_function = 1;
        part.function = list;
        write_part(pprof, &part);
    }
    return number + 1U;
}

/* ---- parts ------------------------------------------------------------------------------------
 */

static void write_about(struct pprof *pprof)
{
    static const char *const types[VALUES][2] = {{"alloc_objects", "count"},
                                                 {"alloc_space", "bytes"},
                                                 {"inuse_objects", "count"},
                                                 {"inuse_space", "bytes"}};
    const struct profile_provenance *about = &pprof->report->provenance;
    pb_profile part = SHALE__PPROF__PROFILE__INIT;
    Shale__Pprof__ValueType values[VALUES];
    Shale__Pprof__ValueType *list[VALUES];
    Shale__Pprof__ValueType period = SHALE__PPROF__VALUE_TYPE__INIT;
    text(pprof, ""); /* has to be the first */
    for (size_t i = 0; i < VALUES; i++) {
        shale__pprof__value_type__init(&values[i]);
        values[i].type = text(pprof, types[i][0]);
        values[i].unit = text(pprof, types[i][1]);
        list[i] = &values[i];
    }
    period.type = text(pprof, "space");
    period.unit = text(pprof, "bytes");
    int64_t comment = text(pprof, about->command);
    part.n_sample_type = VALUES;
    part.sample_type = list;
    part.time_nanos = (int64_t)about->started_wall_ns;
    part.duration_nanos = (int64_t)about->duration_ns;
    part.period_type = &period;
    part.period = about->sample_bytes > 0 ? (int64_t)about->sample_bytes : 1;
    part.n_comment = 1;
    part.comment = &comment;
    part.default_sample_type = values[VALUES - 1].type;
    write_part(pprof, &part);
}

static void write_mapping(struct pprof *pprof, uint32_t number)
{
    const struct profile_module *module = &pprof->report->modules[number];
    Shale__Pprof__Mapping mapping = SHALE__PPROF__MAPPING__INIT;
    Shale__Pprof__Mapping *list[] = {&mapping};
    pb_profile part = SHALE__PPROF__PROFILE__INIT;
    bool symbols = pprof->report->provenance.symbolized;
    mapping.id = number + 1U;
    mapping.memory_start = module->start;
    mapping.memory_limit = module->end;
    mapping.file_offset = module->offset;
    mapping.filename = text(pprof, module->path);
    mapping.build_id = text(pprof, module->build_id);
    mapping.has_functions = mapping.has_filenames = symbols;
    mapping.has_line_numbers = mapping.has_inline_frames = symbols;
    part.n_mapping = 1;
    part.mapping = list;
    write_part(pprof, &part);
}

/* A function without a name is left out: pprof then shows the address, and can look it up. */
static size_t fill_lines(struct pprof *pprof, const struct profile_frame *frame,
                         Shale__Pprof__Line *lines, Shale__Pprof__Line **list)
{
    size_t count = 0;
    for (uint32_t i = 0; i < frame->line_count; i++) {
        const struct profile_line *line = &frame->lines[i];
        if (line->function[0] == '\0')
            continue;
        shale__pprof__line__init(&lines[count]);
        lines[count].function_id = function_id(pprof, line->function, line->file);
        lines[count].line = line->line;
        lines[count].column = line->column;
        list[count] = &lines[count];
        count++;
    }
    return count;
}

static void write_location(struct pprof *pprof, uint32_t number)
{
    const struct profile_frame *frame = &pprof->report->frames[number];
    Shale__Pprof__Line *lines = calloc(frame->line_count, sizeof *lines);
    Shale__Pprof__Line **line_list = calloc(frame->line_count, sizeof(void *));
    pprof->failed |= lines == NULL || line_list == NULL;
    if (lines != NULL && line_list != NULL) {
        Shale__Pprof__Location location = SHALE__PPROF__LOCATION__INIT;
        Shale__Pprof__Location *list[] = {&location};
        pb_profile part = SHALE__PPROF__PROFILE__INIT;
        location.id = number + 1U;
        location.mapping_id = frame->module == PROFILE_NONE ? 0 : frame->module + 1U;
        location.address = frame->address;
        location.n_line = fill_lines(pprof, frame, lines, line_list);
        location.line = line_list;
        part.n_location = 1;
        part.location = list;
        write_part(pprof, &part);
    }
    free(lines);
    free(line_list);
}

static void write_sample(struct pprof *pprof, const struct profile_site *site)
{
    int64_t values[VALUES] = {(int64_t)site->allocations, (int64_t)site->allocated_bytes,
                              (int64_t)site->live_blocks, (int64_t)site->live_bytes};
    uint64_t *ids = calloc(site->frame_count + 1U, sizeof *ids);
    pprof->failed |= ids == NULL;
    if (ids == NULL)
        return;
    for (uint32_t i = 0; i < site->frame_count; i++)
        ids[i] = site->frames[i] + 1U;
    Shale__Pprof__Sample sample = SHALE__PPROF__SAMPLE__INIT;
    Shale__Pprof__Sample *list[] = {&sample};
    pb_profile part = SHALE__PPROF__PROFILE__INIT;
    sample.n_location_id = site->frame_count;
    sample.location_id = ids;
    sample.n_value = VALUES;
    sample.value = values;
    part.n_sample = 1;
    part.sample = list;
    write_part(pprof, &part);
    free(ids);
}

/* Last, when every text has its number. */
static void write_strings(struct pprof *pprof)
{
    for (uint32_t i = 0; i < pprof->strings.count; i++) {
        char *list[] = {(char *)(uintptr_t)intern_text(&pprof->strings, i)};
        pb_profile part = SHALE__PPROF__PROFILE__INIT;
        part.n_string_table = 1;
        part.string_table = list;
        write_part(pprof, &part);
    }
}

/* -----------------------------------------------------------------------------------------------
 */

bool report_pprof_available(void)
{
    return true;
}

int report_pprof(const struct shale_profile_report *report, FILE *out)
{
    struct pprof pprof = {.report = report, .out = out};
    if (deflateInit2(&pprof.zip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return SHALE_ENOMEM;
    write_about(&pprof);
    for (uint32_t i = 0; i < report->module_count; i++)
        write_mapping(&pprof, i);
    for (uint32_t i = 0; i < report->frame_count; i++)
        write_location(&pprof, i);
    for (uint32_t i = 0; i < report->site_count; i++)
        write_sample(&pprof, &report->sites[i]);
    write_strings(&pprof);
    zip(&pprof, NULL, 0, Z_FINISH);
    deflateEnd(&pprof.zip);
    bool failed = pprof.failed || pprof.strings.failed || pprof.functions.failed;
    intern_free(&pprof.strings);
    intern_free(&pprof.functions);
    free(pprof.packed);
    return failed ? SHALE_ENOMEM : SHALE_OK;
}
