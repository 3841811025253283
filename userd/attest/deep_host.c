// SPDX-License-Identifier: BSD-3-Clause
/*
 * Is the host measured well enough? What is missing is named; nothing of it fails, for it
 * says what a deep quote is worth, not that it lies.
 */
#include <stdio.h>
#include <string.h>

#include "attest/deep.h"
#include "attest/fact.h"

/* What of the host's own programs has to be in the log of IMA; engines are forked of vtpm-spawn */
static const char *const programs[] = { "vtpmd", "vtpm-keyd", "vtpm-spawn", "vtpm.ko" };
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

/* Command lines: each has to say so, as nobody knows which one the kernel took. */
struct cmdlines {
	size_t count;
	size_t strict;
};

static bool is_word(const char *word, size_t length, const char *what)
{
	return strlen(what) == length && !strncmp(word, what, length);
}

/* The last word about a thing is the one that counts. */
static bool is_strict(const char *text)
{
	bool lockdown = false, signed_only = false;

	while (*text) {
		size_t length = strcspn(text, " \t\n");

		if (!strncmp(text, "lockdown=", 9))
			lockdown = is_word(text, length, "lockdown=integrity") ||
				   is_word(text, length, "lockdown=confidentiality");
		if (!strncmp(text, "module.sig_enforce", 18))
			signed_only = is_word(text, length, "module.sig_enforce") ||
				      is_word(text, length, "module.sig_enforce=1");
		text += length;
		text += strspn(text, " \t\n");
	}
	return lockdown || signed_only;
}

static int hear(void *context, const struct fact *fact)
{
	struct cmdlines *lines = context;

	if (fact->kind != FACT_CMDLINE)
		return 0;
	lines->count++;
	lines->strict += is_strict(fact->text);
	return 0;
}

static bool is_program(const struct ima_entry *entry, const char *name)
{
	size_t length = strlen(name), size = entry->path_size, at = size;
	const char *path = (const char *)entry->path;

	if (!path)
		return false;
	while (at && path[at - 1] != '/')
		at--;
	if (!at || size - at < length || strncmp(path + at, name, length))
		return false;
	/* a module may be compressed */
	return size - at == length || (strchr(name, '.') && path[at + length] == '.');
}

/* Bit n: programs[n] is there, as the policy lists it, and never otherwise. */
static unsigned int find_programs(const struct boot *boot, const struct boot_evidence *evidence)
{
	struct attest_verdict ignored = { 0 };
	unsigned int found = 0, other = 0;
	struct ima_entry entry;
	struct ima_log log;

	if (!evidence->ima.at || !evidence->ima_policy ||
	    ima_open(&log, evidence->ima.at, evidence->ima.length, &ignored))
		return 0;
	while (log.entries < boot->ima.attested && ima_next(&log, &entry) > 0) {
		for (unsigned int i = 0; i < PROGRAMS; i++) {
			if (!is_program(&entry, programs[i]))
				continue;
			if (ima_policy_lists(evidence->ima_policy, &entry))
				found |= 1u << i;
			else
				other |= 1u << i;
		}
	}
	return found & ~other;
}

void deep_check_host(const struct boot *boot, const struct boot_evidence *evidence,
		     struct hash *hash, struct attest_verdict *verdict)
{
	unsigned int found = find_programs(boot, evidence);
	struct cmdlines lines = { 0 };
	char missing[160] = "";
	size_t used = 0;

	fact_walk(&boot->log, evidence->pcrs, hash, hear, &lines);
	if (boot->secure_boot != EVENT_SECURE_BOOT_ON)
		used += (size_t)snprintf(missing, sizeof(missing), ", Secure Boot");
	if (!lines.count || lines.strict != lines.count)
		used += (size_t)snprintf(missing + used, sizeof(missing) - used,
					 ", lockdown or module.sig_enforce");
	for (unsigned int i = 0; i < PROGRAMS; i++)
		if (!(found >> i & 1))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, ", %s",
						 programs[i]);
	if (used)
		attest_verdict_say(verdict, ATTEST_WARNING, "deep.host-unmeasured",
				   "boot the host with them, have IMA measure programs and modules, "
				   "and list these in the policy of IMA (--ima-policy)",
				   "what vouched for the vTPM is not measured: %s", missing + 2);
}
