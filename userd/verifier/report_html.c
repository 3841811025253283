// SPDX-License-Identifier: BSD-3-Clause
/*
 * The report as a page. Everything is in the page: no request leaves the browser, and its
 * policy allows no script and no style but these two, by their hashes. Without the script
 * the page is complete; it only sorts and filters what is there.
 *
 * A host is a <tbody> of two rows: its columns, and below them, folded, why it stands where it
 * does. So both are sorted and hidden together.
 */
#include "verifier/report_view.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

static const char style[] =
	":root{color-scheme:light dark;--ok:#137a3a;--bad:#b3261e;--warn:#8a5a00;--line:#8884}"
	"@media(prefers-color-scheme:dark){:root{--ok:#5fd38d;--bad:#ff8a80;--warn:#ffc14d}}"
	"body{font:13px/1.45 system-ui,sans-serif;margin:1.5rem;background:Canvas;"
	"color:CanvasText}h1{font-size:1.3rem;margin:0}p{margin:.3rem 0 1rem;opacity:.75}"
	"input{font:inherit;padding:.35rem .6rem;width:22rem;max-width:100%;margin-bottom:.8rem}"
	".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}"
	"th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;"
	"border-bottom:1px solid var(--line)}"
	"th button{all:unset;font-weight:600;cursor:pointer;white-space:nowrap}"
	"th button:focus-visible{outline:2px solid}"
	"th[aria-sort=ascending] button::after{content:' \\2191'}"
	"th[aria-sort=descending] button::after{content:' \\2193'}"
	".host>td{border:0}.host>td:first-child{min-width:5rem;overflow-wrap:anywhere}"
	".host>td:last-child{min-width:14rem;overflow-wrap:anywhere}"
	".host>:nth-child(3),.host>:nth-child(4){white-space:nowrap}"
	".more>td{padding-top:0}summary{cursor:pointer;opacity:.75}"
	".more table{margin:.4rem 0;font-size:.9em}"
	".more td{min-width:4rem;overflow-wrap:anywhere}code{font-size:.92em}"
	".passed{color:var(--ok);font-weight:600}.failed{color:var(--bad);font-weight:600}"
	".warning{color:var(--warn);font-weight:600}";

static const char script[] =
	"'use strict';const table=document.querySelector('#hosts');"
	"document.querySelector('#filter').addEventListener('input',e=>{"
	"const q=e.target.value.toLowerCase();let n=0;"
	"for(const h of table.tBodies){h.hidden=!h.textContent.toLowerCase().includes(q);"
	"n+=!h.hidden}document.querySelector('#shown').textContent=n});"
	"document.querySelectorAll('#hosts>thead th').forEach((th,i)=>"
	"th.firstChild.addEventListener('click',()=>{"
	"const up=th.getAttribute('aria-sort')!=='ascending';"
	"document.querySelectorAll('#hosts>thead th').forEach(o=>o.removeAttribute('aria-sort'));"
	"th.setAttribute('aria-sort',up?'ascending':'descending');"
	"const of=h=>h.rows[0].cells[i].textContent;"
	"table.append(...[...table.tBodies].sort((a,b)=>"
	"of(a).localeCompare(of(b),undefined,{numeric:true})*(up?1:-1)))}));";

static void print_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		case '\'':
			fputs("&#39;", to);
			break;
		default:
			fputc((unsigned char)*text < ' ' ? ' ' : *text, to);
		}
	}
}

static int print_hash(FILE *to, const char *text)
{
	unsigned char digest[32], base64[45];

	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	EVP_EncodeBlock(base64, digest, sizeof(digest));
	fprintf(to, "'sha256-%s'", (const char *)base64);
	return 0;
}

static int print_head(FILE *to, const json_t *report)
{
	int r;

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width\">"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "base-uri 'none'; form-action 'none'; script-src ",
	      to);
	r = print_hash(to, script);
	fputs("; style-src ", to);
	if (!r)
		r = print_hash(to, style);
	fprintf(to, "\"><title>Security report</title><style>%s</style></head><body>", style);
	fputs("<h1>Security report</h1><p>", to);
	print_text(to, report_member(report, "generated_at"));
	fputs(", by ", to);
	print_text(to, report_member(report, "verified_by"));
	fprintf(to, "; hosts shown: <span id=\"shown\">%zu</span></p>",
		json_array_size(json_object_get(report, "hosts")));
	fputs("<input id=\"filter\" type=\"search\" placeholder=\"Filter\" aria-label=\"Filter\">",
	      to);
	return r;
}

static void print_item(FILE *to, const json_t *item, const char *at)
{
	static const char *const members[] = { "text", "expected", "found", "next" };
	const char *status = report_member(item, "status");

	fputs("<tr><td>", to);
	print_text(to, at);
	/* The class is one of ours: a status is a word of attest_status_name(). */
	fprintf(to, "</td><td class=\"");
	print_text(to, status);
	fputs("\">", to);
	print_text(to, status);
	fputs("</td><td><code>", to);
	print_text(to, report_member(item, "code"));
	fputs("</code></td>", to);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		fputs("<td>", to);
		print_text(to, report_member(item, members[i]));
		fputs("</td>", to);
	}
	fputs("</tr>", to);
}

/* Events come in the order of the hosts: @next is the first one that was not printed. */
static void print_details(FILE *to, const json_t *host, const json_t *events, size_t *next)
{
	const json_t *reasons = json_object_get(json_object_get(host, "verdict"), "reasons");
	const char *id = report_member(host, "id");
	const json_t *item;
	size_t i;

	fputs("<tr class=\"more\"><td colspan=\"12\"><details><summary>why, and what happened"
	      "</summary><table><thead><tr><th>When</th><th>Status</th><th>Code</th><th>What</th>"
	      "<th>Expected</th><th>Found</th><th>Next</th></tr></thead><tbody>",
	      to);
	json_array_foreach (reasons, i, item)
		print_item(to, item, "newest verdict");
	while ((item = json_array_get(events, *next)) && !strcmp(report_member(item, "host"), id)) {
		print_item(to, item, report_member(item, "at"));
		++*next;
	}
	fputs("</tbody></table></details></td></tr>", to);
}

static void print_host(FILE *to, const json_t *host, const json_t *events, size_t *next)
{
	char cell[REPORT_CELL];

	fputs("<tbody><tr class=\"host\">", to);
	for (int column = 0; column < REPORT_COLUMNS; column++) {
		report_cell(host, column, cell);
		if (column == 1) {
			fputs("<td class=\"", to);
			print_text(to, cell);
			fputs("\">", to);
		} else {
			fputs("<td>", to);
		}
		print_text(to, *cell ? cell : "-");
		fputs("</td>", to);
	}
	fputs("</tr>", to);
	print_details(to, host, events, next);
	fputs("</tbody>\n", to);
}

int report_html(FILE *to, const json_t *report)
{
	const json_t *events = json_object_get(report, "events"), *host;
	size_t i, next = 0;
	int r = print_head(to, report);

	if (r)
		return r;
	fputs("<div class=\"scroll\"><table id=\"hosts\"><thead><tr>", to);
	for (int column = 0; column < REPORT_COLUMNS; column++) {
		fputs("<th scope=\"col\"><button type=\"button\">", to);
		print_text(to, report_column(column));
		fputs("</button></th>", to);
	}
	fputs("</tr></thead>\n", to);
	json_array_foreach (json_object_get(report, "hosts"), i, host)
		print_host(to, host, events, &next);
	fprintf(to, "</table></div><script>%s</script></body></html>\n", script);
	return 0;
}
