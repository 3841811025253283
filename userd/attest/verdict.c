// SPDX-License-Identifier: BSD-3-Clause
/*
 * A verdict grows reasons and only gets worse. Where the table is full, a spare entry
 * behind it takes what the caller still wants to fill in.
 */
#include "attest/attest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static struct attest_reason *add(struct attest_verdict *verdict, enum attest_status status,
				 const char *code)
{
	struct attest_reason *reason = &verdict->reasons[verdict->count];

	if (verdict->count < ATTEST_REASONS)
		verdict->count++;
	else
		verdict->dropped++;
	if (status > verdict->status)
		verdict->status = status;
	reason->status = status;
	reason->pcr = ATTEST_NONE;
	reason->event = ATTEST_NONE;
	reason->offset = ATTEST_NONE;
	reason->expected[0] = '\0';
	reason->found[0] = '\0';
	text_cut(reason->code, sizeof(reason->code), code);
	return reason;
}

struct attest_reason *attest_verdict_say(struct attest_verdict *verdict, enum attest_status status,
					 const char *code, const char *next, const char *format,
					 ...)
{
	struct attest_reason *reason = add(verdict, status, code);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
	reason->next = next;
	return reason;
}

int attest_verdict_malformed(struct attest_verdict *verdict, const char *kind, size_t offset,
			     size_t event, const char *format, ...)
{
	struct attest_reason *reason;
	va_list arguments;
	char code[32];

	snprintf(code, sizeof(code), "%.15s@%zu", kind, offset);
	reason = add(verdict, ATTEST_FAILED, code);
	va_start(arguments, format);
	vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
	reason->next = "fetch it again from the host, whole and unchanged";
	reason->event = (long)event;
	reason->offset = (long)offset;
	verdict->malformed = true;
	return -EBADMSG;
}

void attest_verdict_unchecked(struct attest_verdict *verdict, const char *sentence)
{
	if (verdict->unchecked_count < ATTEST_UNCHECKED)
		verdict->unchecked[verdict->unchecked_count++] = sentence;
}

const char *attest_status_name(enum attest_status status)
{
	static const char *const names[_ATTEST_STATUS_MAX] = {
		[ATTEST_PASSED] = "passed", [ATTEST_WARNING] = "warning",
		[ATTEST_NA] = "n/a",	    [ATTEST_UNKNOWN] = "unknown",
		[ATTEST_FAILED] = "failed",
	};

	return names[status];
}
