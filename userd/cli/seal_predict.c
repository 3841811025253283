// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl seal plan: what the PCRs will be (attest/predict.h).
 *
 * The log of this boot has to account for the PCRs as they are: a prediction that rests on
 * another log is worth nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/predict.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "cli/report.h"
#include "cli/seal.h"

#define EVENT_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define FILE_MAX  ((size_t)256 << 20)
#define STEP	  ((size_t)1 << 20)

/* A file in memory. */
struct blob {
	uint8_t *at;
	size_t length;
};

static void free_blob(struct blob *blob)
{
	free(blob->at);
}

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static json_t *unreadable(const char *path, int error)
{
	return report_problem("usage", "give another file, or run it as root",
			      "'%s' cannot be read: %s", path, strerror(error));
}

static json_t *load(const char *path, struct blob *ret)
{
	_cleanup_(close_file) FILE *file = fopen(path, "re");
	size_t n = 1;

	if (!file)
		return unreadable(path, errno);
	while (n) {
		uint8_t *more = realloc(ret->at, ret->length + STEP);

		if (!more || ret->length > FILE_MAX)
			return unreadable(path, more ? EFBIG : ENOMEM);
		ret->at = more;
		n = fread(ret->at + ret->length, 1, STEP, file);
		ret->length += n;
	}
	return ferror(file) ? unreadable(path, EIO) : NULL;
}

static json_t *load_log(const char *path, struct blob *bytes, struct eventlog *ret)
{
	struct attest_verdict *verdict = calloc(1, sizeof(*verdict));
	json_t *problem = load(path, bytes);
	int r = -ENOMEM;

	if (!problem && verdict)
		r = eventlog_parse(ret, bytes->at, bytes->length, verdict);
	free(verdict);
	if (!problem && r)
		return report_problem("usage", "`vtpm-verify eventlog` says where it is broken",
				      "'%s' is no log of a firmware", path);
	return problem;
}

static json_t *check(int count, const char *option, const char *what)
{
	if (count > 0)
		return NULL;
	if (!count)
		return report_problem("conflict", "give what this boot has measured",
				      "--%s %s: the log of this boot has no such event", option,
				      what);
	if (count == -ENOTSUP)
		return report_problem("conflict", "boot it once, and seal to what it measured",
				      "--%s %s: one of the two images has a section that the other "
				      "has not, and nothing says whether that will be measured",
				      option, what);
	return report_problem("conflict", "leave it out, or give another file",
			      "--%s %s: what it replaces cannot be followed in the log (%s)",
			      option, what, strerror(-count));
}

static json_t *replace(struct predict *predict, const char *pair)
{
	_cleanup_(free_blob) struct blob old = { 0 };
	_cleanup_(free_blob) struct blob new = { 0 };
	const char *equals = strchr(pair, '=');
	char path[4096];
	json_t *problem;

	snprintf(path, sizeof(path), "%.*s", (int)(equals - pair), pair);
	problem = load(path, &old);
	if (!problem)
		problem = load(equals + 1, &new);
	if (problem)
		return problem;
	return check(predict_file(predict, (struct hash_part){ old.at, old.length },
				  (struct hash_part){ new.at, new.length }),
		     "replace", path);
}

static json_t *replace_dbx(struct predict *predict, const char *path)
{
	_cleanup_(free_blob) struct blob value = { 0 };
	json_t *problem = load(path, &value);

	return problem ? problem :
			 check(predict_variable(predict, "dbx",
						(struct hash_part){ value.at, value.length }),
			       "dbx", path);
}

static json_t *follow(const struct cli *cli, struct predict *predict)
{
	json_t *problem = NULL;

	for (unsigned int i = 0; !problem && i < cli->replace_count; i++)
		problem = replace(predict, cli->replace[i]);
	if (!problem && cli->dbx)
		problem = replace_dbx(predict, cli->dbx);
	if (!problem && cli->cmdline)
		problem = check(predict_command_line(predict, cli->cmdline), "cmdline",
				cli->cmdline);
	return problem;
}

static json_t *compare(const struct predict *predict, const struct seal_state *state)
{
	struct attest_pcrs now;

	predict_pcrs(predict, &now);
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		static const uint8_t untouched[SEAL_HASH_SIZE];
		const uint8_t *value = now.has[ATTEST_SHA256] >> pcr & 1 ?
					       now.value[ATTEST_SHA256][pcr] :
					       untouched;

		if ((state->pcrs.mask >> pcr & 1) &&
		    !secret_equal(value, state->pcrs.value[pcr], SEAL_HASH_SIZE))
			return report_problem(
				"conflict", "`vtpm-verify eventlog` looks at the log",
				"PCR %u does not follow from the log of this boot, so nothing can "
				"be predicted", pcr);
	}
	return NULL;
}

static json_t *predict_with(const struct cli *cli, struct predict *predict,
			    const struct seal_state *state, struct host_pcrs *ret)
{
	_cleanup_(free_blob) struct blob bytes = { 0 };
	_cleanup_(eventlog_done) struct eventlog firmware = { 0 };
	struct attest_pcrs after;
	json_t *problem = compare(predict, state);

	if (!problem)
		problem = follow(cli, predict);
	if (!problem && cli->firmware)
		problem = load_log(cli->firmware, &bytes, &firmware);
	if (!problem && cli->firmware)
		problem = check(predict_firmware(predict, &firmware), "firmware", cli->firmware);
	if (problem)
		return problem;
	predict_pcrs(predict, &after);
	if (hash_failed(predict->hash))
		return report_problem("internal", NULL, "OpenSSL does not hash");
	*ret = (struct host_pcrs){ .mask = state->pcrs.mask };
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		const uint8_t *value = after.value[ATTEST_SHA256][pcr];

		if (ret->mask >> pcr & after.has[ATTEST_SHA256] >> pcr & 1)
			cursor_copy(ret->value[pcr], SEAL_HASH_SIZE, value, SEAL_HASH_SIZE);
	}
	return NULL;
}

json_t *seal_predict(const struct cli *cli, const struct seal_state *state,
		     struct host_pcrs *ret)
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	_cleanup_(free_blob) struct blob bytes = { 0 };
	_cleanup_(eventlog_done) struct eventlog log = { 0 };
	struct predict *predict = calloc(1, sizeof(*predict));
	json_t *problem;

	if (!hash || !predict) {
		free(predict);
		return report_problem("internal", NULL, "there is no memory left");
	}
	problem = load_log(cli->event_log ? cli->event_log : EVENT_LOG, &bytes, &log);
	*predict = (struct predict){ .log = &log, .hash = hash };
	if (!problem)
		problem = predict_with(cli, predict, state, ret);
	free(predict);
	return problem;
}
