// SPDX-License-Identifier: BSD-3-Clause
/*
 * Configuration: one table of keys.
 */
#include "verifier/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/**
 * struct key - one key
 * @name: as in the file
 * @offset: of its member
 * @room: of a text; 0: a number
 * @least: of a number
 * @most: of it
 */
struct key {
	const char *name;
	size_t offset;
	size_t room;
	unsigned long least;
	unsigned long most;
};

#define TEXT(name) \
	#name, offsetof(struct config, name), sizeof(((struct config *)0)->name), 0, 0
#define NUMBER(name, least, most) #name, offsetof(struct config, name), 0, least, most

static const struct key keys[] = {
	{ TEXT(name) },
	{ TEXT(database) },
	{ TEXT(ca) },
	{ TEXT(passphrase_file) },
	{ TEXT(ek_roots) },
	{ TEXT(policy) },
	{ TEXT(ima_policy) },
	{ TEXT(own_ak) },
	{ TEXT(listen) },
	{ NUMBER(port, 0, 65535) },
	{ TEXT(certificate) },
	{ TEXT(key) },
	{ TEXT(webhook) },
	{ TEXT(syslog) },
	{ NUMBER(valid, 60, 31536000) },
	{ NUMBER(deadline, 1, 3600) },
	{ NUMBER(evidence, 64, 65536) },
	{ NUMBER(every, 0, 86400) },
	{ NUMBER(share_every, 0, 86400) },
	{ NUMBER(cache, 0, 65536) },
};

/**
 * struct reading - the file being read
 * @config: filled in
 * @reason: why not
 * @room: of it
 */
struct reading {
	struct config *config;
	char *reason;
	size_t room;
};

static bool take(const struct key *key, struct config *config, const char *value)
{
	char *field = (char *)config + key->offset, *end;
	unsigned long number;

	if (key->room) {
		text_cut(field, key->room, value);
		return strlen(value) < key->room;
	}
	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno || end == value || *end || *value == '-' || number < key->least ||
	    number > key->most)
		return false;
	*(unsigned int *)(void *)field = (unsigned int)number;
	return true;
}

static int on_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;

	if (strcmp(section, "verifier")) {
		snprintf(reading->reason, reading->room,
			 "section [%.64s] is unknown: there is [verifier]", section);
		return 0;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (take(&keys[i], reading->config, value))
			return 1;
		snprintf(reading->reason, reading->room,
			 "%s is too long, no number or out of range: see vtpm-verify(1)", name);
		return 0;
	}
	snprintf(reading->reason, reading->room, "key %.64s is unknown: see vtpm-verify(1)", name);
	return 0;
}

int config_read(const char *path, char *reason, size_t room, struct config *ret)
{
	struct config config = {
		.name = "vtpm-verify",
		.database = "/var/lib/vtpm-verify/fleet.db",
		.ca = "/var/lib/vtpm-verify/ca",
		.listen = "127.0.0.1",
		.port = 8881,
		.valid = 3600,
		.deadline = 60,
		.evidence = 16384,
		.every = 5,
		.share_every = 10,
		.cache = 96,
	};
	struct reading reading = { &config, reason, room };
	int r;

	snprintf(reason, room, "it is no file of lines \"key = value\"");
	r = ini_parse(path, on_line, &reading);
	if (r < 0) {
		snprintf(reason, room, "it cannot be read: %s", strerror(errno));
		return -ENOENT;
	}
	if (r)
		return -EINVAL;
	*ret = config;
	return 0;
}
