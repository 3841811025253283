// SPDX-License-Identifier: BSD-3-Clause
/*
 * The launch of a container in a vTPM: two events that its engine measures when it is powered
 * on (engine/launch.c), and the log of them.
 *
 * The events are texts. They say what the caller declared, and who the caller is, which
 * the kernel said: an image is a number in somebody's storage, and nobody looks at its files
 * here. The log is a file in the runtime directory, there from the first answer of a
 * life until its end, in the JSON form of TCG's Canonical Event Log: each record has the event's
 * digest in every bank of the vTPM, and the text that it is the digest of.
 *
 * It is no secret and needs no protection: who changes it cannot change the PCRs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "base/log.h"
#include "manager/api_json.h"
#include "manager/state.h"

#define CONTENT_TYPE "org.vtpm.launch"
#define SHA256	     0x0b

/* Where each event goes, in the order of engine/launch.c. */
static const struct {
	unsigned int pcr;
	bool image;
} records[] = { { 17, true }, { 18, false }, { 8, true }, { 9, false } };

void launch_path(const struct vtpm *vtpm, char *ret, size_t room)
{
	snprintf(ret, room, "%s/vtpm/%s.cel.json", vtpm->manager->options.runtime_dir,
		 vtpm->define.name);
}

static void events_of(const struct manager_launch *what, struct launch *ret)
{
	snprintf(ret->image, sizeof(ret->image), "vtpm launch: image %s, declared by uid %u",
		 what->image, what->uid);
	snprintf(ret->configuration, sizeof(ret->configuration),
		 "vtpm launch: configuration %s, declared by uid %u", what->configuration,
		 what->uid);
}

void launch_set(struct vtpm *vtpm, const struct manager_launch *what)
{
	events_of(what, &vtpm->launch);
}

static const char *text_of(const json_t *log, size_t i)
{
	return json_string_value(json_object_get(
		json_object_get(json_array_get(log, i), "content"), "event"));
}

bool launch_is(const struct vtpm *vtpm, const struct manager_launch *what)
{
	const char *image, *configuration;
	char path[VTPM_PATH_SIZE];
	struct launch wanted;
	json_t *log;
	bool same;

	events_of(what, &wanted);
	launch_path(vtpm, path, sizeof(path));
	log = json_load_file(path, 0, NULL);
	image = text_of(log, 0);
	configuration = text_of(log, 1);
	same = image && configuration && !strcmp(image, wanted.image) &&
	       !strcmp(configuration, wanted.configuration);
	json_decref(log);
	return same;
}

static json_t *digest(unsigned int bank, const char *text)
{
	const char *name = api_bank_name(bank);
	uint8_t bytes[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned int length;

	if (!EVP_Digest(text, strlen(text), bytes, &length, EVP_get_digestbyname(name), NULL))
		return NULL;
	for (unsigned int i = 0; i < length; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", bytes[i]);
	return json_pack("{s:s, s:s}", "hashAlg", name, "digest", hex);
}

static json_t *digests(uint32_t banks, const char *text)
{
	json_t *array = json_array();

	for (unsigned int bank = 0; bank < 32; bank++)
		if ((banks ? banks : 1u << SHA256) & 1u << bank)
			json_array_append_new(array, digest(bank, text));
	return array;
}

static json_t *log_of(const struct vtpm *vtpm)
{
	json_t *log = json_array();

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		const char *text = records[i].image ? vtpm->launch.image :
						      vtpm->launch.configuration;

		json_array_append_new(log, json_pack("{s:i, s:i, s:o, s:s, s:{s:s}}", "recnum",
						     (int)i, "pcr", (int)records[i].pcr, "digests",
						     digests(vtpm->define.banks, text),
						     "content_type", CONTENT_TYPE, "content",
						     "event", text));
	}
	return log;
}

void launch_write(const struct vtpm *vtpm)
{
	char path[VTPM_PATH_SIZE], draft[VTPM_PATH_SIZE + 4];
	json_t *log;

	launch_path(vtpm, path, sizeof(path));
	if (!vtpm->launch.image[0]) {
		launch_unwrite(vtpm);
		return;
	}
	snprintf(draft, sizeof(draft), "%s.new", path);
	log = log_of(vtpm);
	if (json_dump_file(log, draft, JSON_INDENT(2)) || rename(draft, path)) {
		log_line("%s: its launch is measured, but %s cannot be written: %s",
			 vtpm->define.name, path, strerror(errno));
		unlink(draft);
	}
	json_decref(log);
}

void launch_unwrite(const struct vtpm *vtpm)
{
	char path[VTPM_PATH_SIZE];

	launch_path(vtpm, path, sizeof(path));
	unlink(path);
}
