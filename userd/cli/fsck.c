// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpmctl fsck: what is intact in the store, seen from outside.
 *
 * It asks no daemon: it reads the file, with or without vtpmd, and writes nothing. What
 * takes a key (what is in an envelope) or the host TPM (whether the store is the newest) it
 * does not look at, and says so.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/report.h"
#include "store/archive_inspect.h"

static const struct report_column columns[] = {
	{ "NAME", "name" }, { "INTACT", "intact" },   { "GENERATION", "generation" },
	{ "UUID", "uuid" }, { "PROBLEM", "problem" },
};

/**
 * struct fsck - an inspection under way
 * @vtpms: what was seen
 * @bad: how many are not intact
 */
struct fsck {
	json_t *vtpms;
	unsigned int bad;
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

static void print(const struct cli *cli, const char *path, const struct fsck *fsck, bool block)
{
	json_t *all;

	if (cli->json) {
		all = json_pack("{s:s, s:b, s:O}", "path", path, "root_block", (int)block, "vtpms",
				fsck->vtpms);
		report_json(all);
		json_decref(all);
		return;
	}
	report_table(fsck->vtpms, columns, sizeof(columns) / sizeof(columns[0]));
	printf("file: whole; root block: %s; vTPMs: %zu, %u of them not intact\n",
	       block ? "there" : "none", json_array_size(fsck->vtpms), fsck->bad);
	puts("not looked at: what is in the envelopes (the data key is needed), and whether this\n"
	     "is the newest store (`vtpmctl host show` says what the host TPM says)");
}

enum cli_exit cli_fsck(struct cli *cli, const char *name)
{
	struct fsck fsck = { .vtpms = json_array() };
	char path[1024], reason[256];
	bool block = false;
	int r;

	(void)name;
	snprintf(path, sizeof(path), "%s/vtpm.db",
		 cli->state_dir ? cli->state_dir : "/var/lib/vtpm");
	r = archive_inspect(path, see, &fsck, &block, reason, sizeof(reason));
	if (!r)
		print(cli, path, &fsck, block);
	json_decref(fsck.vtpms);
	if (r)
		return report(cli, report_problem("storage",
						  "restore a good copy of it, and keep this one",
						  "%s cannot be looked at: %s", path, reason));
	if (fsck.bad)
		return report(cli, report_problem("storage",
						  "restore a good copy of those, or remove them",
						  "%u vTPMs in %s are not intact", fsck.bad, path));
	return CLI_EXIT_OK;
}
