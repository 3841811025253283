/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The security report: one JSON document, and three views of it.
 *
 *	json	{generated_at, verified_by, columns, hosts, events}
 *	table	a line a host, and with events a line an event
 *	csv	RFC 4180, the same columns; no cell begins as a formula does
 *	html	one page that loads nothing; all it shows is in it as text
 *
 * Names and messages come from hosts, which may be hostile: each view escapes all of them.
 */
#ifndef VERIFIER_REPORT_H
#define VERIFIER_REPORT_H

#include "verifier/fleet.h"

/** enum report_format - how it is written */
enum report_format {
	REPORT_TABLE,
	REPORT_JSON,
	REPORT_CSV,
	REPORT_HTML,
	_REPORT_FORMAT_MAX,
};

/** report_format_find() - by its name. Return: the format; _REPORT_FORMAT_MAX: there is none */
enum report_format report_format_find(const char *name);

/**
 * report_new() - write a report
 * @fleet: about it
 * @verified_by: name of this verifier
 * @now: seconds since 1970
 * @format: how
 * @events: with events; HTML has them always
 * @ret: text with a NUL; the caller frees it
 * @ret_length: bytes without the NUL
 *
 * Return: 0; -EIO (the fleet cannot be read); -ENOMEM.
 */
int report_new(struct fleet *fleet, const char *verified_by, int64_t now,
	       enum report_format format, bool events, char **ret, size_t *ret_length);

#endif /* VERIFIER_REPORT_H */
