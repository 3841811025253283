// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where commands and command lines are measured, a text that is not what was measured
 * lies. Elsewhere it may be a label of what was, so it is unproven at worst.
 */
#include "attest/ipl.h"

#include <string.h>

#include "attest/proof.h"
#include "base/cursor.h"

#define PCR_GRUB   8
#define PCR_STUB   11
#define PCR_KERNEL 12
#define PCR_SHIM   14

/* Commands of GRUB, and command lines that it passes on. */
static const struct {
	const char *word;
	enum event_class class;
} texts[] = {
	{ "grub_cmd: ", EVENT_CLASS_COMMAND },
	{ "grub_cmd ", EVENT_CLASS_COMMAND },
	{ "kernel_cmdline: ", EVENT_CLASS_OPTION },
	{ "grub_kernel_cmdline ", EVENT_CLASS_OPTION },
	{ "kernel_cmdline ", EVENT_CLASS_OPTION },
	{ "module_cmdline: ", EVENT_CLASS_OPTION },
	{ "module_cmdline ", EVENT_CLASS_OPTION },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static size_t find_text(const struct event *event)
{
	size_t i = 0;

	while (i < TEXTS && (event->size < strlen(texts[i].word) ||
			     strncmp((const char *)event->data, texts[i].word,
				     strlen(texts[i].word)) != 0))
		i++;
	return i;
}

static bool is_label(const struct event *event, const char *word)
{
	size_t length = strlen(word);

	return event->size >= length && event->size <= length + 1 &&
	       !strncmp((const char *)event->data, word, length) &&
	       (event->size == length || !event->data[length]);
}

static bool is_utf16(const struct event *event)
{
	struct cursor_in in = cursor_in(event->data, event->size);

	if (event->size < 4 || event->size % 2)
		return false;
	while (in.left)
		if (cursor_get_le16(&in) >= 0x80)
			return false;
	return true;
}

/* Initrds of credentials and extensions have a name, all others are command lines. */
static bool is_initrd(const struct event *event)
{
	char text[64];

	attest_text_utf16(text, sizeof(text), event->data, event->size);
	return strstr(text, "initrd");
}

/* What follows the word was measured: without its NUL, or with it by older ones. */
static enum event_proof prove_text(const struct event *event, struct hash *hash, size_t skip)
{
	const uint8_t *text = event->data + skip;
	size_t length = event->size - skip, bare = length;

	while (bare && !text[bare - 1])
		bare--;
	if (event_match(event, hash, text, bare) == EVENT_MATCHES_ALL ||
	    event_match(event, hash, text, length) == EVENT_MATCHES_ALL)
		return EVENT_PROVEN;
	return EVENT_LIES;
}

/* systemd-stub notes the name of a section in UTF-16, and measures it in ASCII. */
static enum event_proof prove_section(const struct event *event, struct hash *hash)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	uint8_t name[64];
	struct cursor_out out = cursor_out(name, sizeof(name));

	while (in.left)
		cursor_put_u8(&out, (uint8_t)cursor_get_le16(&in));
	if (out.used && name[out.used - 1])
		cursor_put_u8(&out, 0);
	if (!out.bad && event_match(event, hash, name, out.used) == EVENT_MATCHES_ALL)
		return EVENT_PROVEN;
	return EVENT_UNPROVEN;
}

enum event_proof ipl_prove(const struct event *event, struct hash *hash)
{
	size_t text = find_text(event);

	if (event->pcr == PCR_GRUB)
		return text < TEXTS ? prove_text(event, hash, strlen(texts[text].word))
				    : EVENT_LIES;
	if (event->pcr == PCR_STUB && is_utf16(event))
		return prove_section(event, hash);
	if (event->pcr == PCR_KERNEL && is_utf16(event) && !is_initrd(event))
		return EVENT_LIES;
	return EVENT_UNPROVEN;
}

bool ipl_is_grub(const struct event *event)
{
	return find_text(event) < TEXTS;
}

enum event_class ipl_class(const struct event *event)
{
	size_t text = find_text(event);

	if (text < TEXTS)
		return texts[text].class;
	if (event->pcr == PCR_SHIM)
		return is_label(event, "SbatLevel") ? EVENT_CLASS_VERSION : EVENT_CLASS_SECURITY;
	if (event->pcr == PCR_KERNEL)
		return EVENT_CLASS_OPTION;
	return EVENT_CLASS_SOFTWARE;
}

bool ipl_is_insecure_mok(const struct event *event, struct hash *hash)
{
	static const uint8_t insecure = 1;

	return event->pcr == PCR_SHIM && event->type == EV_IPL && is_label(event, "MokSBState") &&
	       event_match(event, hash, &insecure, sizeof(insecure)) != EVENT_MATCHES_NONE;
}
