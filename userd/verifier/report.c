// SPDX-License-Identifier: BSD-3-Clause
/*
 * The report's document, its columns, and the views for terminals and spreadsheets.
 */
#include "verifier/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "verifier/report_view.h"

/* Of one host, newest first */
#define EVENTS_MOST 50
#define UNKNOWN	    (-1)

static const char *const columns[REPORT_COLUMNS] = {
	"Name",		    "Attestation", "Last verified", "Valid until",
	"Attested by",	    "TPM",	   "Secure Boot",   "Lockdown / IMA",
	"vTPMs",	    "State",	   "Recovery",	    "Message",
};

static const char *const formats[_REPORT_FORMAT_MAX] = {
	[REPORT_TABLE] = "table",
	[REPORT_JSON] = "json",
	[REPORT_CSV] = "csv",
	[REPORT_HTML] = "html",
};

enum report_format report_format_find(const char *name)
{
	enum report_format format = 0;

	while (format < _REPORT_FORMAT_MAX && strcmp(formats[format], name) != 0)
		format++;
	return format;
}

/* Columns */

const char *report_column(int column)
{
	return columns[column];
}

const char *report_member(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

static long number(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	return json_is_integer(value) ? (long)json_integer_value(value) : UNKNOWN;
}

static void cell_lockdown(const json_t *facts, char ret[REPORT_CELL])
{
	const char *lockdown = report_member(facts, "lockdown"), *ima = report_member(facts, "ima");

	if (*lockdown || *ima)
		snprintf(ret, REPORT_CELL, "%s / %s", *lockdown ? lockdown : "?", *ima ? ima : "?");
}

static void cell_vtpms(const json_t *facts, char ret[REPORT_CELL])
{
	static const char *const states[] = { "running", "locked", "quarantined" };
	char member[32];
	size_t at = 0;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		snprintf(member, sizeof(member), "vtpms_%s", states[i]);
		/* Nobody wants to read that none is locked. */
		if (number(facts, member) > 0 || (!i && !number(facts, member)))
			at += (size_t)snprintf(ret + at, REPORT_CELL - at, "%s%ld %s",
					       at ? ", " : "", number(facts, member), states[i]);
	}
}

static void cell_state(const json_t *facts, char ret[REPORT_CELL])
{
	if (number(facts, "window_seconds") > 0)
		snprintf(ret, REPORT_CELL, "%s, %ld s", report_member(facts, "state_protection"),
			 number(facts, "window_seconds"));
	else
		text_cut(ret, REPORT_CELL, report_member(facts, "state_protection"));
}

static void cell_tpm(const json_t *host, const json_t *facts, char ret[REPORT_CELL])
{
	const char *vendor = report_member(facts, "tpm_vendor");
	const char *firmware = report_member(facts, "tpm_firmware");

	snprintf(ret, REPORT_CELL, "%s%s%s%s%s%s", report_member(facts, "tpm"), *vendor ? " " : "",
		 vendor, *firmware ? " " : "", firmware,
		 strcmp(report_member(host, "ek"), "listed") ? "" : " (EK listed by hand)");
}

/* What the log proves; beside it what the host says, where that is something else. */
static void cell_secure_boot(const json_t *host, const json_t *facts, char ret[REPORT_CELL])
{
	const char *proven = report_member(json_object_get(host, "verdict"), "secure_boot");
	const char *said = report_member(facts, "secure_boot");

	if (!*said || !strcmp(proven, said))
		text_cut(ret, REPORT_CELL, proven);
	else
		snprintf(ret, REPORT_CELL, *proven ? "%s (host says %s)" : "%shost says %s", proven,
			 said);
}

void report_cell(const json_t *host, int column, char ret[REPORT_CELL])
{
	static const char *const members[] = { "name", "status", "verified_at", "valid_until",
					       "verified_by" };
	const json_t *facts = json_object_get(host, "facts");
	const json_t *recovery = json_object_get(facts, "recovery_backed_up");

	*ret = '\0';
	if (column < 5)
		text_cut(ret, REPORT_CELL, report_member(host, members[column]));
	else if (column == 5)
		cell_tpm(host, facts, ret);
	else if (column == 6)
		cell_secure_boot(host, facts, ret);
	else if (column == 7)
		cell_lockdown(facts, ret);
	else if (column == 8)
		cell_vtpms(facts, ret);
	else if (column == 9)
		cell_state(facts, ret);
	else if (column == 10 && json_is_boolean(recovery))
		text_cut(ret, REPORT_CELL, json_is_true(recovery) ? "backed up" : "not backed up");
	else if (column == 11)
		snprintf(ret, REPORT_CELL, "%s%s",
			 json_is_true(json_object_get(host, "acknowledge")) ? "[acknowledge] " : "",
			 report_member(host, "message"));
}

/* Views */

/* One character a column of the terminal, and none that moves its cursor. */
static void print_plain(FILE *to, const char *text, int width)
{
	for (; *text; text++, width--)
		fputc(*text >= ' ' && *text <= '~' ? *text : '?', to);
	for (; width > 0; width--)
		fputc(' ', to);
}

static int write_table(FILE *to, const json_t *hosts, const json_t *events)
{
	int widths[REPORT_COLUMNS];
	char cell[REPORT_CELL];
	const json_t *row;
	size_t i;

	for (int column = 0; column < REPORT_COLUMNS; column++) {
		widths[column] = (int)strlen(columns[column]);
		json_array_foreach (hosts, i, row) {
			report_cell(row, column, cell);
			if ((int)strlen(cell) > widths[column])
				widths[column] = (int)strlen(cell);
		}
	}
	for (int column = 0; column < REPORT_COLUMNS; column++)
		print_plain(to, columns[column],
			    column < REPORT_COLUMNS - 1 ? widths[column] + 2 : 0);
	fputc('\n', to);
	json_array_foreach (hosts, i, row) {
		for (int column = 0; column < REPORT_COLUMNS; column++) {
			report_cell(row, column, cell);
			print_plain(to, *cell ? cell : "-",
				    column < REPORT_COLUMNS - 1 ? widths[column] + 2 : 0);
		}
		fputc('\n', to);
	}
	json_array_foreach (events, i, row) {
		static const char *const members[] = { "at",   "host",	   "status", "code",
						       "text", "expected", "found" };

		for (size_t j = 0; j < sizeof(members) / sizeof(members[0]); j++) {
			print_plain(to, report_member(row, members[j]), 0);
			fputs(j < 6 ? "  " : "\n", to);
		}
	}
	return 0;
}

/* Return: would a spreadsheet take it for a formula? Some do so behind blanks, too. */
static bool is_formula(const char *text)
{
	/* the full-width forms of = + - @, which some take for these */
	static const char *const wide[] = { "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
					    "\xef\xbc\xa0" };

	while (*text && (unsigned char)*text <= ' ')
		text++;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (!strncmp(text, wide[i], strlen(wide[i])))
			return true;
	return *text && strchr("=+-@|%", *text);
}

/*
 * Where the separator of lists is a semicolon, a spreadsheet ends a cell at one, whatever the
 * quotes around it, and what follows would be a formula again.
 */
static void print_csv(FILE *to, const char *text, bool last)
{
	fputc('"', to);
	if (is_formula(text))
		fputc('\'', to);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', to);
		fputc((unsigned char)*text < ' ' ? ' ' : *text == ';' ? ',' : *text, to);
	}
	fputs(last ? "\"\r\n" : "\",", to);
}

static int write_csv(FILE *to, const json_t *hosts, const json_t *events)
{
	static const char *const members[] = { "at",  "host",  "status",   "code",
					       "pcr", "event", "expected", "found",
					       "text", "next" };
	const size_t count = sizeof(members) / sizeof(members[0]);
	char cell[REPORT_CELL];
	const json_t *row;
	size_t i;

	for (int column = 0; column < REPORT_COLUMNS; column++)
		print_csv(to, columns[column], column == REPORT_COLUMNS - 1);
	json_array_foreach (hosts, i, row) {
		for (int column = 0; column < REPORT_COLUMNS; column++) {
			report_cell(row, column, cell);
			print_csv(to, cell, column == REPORT_COLUMNS - 1);
		}
	}
	if (!json_array_size(events))
		return 0;
	fputs("\r\n", to);
	for (size_t j = 0; j < count; j++)
		print_csv(to, members[j], j == count - 1);
	json_array_foreach (events, i, row) {
		for (size_t j = 0; j < count; j++) {
			if (number(row, members[j]) == UNKNOWN)
				text_cut(cell, sizeof(cell), report_member(row, members[j]));
			else
				snprintf(cell, sizeof(cell), "%ld", number(row, members[j]));
			print_csv(to, cell, j == count - 1);
		}
	}
	return 0;
}

static int write_as(FILE *to, const json_t *report, enum report_format format)
{
	const json_t *hosts = json_object_get(report, "hosts");
	const json_t *events = json_object_get(report, "events");

	switch (format) {
	case REPORT_JSON:
		/* A terminal obeys characters beyond ASCII, too. */
		return json_dumpf(report, to, JSON_INDENT(2) | JSON_ENSURE_ASCII) ||
				       fputc('\n', to) < 0
			       ? -EIO
			       : 0;
	case REPORT_CSV:
		return write_csv(to, hosts, events);
	case REPORT_HTML:
		return report_html(to, report);
	default:
		return write_table(to, hosts, events);
	}
}

/* The document */

static json_t *events_of(struct fleet *fleet, const json_t *hosts)
{
	json_t *all = json_array(), *some;
	const json_t *host;
	size_t i;

	json_array_foreach (hosts, i, host) {
		some = fleet_newest_json(fleet, report_member(host, "id"), EVENTS_MOST);
		if (!some || json_array_extend(all, some)) {
			json_decref(some);
			json_decref(all);
			return NULL;
		}
		json_decref(some);
	}
	return all;
}

static json_t *make(struct fleet *fleet, const char *verified_by, int64_t now, bool events)
{
	json_t *hosts = fleet_hosts_json(fleet, now);
	json_t *list = hosts && events ? events_of(fleet, hosts) : json_array();

	if (hosts && list)
		return json_pack("{s:o, s:s, s:o, s:o}", "generated_at", fleet_time(now),
				 "verified_by", verified_by, "hosts", hosts, "events", list);
	json_decref(hosts);
	json_decref(list);
	return NULL;
}

int report_new(struct fleet *fleet, const char *verified_by, int64_t now,
	       enum report_format format, bool events, char **ret, size_t *ret_length)
{
	json_t *report = make(fleet, verified_by, now, events || format == REPORT_HTML);
	char *text = NULL;
	size_t length = 0;
	FILE *to;
	int r;

	if (!report)
		return -EIO;
	to = open_memstream(&text, &length);
	if (!to) {
		json_decref(report);
		return -ENOMEM;
	}
	r = write_as(to, report, format);
	if (ferror(to) && !r)
		r = -ENOMEM;
	if (fclose(to) && !r)
		r = -ENOMEM;
	json_decref(report);
	if (r) {
		free(text);
		return r;
	}
	*ret = text;
	*ret_length = length;
	return 0;
}
