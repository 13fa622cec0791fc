#include "app/reference_html.h"

#include <stdbool.h>

/* Light on paper, dark where the reader's system is. */
const char html_style[] =
    ":root{color-scheme:light dark;--page:#fff;--text:#1f2933;--soft:#52606d;"
    "--line:#dde3ea;--panel:#f5f7fa;--link:#0b57a4;--mark:#fff7d6;"
    "--bad:#9b1c1c}\n"
    "@media (prefers-color-scheme:dark){:root{--page:#12171d;--text:#dfe6ee;"
    "--soft:#9aa8b7;--line:#2c3642;--panel:#1b232c;--link:#7cb8f2;"
    "--mark:#2f2a14;--bad:#f4a3a3}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--text);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',"
    "'DejaVu Sans',sans-serif}\n"
    "header,main{max-width:72rem;margin:auto;padding:0 1.25rem}\n"
    "header{padding-top:2.5rem}\n"
    "h1{margin:0 0 .5rem;font-size:2rem;line-height:1.2}\n"
    "h2{margin:0 0 .75rem;font-size:1.25rem;overflow-wrap:anywhere}\n"
    "h3{margin:1rem 0 .25rem;font-size:1rem}\n"
    "p{margin:0 0 .75rem;max-width:42rem}\n"
    "a{color:var(--link)}\n"
    "a:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n"
    "code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"
    "'DejaVu Sans Mono',monospace;font-size:.875em}\n"
    "p code,dd code,li code{overflow-wrap:anywhere}\n"
    "pre{margin:0 0 1rem;padding:.9rem 1rem;white-space:pre-wrap;"
    "overflow-wrap:anywhere;"
    "background:var(--panel);border:1px solid var(--line);"
    "border-radius:6px;font-size:.8125rem;line-height:1.5}\n"
    "pre b{color:var(--bad)}\n"
    "section{padding:2rem 0 1rem;border-top:1px solid var(--line)}\n"
    "section:target{background:var(--mark);margin:0 -1.25rem;"
    "padding-left:1.25rem;padding-right:1.25rem}\n"
    "h2 a{color:inherit;text-decoration:none}\n"
    "h2 a:hover,h2 a:focus-visible{text-decoration:underline}\n"
    ".case{display:grid;gap:0 2.5rem;"
    "grid-template-columns:minmax(0,1fr)}\n"
    "@media (min-width:60rem){.case{"
    "grid-template-columns:minmax(0,5fr) minmax(0,6fr)}}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;"
    "gap:.2rem 1.25rem;margin:0 0 .9rem}\n"
    "dt{color:var(--soft)}\n"
    "dd{margin:0}\n"
    "ul{margin:0 0 .75rem;padding-left:1.2rem}\n"
    ".codes{list-style:none;padding:0;margin:0;columns:16rem auto;"
    "column-gap:1.5rem}\n"
    ".codes li{padding:.1rem 0;break-inside:avoid}\n"
    "table{border-collapse:collapse;width:100%;margin:1.5rem 0 0}\n"
    "th,td{padding:.55rem 1.25rem .55rem 0;text-align:left;"
    "vertical-align:top;border-bottom:1px solid var(--line)}\n"
    "tbody tr:last-child>*{border-bottom:0}\n"
    "th:first-child{width:15rem}\n"
    "td:nth-child(2){width:12rem}\n"
    "th{color:var(--soft);font-weight:bold}\n"
    "tbody th{color:inherit;font-weight:normal}\n"
    "@media (max-width:40rem){table,thead,tbody,tr,th,td{display:block}"
    "thead{display:none}tbody tr{padding:.6rem 0;"
    "border-bottom:1px solid var(--line)}"
    "th,td{border:0;padding:.15rem 0}"
    "tbody>tr>*:nth-child(n){width:auto}}\n"
    "@media print{:root{color-scheme:light;--page:#fff;--text:#000;"
    "--soft:#333;--line:#bbb;--panel:#fff;--link:#000;--mark:#fff;"
    "--bad:#000}body{font-size:10pt}"
    "section,pre,tr{break-inside:avoid}}\n";

void
html(struct buffer *page, const char *markup)
{
	buffer_put_text(page, text_of(markup));
}

static void
put_character(struct buffer *page, char byte)
{
	switch (byte) {
	case '&':
		html(page, "&amp;");
		return;
	case '<':
		html(page, "&lt;");
		return;
	case '>':
		html(page, "&gt;");
		return;
	case '"':
		html(page, "&quot;");
		return;
	default:
		buffer_put_byte(page, (uint8_t)byte);
	}
}

void
html_text(struct buffer *page, struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		put_character(page, text.bytes[i]);
}

void
html_code(struct buffer *page, struct text text)
{
	html(page, "<code>");
	html_text(page, text);
	html(page, "</code>");
}

void
html_prose(struct buffer *page, struct text prose)
{
	struct text rest = prose;
	struct text piece;
	bool is_code = false;

	while (rest.length > 0) {
		text_split(rest, '`', &piece, &rest);
		if (is_code)
			html_code(page, piece);
		else
			html_text(page, piece);
		is_code = !is_code;
	}
}

static void
new_line(struct buffer *page, unsigned depth)
{
	html(page, "\n");
	for (unsigned i = 0; i < depth; i++)
		html(page, "  ");
}

void
html_json(struct buffer *page, struct text json)
{
	bool in_string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < json.length; i++) {
		char byte = json.bytes[i];
		bool opens = !in_string && (byte == '{' || byte == '[');
		bool closes = !in_string && (byte == '}' || byte == ']');

		if (closes)
			new_line(page, --depth);
		put_character(page, byte);
		if (opens)
			new_line(page, ++depth);
		if (!in_string && byte == ',')
			new_line(page, depth);
		if (!in_string && byte == ':')
			html(page, " ");
		if (in_string && byte == '\\')
			put_character(page, json.bytes[++i]);
		else if (byte == '"')
			in_string = !in_string;
	}
}
