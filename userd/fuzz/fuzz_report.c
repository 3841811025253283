// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz the report with what hosts and damaged stores say: the input is a name, facts and a verdict,
 * ended by newlines. Whatever they are, the page has the elements that it always has, and no
 * other view has a control character.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "verifier/report.h"

#define HOST "6f1f0b50-0000-4000-8000-000000000001"
#define NOW  1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fleet *fleet;
static size_t usual;

static void must(int good)
{
	if (!good)
		abort();
}

static void open_fleet(void)
{
	char folder[] = "/dev/shm/fuzz_report.XXXXXX", path[64], reason[128];
	const struct fleet_keys keys = { 0 };
	struct standing standing;

	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/fleet.db", folder);
	must(!fleet_open(path, reason, sizeof(reason), &fleet));
	standing_new(&standing, HOST, "host");
	must(!fleet_host_add(fleet, &standing, &keys));
	/* It is gone when the process is. */
	unlink(path);
	snprintf(path, sizeof(path), "%s/fleet.db-wal", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/fleet.db-shm", folder);
	unlink(path);
	rmdir(folder);
}

static char *take_line(const char **at, const char *end)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	char *line = strndup(*at, (size_t)((newline ? newline : end) - *at));

	*at = newline ? newline + 1 : end;
	return line;
}

static size_t elements(const char *page)
{
	size_t count = 0;

	while ((page = strchr(page, '<'))) {
		count++;
		page++;
	}
	return count;
}

static void check_view(enum report_format format)
{
	size_t length;
	char *text;

	must(!report_new(fleet, "v", NOW, format, false, &text, &length));
	must(strlen(text) == length);
	for (size_t i = 0; i < length; i++)
		must((uint8_t)text[i] >= ' ' || strchr("\r\n\t", text[i]));
	if (format == REPORT_HTML)
		must(elements(text) >= usual);
	if (format == REPORT_HTML && !usual)
		usual = elements(text);
	must(format != REPORT_HTML || (strstr(text, "<script") && strstr(text, "</html>")));
	if (format == REPORT_HTML)
		must(!strstr(strstr(text, "<script") + 1, "<script"));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	char *name, *facts, *verdict;
	struct standing standing;

	if (!fleet) {
		open_fleet();
		check_view(REPORT_HTML);
	}
	name = take_line(&at, end);
	facts = take_line(&at, end);
	verdict = take_line(&at, end);
	standing_new(&standing, HOST, name);
	text_cut(standing.message, sizeof(standing.message), name);
	standing.status = ATTEST_FAILED;
	must(!fleet_begin(fleet, false) && !fleet_host_set(fleet, &standing, verdict) &&
	     !fleet_host_facts(fleet, HOST, facts));
	for (enum report_format format = 0; format < _REPORT_FORMAT_MAX; format++)
		check_view(format);
	fleet_end(fleet, false);
	free(name);
	free(facts);
	free(verdict);
	return 0;
}
