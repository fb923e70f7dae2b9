/* SPDX-License-Identifier: MIT */
/* Escaping, and the frame of a page: see markup.h. Layer 5. */
#include "gate/markup.h"

void markup_text(const char *text, FILE *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", out);
        else if (c == '<')
            fputs("&lt;", out);
        else if (c == '>')
            fputs("&gt;", out);
        else if (c == '"')
            fputs("&quot;", out);
        else if (c < ' ' && c != '\n' && c != '\t')
            fputc('?', out);
        else
            fputc(c, out);
    }
}

void markup_cell(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

/* The colours of the profiler's dashboard: status by hue and by word, light and dark. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2024;--dim:#5c6670;--line:#dcdfe3;--back:#f6f7f9;"
    "--card:#ffffff;--go:#1a7f37;--cond:#8f5d00;--no:#c2222c;--bar:#2a6fd6}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--dim:#9aa5b1;--line:#353b43;"
    "--back:#14171b;--card:#1c2025;--go:#4cc26a;--cond:#dfa637;--no:#ff6b63;--bar:#5b9dff}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);"
    "max-width:70rem;margin:0 auto;padding:1.5rem}"
    "h1{font-size:1.6rem}h2{font-size:1.1rem;margin-top:2rem}.dim{color:var(--dim)}"
    "table{border-collapse:collapse;width:100%;background:var(--card)}"
    "td,th{border-bottom:1px solid var(--line);padding:.35rem .6rem;text-align:left;"
    "vertical-align:top}"
    "td.n{white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".v0{color:var(--go)}.v1{color:var(--cond)}.v2,.v3{color:var(--no)}.v0,.v1,.v2,.v3{"
    "font-weight:600;white-space:nowrap}svg{display:block}"
    "@media(max-width:40rem){td,th{display:block;border:0;padding:.1rem 0}tr{display:block;"
    "border-bottom:1px solid var(--line);padding:.5rem 0}thead{display:none}}";

void markup_page_begin(const char *title, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>",
          out);
    markup_text(title, out);
    fprintf(out, "</title><style>%s</style></head><body>\n", style);
}

void markup_page_end(FILE *out)
{
    fputs("</body></html>\n", out);
}
