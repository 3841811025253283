// SPDX-License-Identifier: BSD-3-Clause
/*
 * Replacing events; see the header.
 *
 * An event that was replaced has no digest in other banks any more, so its PCR has no value there.
 */
#include "attest/predict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/authenticode.h"
#include "attest/variable.h"
#include "base/cursor.h"
#include "base/secret.h"

#define COMMAND	      "grub_cmd: "
#define COMMAND_LINE  "kernel_cmdline: "
#define PCR_LINE      12
#define LINE_MAX_SIZE 4096
#define FIRMWARE      (1u << 0 | 1u << 2)

static bool measured(const struct event *event, const uint8_t *digest)
{
	return event->type != EV_NO_ACTION && event->digest[ATTEST_SHA256] &&
	       secret_equal(event->digest[ATTEST_SHA256], digest, hash_size(ATTEST_SHA256));
}

static int replace(struct predict *predict, struct event *event, const uint8_t *digest)
{
	uint8_t *kept;

	if (predict->count == PREDICT_DIGESTS_MAX)
		return -ENOSPC;
	kept = predict->digest[predict->count++];
	cursor_copy(kept, ATTEST_DIGEST_MAX, digest, ATTEST_DIGEST_MAX);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		event->digest[bank] = NULL;
	event->digest[ATTEST_SHA256] = kept;
	return 0;
}

static int replace_all(struct predict *predict, const uint8_t *old, const uint8_t *new)
{
	int count = 0;

	for (size_t i = 0; i < predict->log->count; i++) {
		if (!measured(&predict->log->events[i], old))
			continue;
		if (replace(predict, &predict->log->events[i], new))
			return -ENOSPC;
		count++;
	}
	return count;
}

static bool has(const struct predict *predict, const uint8_t *digest)
{
	for (size_t i = 0; i < predict->log->count; i++)
		if (measured(&predict->log->events[i], digest))
			return true;
	return false;
}

static int replace_image(struct predict *predict, struct hash_part old, struct hash_part new)
{
	uint8_t before[ATTEST_DIGEST_MAX] = { 0 }, after[ATTEST_DIGEST_MAX] = { 0 };

	if (!authenticode(predict->hash, ATTEST_SHA256, old.at, old.length, before) ||
	    !has(predict, before))
		return 0;
	if (!authenticode(predict->hash, ATTEST_SHA256, new.at, new.length, after))
		return -EBADMSG;
	return replace_all(predict, before, after);
}

/* Text as UEFI has it: UTF-16 with its NUL. Return: false: it is not ASCII, or too long. */
static bool hash_wide(struct predict *predict, struct hash_part text,
		      uint8_t ret[ATTEST_DIGEST_MAX])
{
	uint8_t wide[2 * (LINE_MAX_SIZE + 1)] = { 0 };
	struct hash_part part = { wide, 2 * (text.length + 1) };
	const uint8_t *from = text.at;

	if (text.length > LINE_MAX_SIZE)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (from[i] >= 0x80)
			return false;
		wide[2 * i] = from[i];
	}
	hash_parts(predict->hash, ATTEST_SHA256, &part, 1, ret);
	return true;
}

static int replace_wide(struct predict *predict, struct hash_part old, struct hash_part new)
{
	uint8_t before[ATTEST_DIGEST_MAX] = { 0 }, after[ATTEST_DIGEST_MAX] = { 0 };

	if (!hash_wide(predict, old, before) || !hash_wide(predict, new, after))
		return 0;
	return replace_all(predict, before, after);
}

/* A line of its own has a newline, which some stubs pass on and others do not. */
static struct hash_part bare(struct hash_part text)
{
	const char *at = text.at;

	while (text.length && strchr(" \n", at[text.length - 1]))
		text.length--;
	return text;
}

static int replace_line(struct predict *predict, struct hash_part old, struct hash_part new)
{
	int count = replace_wide(predict, old, new);

	return count ? count : replace_wide(predict, bare(old), bare(new));
}

/* What systemd-stub measures (systemd-stub(7)); another of its versions leaves some out. */
static const char *const sections[] = {
	".linux", ".osrel",   ".cmdline", ".initrd", ".ucode", ".splash",
	".dtb",	  ".dtbauto", ".uname",	  ".sbat",   ".hwids", ".pcrpkey", ".profile",
};

static int replace_section(struct predict *predict, const char *name, struct hash_part old,
			   struct hash_part new)
{
	uint8_t before[ATTEST_DIGEST_MAX] = { 0 }, after[ATTEST_DIGEST_MAX] = { 0 };
	int count, again = 0;

	hash_parts(predict->hash, ATTEST_SHA256, &old, 1, before);
	hash_parts(predict->hash, ATTEST_SHA256, &new, 1, after);
	count = replace_all(predict, before, after);
	if (count < 0)
		return count;
	/* the kernel measures its line again, some stubs have the firmware measure the kernel */
	if (!strcmp(name, ".cmdline"))
		again = replace_line(predict, old, new);
	else if (!strcmp(name, ".linux"))
		again = replace_image(predict, old, new);
	return again < 0 ? again : count + again;
}

/* Of two unified kernel images; others have none of these sections. */
static int replace_sections(struct predict *predict, struct hash_part old, struct hash_part new)
{
	struct hash_part before, after;
	int count = 0, r;

	if (!authenticode_section(old, ".linux", &before))
		return 0;
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		bool was = authenticode_section(old, sections[i], &before);
		bool is = authenticode_section(new, sections[i], &after);

		if (was != is)
			return -ENOTSUP;
		r = was ? replace_section(predict, sections[i], before, after) : 0;
		if (r < 0)
			return r;
		count += r;
	}
	return count;
}

int predict_file(struct predict *predict, struct hash_part old, struct hash_part new)
{
	uint8_t before[ATTEST_DIGEST_MAX] = { 0 }, after[ATTEST_DIGEST_MAX] = { 0 };
	int images, files, r;

	hash_parts(predict->hash, ATTEST_SHA256, &old, 1, before);
	hash_parts(predict->hash, ATTEST_SHA256, &new, 1, after);
	files = replace_all(predict, before, after);
	images = files < 0 ? files : replace_image(predict, old, new);
	if (images <= 0)
		return images < 0 ? images : files;
	r = replace_sections(predict, old, new);
	return r < 0 ? r : files + images + r;
}

/* What an event says it measured, to be measured with another end: @kept bytes stay. */
static int replace_data(struct predict *predict, struct event *event, struct hash_part old,
			const struct hash_part *new, size_t parts)
{
	uint8_t digest[ATTEST_DIGEST_MAX] = { 0 };

	if (!event->digest[ATTEST_SHA256] ||
	    !hash_is(predict->hash, ATTEST_SHA256, old.at, old.length,
		     event->digest[ATTEST_SHA256]))
		return -EBADMSG;
	hash_parts(predict->hash, ATTEST_SHA256, new, parts, digest);
	return replace(predict, event, digest);
}

int predict_variable(struct predict *predict, const char *name, struct hash_part value)
{
	int count = 0, r;

	for (size_t i = 0; i < predict->log->count; i++) {
		struct event *event = &predict->log->events[i];
		struct variable variable;
		uint8_t size[8];
		struct hash_part parts[4];

		if (event->type != EV_EFI_VARIABLE_DRIVER_CONFIG ||
		    !variable_parse(&variable, event->data, event->size) ||
		    (!variable_is_image(&variable, name) && !variable_is_global(&variable, name)))
			continue;
		for (size_t byte = 0; byte < sizeof(size); byte++)
			size[byte] = (uint8_t)((uint64_t)value.length >> (8 * byte));
		/* guid and length of the name; length of the value; name; value */
		parts[0] = (struct hash_part){ event->data, VARIABLE_GUID_SIZE + 8 };
		parts[1] = (struct hash_part){ size, sizeof(size) };
		parts[2] = (struct hash_part){ event->data + VARIABLE_GUID_SIZE + 16,
					       (size_t)(variable.data - event->data) -
						       VARIABLE_GUID_SIZE - 16 };
		parts[3] = value;
		r = replace_data(predict, event, (struct hash_part){ event->data, event->size },
				 parts, 4);
		if (r)
			return r;
		count++;
	}
	return count;
}

/* What follows a word in an event of GRUB, without its NUL; NULL where it begins otherwise. */
static struct hash_part text_after(const struct event *event, const char *word)
{
	const size_t length = strlen(word);
	struct hash_part text = { 0 };

	if (event->type != EV_IPL || event->size <= length ||
	    !secret_equal(event->data, word, length))
		return text;
	text.at = event->data + length;
	text.length = strnlen(text.at, event->size - length);
	return text;
}

static bool same_text(struct hash_part one, struct hash_part other)
{
	return one.length == other.length && secret_equal(one.at, other.at, one.length);
}

/* GRUB measures "linux LINE" as a command, and what it gives the kernel as a line again. */
static int replace_command(struct predict *predict, struct hash_part old, struct hash_part new)
{
	int count = 0, r;

	for (size_t i = 0; i < predict->log->count; i++) {
		struct event *event = &predict->log->events[i];
		const struct hash_part command = text_after(event, COMMAND);
		const char *space =
			command.at ? memchr(command.at, ' ', command.length) : NULL;
		struct hash_part parts[2], line;

		if (!space)
			continue;
		parts[0].at = command.at;
		parts[0].length = (size_t)(space + 1 - (const char *)command.at);
		line.at = space + 1;
		line.length = command.length - parts[0].length;
		if (!same_text(line, old))
			continue;
		parts[1] = new;
		r = replace_data(predict, event, command, parts, 2);
		if (r)
			return r;
		count++;
	}
	return count;
}

/* Measured by systemd-stub, in UTF-16: what the loader passed to it. */
static int replace_passed(struct predict *predict, struct hash_part new)
{
	uint8_t after[ATTEST_DIGEST_MAX] = { 0 };
	bool wide = hash_wide(predict, new, after);
	int count = 0, r;

	for (size_t i = 0; i < predict->log->count; i++) {
		struct event *event = &predict->log->events[i];

		if (event->pcr != PCR_LINE || event->type != EV_IPL ||
		    !event->digest[ATTEST_SHA256] ||
		    !hash_is(predict->hash, ATTEST_SHA256, event->data, event->size,
			     event->digest[ATTEST_SHA256]))
			continue;
		if (!wide)
			return -EBADMSG;
		r = replace_all(predict, event->digest[ATTEST_SHA256], after);
		if (r < 0)
			return r;
		count += r;
	}
	return count;
}

int predict_command_line(struct predict *predict, const char *text)
{
	const struct hash_part line = { text, strlen(text) };
	int count = 0, r;

	for (size_t i = 0; i < predict->log->count; i++) {
		struct event *event = &predict->log->events[i];
		const struct hash_part old = text_after(event, COMMAND_LINE);

		if (!old.at)
			continue;
		r = replace_data(predict, event, old, &line, 1);
		if (!r)
			r = replace_command(predict, old, line);
		if (r < 0)
			return r;
		count += 1 + r;
	}
	r = replace_passed(predict, line);
	return r < 0 ? r : count + r;
}

static bool is_firmware(const struct event *event)
{
	return event->pcr < ATTEST_PCRS && FIRMWARE >> event->pcr & 1;
}

int predict_firmware(struct predict *predict, const struct eventlog *from)
{
	struct eventlog *log = predict->log;
	struct event *events = calloc(log->count + from->count, sizeof(*events));
	size_t used = 0;
	int count;

	if (!events)
		return -ENOMEM;
	for (size_t i = 0; i < from->count; i++)
		if (is_firmware(&from->events[i]))
			events[used++] = from->events[i];
	count = (int)used;
	for (size_t i = 0; i < log->count; i++)
		if (!is_firmware(&log->events[i]))
			events[used++] = log->events[i];
	free(log->events);
	log->events = events;
	log->count = used;
	return count;
}

void predict_pcrs(const struct predict *predict, struct attest_pcrs *ret)
{
	eventlog_replay(predict->log, predict->hash, ret);
}
