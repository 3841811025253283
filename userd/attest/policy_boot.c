// SPDX-License-Identifier: BSD-3-Clause
/*
 * The facts of a boot against the lists of a policy. Most lists say what may be there. Two say
 * what has to be: dbx, whose entries are ticked off as they are seen, and sbat, whose lines
 * are met by the same line of a later generation.
 */
#include "attest/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHANGED "find out what changed on the host; where it is good, add it to the policy"
#define UPDATE	"update what verifies boot loaders: shim, or the firmware's dbx"

/**
 * struct compare - a comparison on its way
 * @policy: knows
 * @dbx: entries of the policy's dbx that were not seen yet
 * @sbat: lines of its sbat that were not met yet
 * @cmdlines: that were seen
 * @verdict: hears what is wrong
 */
struct compare {
	const struct policy *policy;
	json_t *dbx;
	json_t *sbat;
	size_t cmdlines;
	struct attest_verdict *verdict;
};

static void differs(const struct compare *compare, const struct fact *fact, const char *text)
{
	bool least = fact->kind == FACT_DBX || fact->kind == FACT_SBAT;
	struct attest_reason *reason;
	char code[32];

	snprintf(code, sizeof(code), "policy.%s", fact_name(fact->kind));
	reason = attest_verdict_say(compare->verdict, ATTEST_FAILED, code,
				    least ? UPDATE : CHANGED, "%s", text);
	if (fact->event) {
		reason->pcr = (int)fact->event->pcr;
		reason->event = (long)fact->event->number;
		reason->offset = (long)fact->event->offset;
	}
	if (fact->kind != FACT_CMDLINE)
		snprintf(reason->found, sizeof(reason->found), "%.128s", fact->text);
}

static void differs_from_list(const struct compare *compare, const struct fact *fact)
{
	static const char *const nouns[_FACT_MAX] = {
		[FACT_FIRMWARE] = "the firmware (PCR 0)",
		[FACT_PK] = "the platform key (PK)",
		[FACT_KEK] = "a key exchange key (KEK)",
		[FACT_DB] = "an entry of db",
		[FACT_AUTHORITY] = "what a boot program was verified by",
		[FACT_APPLICATION] = "a boot program",
		[FACT_FILE] = "a file that the boot loader read",
		[FACT_DRIVER] = "a driver of the firmware",
		[FACT_MOK] = "the state of shim",
		[FACT_SECTION] = "a section of the kernel image",
		[FACT_EVENT] = "a part of the firmware",
	};
	char text[128];

	snprintf(text, sizeof(text), "%s is none of those that the policy lists",
		 nouns[fact->kind]);
	differs(compare, fact, text);
}

static bool has_word(const char *line, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = line; (at = strstr(at, word)); at++)
		if ((at == line || at[-1] == ' ') &&
		    (word[length - 1] == '=' || !at[length] || at[length] == ' '))
			return true;
	return false;
}

static void take_cmdline(struct compare *compare, const struct fact *fact)
{
	json_t *allow = policy_list(compare->policy, "cmdline");
	json_t *deny = policy_list(compare->policy, "cmdline_deny"), *text;
	bool allowed = !allow;
	size_t i;

	compare->cmdlines++;
	if ((allow || deny) && !*fact->text) {
		differs(compare, fact, "a command line was measured that cannot be read");
		return;
	}
	json_array_foreach(allow, i, text)
		allowed |= !fnmatch(json_string_value(text), fact->text, 0);
	if (!allowed)
		differs(compare, fact, "the kernel has a command line that the policy does not "
				       "allow");
	json_array_foreach(deny, i, text)
		if (has_word(fact->text, json_string_value(text)))
			differs(compare, fact, "the kernel's command line has a word that the "
					       "policy denies");
}

static void take_dbx(struct compare *compare, const struct fact *fact)
{
	json_t *text;
	size_t i;

	json_array_foreach(compare->dbx, i, text)
		if (!strcasecmp(json_string_value(text), fact->text)) {
			json_array_remove(compare->dbx, i);
			break;
		}
}

/**
 * struct level - a line of SbatLevel: "grub,5", or "sbat,1,2025021800"
 * @name: of what it is about
 * @numbers: generation, and a date or 0
 */
struct level {
	char name[64];
	unsigned long numbers[2];
};

static struct level level_of(const char *line)
{
	size_t length = strcspn(line, ",");
	struct level level = { 0 };
	char *end;

	snprintf(level.name, sizeof(level.name), "%.*s", (int)length, line);
	for (size_t i = 0; i < 2 && line[length] == ','; i++) {
		level.numbers[i] = strtoul(line + length + 1, &end, 10);
		line = end;
		length = 0;
	}
	return level;
}

static void take_sbat(struct compare *compare, const struct fact *fact)
{
	json_t *list = policy_list(compare->policy, "sbat"), *text;
	const struct level level = level_of(fact->text);
	size_t i;

	json_array_foreach(list, i, text) {
		const struct level least = level_of(json_string_value(text));

		if (strcmp(least.name, level.name) != 0)
			continue;
		if (level.numbers[0] < least.numbers[0] ||
		    (level.numbers[0] == least.numbers[0] && level.numbers[1] < least.numbers[1]))
			differs(compare, fact, "the SBAT level lets older boot loaders run "
					       "than the policy wants");
	}
	for (i = json_array_size(compare->sbat); i--;) {
		const struct level least =
			level_of(json_string_value(json_array_get(compare->sbat, i)));

		if (!strcmp(least.name, level.name))
			json_array_remove(compare->sbat, i);
	}
}

static int take_fact(void *context, const struct fact *fact)
{
	struct compare *compare = context;
	json_t *list = policy_list(compare->policy, fact_name(fact->kind));

	switch (fact->kind) {
	case FACT_CMDLINE:
		take_cmdline(compare, fact);
		break;
	case FACT_DBX:
		take_dbx(compare, fact);
		break;
	case FACT_SBAT:
		take_sbat(compare, fact);
		break;
	default:
		if (list && !policy_has(list, fact->text))
			differs_from_list(compare, fact);
	}
	return 0;
}

static void end(const struct compare *compare)
{
	const struct fact dbx = { .kind = FACT_DBX }, sbat = { .kind = FACT_SBAT };
	const struct fact cmdline = { .kind = FACT_CMDLINE };
	bool listed = true;

	if (json_array_size(compare->dbx))
		differs(compare, &dbx, "what the policy wants in dbx is not there");
	if (json_array_size(compare->sbat))
		differs(compare, &sbat, "the SBAT level says nothing of what the policy wants in "
					"it");
	if (json_array_size(policy_list(compare->policy, "cmdline")) && !compare->cmdlines)
		differs(compare, &cmdline, "no command line of the kernel was measured");
	for (enum fact_kind kind = 0; kind < _FACT_MAX; kind++)
		listed &= policy_list(compare->policy, fact_name(kind)) != NULL;
	if (!listed)
		attest_verdict_unchecked(compare->verdict,
					 "the policy has no opinion about some kinds of facts: "
					 "lists are missing in it");
}

int policy_check_log(const struct policy *policy, const struct eventlog *log,
		     const struct attest_pcrs *pcrs, struct hash *hash,
		     struct attest_verdict *verdict)
{
	json_t *dbx = policy_list(policy, "dbx"), *sbat = policy_list(policy, "sbat");
	struct compare compare = { .policy = policy, .dbx = json_copy(dbx),
				   .sbat = json_copy(sbat), .verdict = verdict };
	int r = (dbx && !compare.dbx) || (sbat && !compare.sbat) ? -ENOMEM : 0;

	if (!r) {
		fact_walk(log, pcrs, hash, take_fact, &compare);
		end(&compare);
	}
	json_decref(compare.dbx);
	json_decref(compare.sbat);
	return r;
}
