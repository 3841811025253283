// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl fsck: what is intact in the store and in its copy, seen from outside.
 *
 * It asks no daemon: it reads the files, with or without vtpmd, and writes nothing. What
 * takes a key (what is in an envelope) or the host TPM (whether the store is the newest) it
 * does not look at, and says so.
 *
 * With --use-copy, and only where something is not intact and no vtpmd runs, the copy comes in
 * the store's place, which is kept. Whether that is the newest store keyd says at the next start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#include "cli/cli.h"
#include "cli/report.h"
#include "store/archive_inspect.h"
#include "store/copy.h"

static const struct report_column columns[] = {
	{ "NAME", "name" }, { "INTACT", "intact" },   { "GENERATION", "generation" },
	{ "UUID", "uuid" }, { "PROBLEM", "problem" },
};

#define DEFAULT_DIR "/var/lib/vtpm"

/**
 * struct fsck - one file, and what was found in it
 * @path: of it
 * @vtpms: what was seen
 * @bad: how many are not intact
 * @block: there is a root block
 * @error: -errno where it could not be looked at
 * @reason: why
 */
struct fsck {
	char path[COPY_PATH_MAX];
	json_t *vtpms;
	unsigned int bad;
	bool block;
	int error;
	char reason[VTPM_REASON_SIZE];
};

static void uuid_text(const uint8_t *uuid, char *to, size_t room)
{
	size_t used = 0;

	for (size_t i = 0; i < 16; i++)
		used += (size_t)snprintf(to + used, room - used, "%s%02x",
					 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static void see(void *context, const struct archive_seen *seen)
{
	struct fsck *fsck = context;
	char uuid[40];

	uuid_text(seen->uuid, uuid, sizeof(uuid));
	fsck->bad += seen->problem[0] != '\0';
	json_array_append_new(fsck->vtpms,
			      json_pack("{s:s, s:s, s:b, s:I, s:I, s:s, s:s}", "name", seen->name,
					"uuid", uuid, "intact", !seen->problem[0], "epoch",
					(json_int_t)seen->epoch, "generation",
					(json_int_t)seen->generation, "problem", seen->problem,
					"quarantine", seen->quarantine));
}

static void inspect(struct fsck *fsck)
{
	fsck->vtpms = json_array();
	fsck->error = archive_inspect(fsck->path, see, fsck, &fsck->block, fsck->reason,
				      sizeof(fsck->reason));
}

static json_t *file_json(const struct fsck *fsck)
{
	return json_pack("{s:s, s:b, s:s, s:b, s:O}", "path", fsck->path, "whole", !fsck->error,
			 "problem", fsck->reason, "root_block", (int)fsck->block, "vtpms",
			 fsck->vtpms);
}

/* Return: NULL: there is no copy */
static json_t *copy_json(const struct fsck *store, const struct fsck *copy)
{
	char text[32] = "";
	struct tm when;
	json_t *object;
	time_t of;

	if (copy_age(store->path, &of))
		return NULL;
	if (gmtime_r(&of, &when))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &when);
	object = file_json(copy);
	json_object_set_new(object, "of", json_string(text));
	json_object_set_new(object, "age_seconds", json_integer((json_int_t)(time(NULL) - of)));
	return object;
}

static void print_copy(const json_t *copy, const struct fsck *about, bool vtpms)
{
	if (!copy) {
		puts("copy: none");
		return;
	}
	if (vtpms && !about->error)
		report_table(about->vtpms, columns, sizeof(columns) / sizeof(columns[0]));
	printf("copy: %s, of %s, %lld minutes old; ", about->path,
	       json_string_value(json_object_get(copy, "of")),
	       json_integer_value(json_object_get(copy, "age_seconds")) / 60);
	if (about->error)
		printf("damaged: %s\n", about->reason);
	else
		printf("whole; vTPMs: %zu, %u of them not intact\n",
		       json_array_size(about->vtpms), about->bad);
}

static void print_store(const struct fsck *store)
{
	if (!store->error || json_array_size(store->vtpms))
		report_table(store->vtpms, columns, sizeof(columns) / sizeof(columns[0]));
	if (store->error)
		return;
	printf("file: whole; root block: %s; vTPMs: %zu, %u of them not intact\n",
	       store->block ? "there" : "none", json_array_size(store->vtpms), store->bad);
	puts("not looked at: what is in the envelopes (the data key is needed), and whether this\n"
	     "is the newest store (`vtpmctl host show` says what the host TPM says)");
}

static void print(const struct cli *cli, const struct fsck *store, const struct fsck *copy)
{
	json_t *all, *copied = copy_json(store, copy);

	if (cli->json) {
		all = file_json(store);
		json_object_set_new(all, "copy", copied ? json_incref(copied) : json_null());
		report_json(all);
		json_decref(all);
	} else {
		print_store(store);
		print_copy(copied, copy, store->error || store->bad);
	}
	json_decref(copied);
}

/* What to do about a store that is not intact: the copy, if it is one. */
static void say_next(const struct cli *cli, const struct fsck *copy, char *to, size_t room)
{
	if (copy->error)
		snprintf(to, room, "restore a good copy of it, and keep this one");
	else
		snprintf(to, room,
			 "with vtpmd stopped, `vtpmctl fsck%s%s --use-copy` puts its copy in its place, "
			 "and keeps this one",
			 cli->state_dir ? " --state-dir " : "",
			 cli->state_dir ? cli->state_dir : "");
}

static enum cli_exit judge(const struct cli *cli, const struct fsck *store,
			   const struct fsck *copy)
{
	char next[COPY_PATH_MAX + 128];

	say_next(cli, copy, next, sizeof(next));
	if (store->error)
		return report(cli, report_problem("storage", next, "%s cannot be looked at: %s",
						  store->path, store->reason));
	if (store->bad)
		return report(cli, report_problem("storage", next,
						  "%u vTPMs in %s are not intact", store->bad,
						  store->path));
	return CLI_EXIT_OK;
}

/* No vtpmd may have the store open until this process ends. Return: 0 or more, or -errno */
static int claim(const char *dir)
{
	char path[COPY_PATH_MAX];
	int fd, r;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = fd_claim(fd);
	if (!r)
		return fd;
	close(fd);
	return r;
}

static enum cli_exit use_copy(const struct cli *cli, const char *dir, const struct fsck *store)
{
	char kept[COPY_PATH_MAX], reason[VTPM_REASON_SIZE];
	int r;

	if (!store->error && !store->bad)
		return report(cli, report_problem("conflict", NULL,
						  "%s is intact: there is no use for its copy",
						  store->path));
	r = claim(dir);
	if (r == -EBUSY)
		return report(cli, report_problem("conflict", "stop it, and run this again",
						  "vtpmd runs with %s", dir));
	if (r < 0)
		return report(cli, report_problem("storage", "see whether this is vtpmd's folder",
						  "%s/lock: %s", dir, strerror(-r)));
	r = copy_use(store->path, kept, sizeof(kept), reason, sizeof(reason));
	if (r)
		return report(cli, report_problem("storage", "what was there is there still, or in a "
								"folder damaged-* beside it",
						  "the copy of %s cannot be used: %s", store->path,
						  reason));
	if (!cli->json)
		printf("%s is its copy now; what was there is kept in %s\n"
		       "next: start vtpmd. Unless nothing came after the copy the host is locked then, "
		       "until\n`vtpmctl host unlock --accept-rollback` takes it as it is\n",
		       store->path, kept);
	return CLI_EXIT_OK;
}

enum cli_exit cli_fsck(struct cli *cli, const char *name)
{
	const char *dir = cli->state_dir ? cli->state_dir : DEFAULT_DIR;
	struct fsck store = { 0 }, copy = { 0 };
	enum cli_exit status;

	(void)name;
	snprintf(store.path, sizeof(store.path), "%s/vtpm.db", dir);
	inspect(&store);
	copy.error = copy_path(store.path, copy.path, sizeof(copy.path));
	if (!copy.error)
		inspect(&copy);
	print(cli, &store, &copy);
	status = cli->use_copy ? use_copy(cli, dir, &store) : judge(cli, &store, &copy);
	json_decref(store.vtpms);
	json_decref(copy.vtpms);
	return status;
}
