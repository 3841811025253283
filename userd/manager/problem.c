// SPDX-License-Identifier: BSD-3-Clause
/*
 * Problems: one row a code, its name and its HTTP status.
 */
#include "manager/problem.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name;
	unsigned int status;
} rows[_PROBLEM_MAX] = {
	[PROBLEM_NONE] = { "none", 200 },
	[PROBLEM_INVALID] = { "invalid", 400 },
	[PROBLEM_NOT_FOUND] = { "not-found", 404 },
	[PROBLEM_EXISTS] = { "exists", 409 },
	[PROBLEM_FORBIDDEN] = { "forbidden", 403 },
	[PROBLEM_CONFLICT] = { "conflict", 409 },
	[PROBLEM_LOCKED] = { "locked", 423 },
	[PROBLEM_UNINITIALISED] = { "uninitialised", 409 },
	[PROBLEM_NO_HARDWARE] = { "no-hardware", 503 },
	[PROBLEM_AUTH] = { "auth", 403 },
	[PROBLEM_HOST_TPM] = { "host-tpm", 502 },
	[PROBLEM_NO_DRIVER] = { "no-driver", 503 },
	[PROBLEM_STORAGE] = { "storage", 507 },
	[PROBLEM_TIMEOUT] = { "timeout", 504 },
	[PROBLEM_FAILED] = { "failed", 500 },
	[PROBLEM_INTERNAL] = { "internal", 500 },
};

void problem_set(struct problem *problem, enum problem_code code, const char *next,
		 const char *format, ...)
{
	va_list arguments;

	*problem = (struct problem){ .code = code };
	va_start(arguments, format);
	vsnprintf(problem->detail, sizeof(problem->detail), format, arguments);
	va_end(arguments);
	if (next)
		snprintf(problem->next, sizeof(problem->next), "%s", next);
}

const char *problem_name(enum problem_code code)
{
	return code < _PROBLEM_MAX ? rows[code].name : rows[PROBLEM_INTERNAL].name;
}

unsigned int problem_http_status(enum problem_code code)
{
	return code < _PROBLEM_MAX ? rows[code].status : rows[PROBLEM_INTERNAL].status;
}
