// SPDX-License-Identifier: BSD-3-Clause
/*
 * The variable alone is not enough. The keys it depends on have to be there; something
 * has to have been verified; no mode may contradict it; and shim must not have been told
 * to verify nothing (MokSBState), which it measures into PCRs 7 and 14.
 */
#include "attest/secureboot.h"

#include <string.h>

#include "attest/ipl.h"
#include "attest/sigdb.h"
#include "attest/structure.h"
#include "attest/variable.h"

#define PCR_SECURE_BOOT 7
#define MOK_STATE	"MokSBState"

#define DISABLED "Host Secure Boot was disabled"
#define ENABLE	 "enable Secure Boot in the firmware and boot again"
#define LIED	 "believe nothing of this log: the host, or who passed it on, changed it"

/** enum key - variables that PCR 7 has */
enum key {
	KEY_SECURE_BOOT,
	KEY_PK,
	KEY_KEK,
	KEY_DB,
	KEY_DBX,
	KEY_DBT,
	KEY_DBR,
	KEY_SETUP,
	KEY_AUDIT,
	KEY_DEPLOYED,
	_KEY_MAX,
};

static const struct {
	const char *name;
	bool image;
	bool database;
} keys[_KEY_MAX] = {
	[KEY_SECURE_BOOT] = { "SecureBoot", false, false },
	[KEY_PK] = { "PK", false, true },
	[KEY_KEK] = { "KEK", false, true },
	[KEY_DB] = { "db", true, true },
	[KEY_DBX] = { "dbx", true, true },
	[KEY_DBT] = { "dbt", true, true },
	[KEY_DBR] = { "dbr", true, true },
	[KEY_SETUP] = { "SetupMode", false, false },
	[KEY_AUDIT] = { "AuditMode", false, false },
	[KEY_DEPLOYED] = { "DeployedMode", false, false },
};

/**
 * struct secureboot - what PCR 7 told so far
 * @verdict: hears what is wrong
 * @event: of each variable; NULL where there is none
 * @value: of each variable
 * @authority: something was verified
 * @separated: the separator was seen
 * @forged: something cannot be true
 * @insecure: shim was told to verify nothing
 */
struct secureboot {
	struct attest_verdict *verdict;
	const struct event *event[_KEY_MAX];
	struct variable value[_KEY_MAX];
	bool authority;
	bool separated;
	bool forged;
	const struct event *insecure;
};

static void forged(struct secureboot *state, const struct event *event, const char *what,
		   const char *name)
{
	state->forged = true;
	event_say(event, state->verdict, ATTEST_FAILED, "sb.forged", LIED, "event %zu: %s%s",
		  event->number, name, what);
}

/* Keys that makers tell their customers to replace, and some do not. */
static bool is_test_key(const struct sigdb_entry *entry)
{
	static const char *const words[] = { "DO NOT TRUST", "DO NOT SHIP" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(entry->data, entry->size, words[i], strlen(words[i])))
			return true;
	return false;
}

static void take_database(struct secureboot *state, const struct event *event, enum key key)
{
	const struct variable *value = &state->value[key];
	struct sigdb db = sigdb(value->data, value->size);
	struct sigdb_entry entry;
	bool test_key = false;
	int r;

	while ((r = sigdb_next(&db, &entry)) > 0)
		test_key |= key == KEY_PK && is_test_key(&entry);
	if (r)
		attest_verdict_malformed(state->verdict, "log.invalid",
					 event->data_offset + (size_t)(value->data - event->data) +
						 sigdb_offset(&db),
					 event->number,
					 "event %zu: the signature database %s has lists whose "
					 "sizes do not fit", event->number, keys[key].name);
	if (test_key)
		event_say(event, state->verdict, ATTEST_WARNING, "sb.test-key",
			  "ask the maker for firmware with a key of its own",
			  "the platform key is a test key, whose private half is public");
}

static void take_variable(struct secureboot *state, const struct event *event)
{
	struct variable value;
	enum key key = 0;

	if (!variable_parse(&value, event->data, event->size))
		return;
	while (key < _KEY_MAX && strcmp(value.name, keys[key].name) != 0)
		key++;
	if (key == _KEY_MAX) {
		if (!strcmp(value.name, MOK_STATE))
			forged(state, event, " is of shim, not of the firmware", value.name);
		return;
	}
	if (!(keys[key].image ? variable_is_image(&value, keys[key].name)
			      : variable_is_global(&value, keys[key].name)))
		forged(state, event, " is of a foreign name space", keys[key].name);
	else if (state->separated)
		forged(state, event, " comes behind the separator", keys[key].name);
	else if (state->event[key])
		forged(state, event, " comes twice", keys[key].name);
	else if (event->proof != EVENT_PROVEN)
		forged(state, event, " is not what was measured", keys[key].name);
	if (state->event[key])
		return;
	state->event[key] = event;
	state->value[key] = value;
	if (keys[key].database)
		take_database(state, event, key);
}

/* A variable that says more than who signed, under the name of another type: db alone signs. */
static bool is_renamed(const struct variable *value)
{
	for (enum key key = 0; key < _KEY_MAX; key++)
		if (key != KEY_DB && !strcmp(value->name, keys[key].name))
			return true;
	return false;
}

static void take_authority(struct secureboot *state, const struct event *event)
{
	struct variable value;

	if (!variable_parse(&value, event->data, event->size))
		return;
	if (is_renamed(&value))
		forged(state, event, " is no authority", value.name);
	if (event->proof != EVENT_PROVEN)
		return;
	if (!strcmp(value.name, MOK_STATE)) {
		if (value.size != 1 || value.data[0])
			state->insecure = event;
	} else if (strncmp(value.name, "Sbat", 4) != 0) {
		state->authority = true;
	}
}

/* TCG PC Client Platform Firmware Profile 1.06, 10.4.4: both are of the variable devdb. */
static void take_device(struct secureboot *state, const struct event *event)
{
	struct variable value;

	if (!variable_parse(&value, event->data, event->size) || strcmp(value.name, "devdb") != 0)
		forged(state, event, " event is not of devdb", event_type_name(event->type));
}

static void take_action(const struct event *event, struct attest_verdict *verdict)
{
	static const struct {
		const char *text;
		const char *code;
		enum attest_status status;
	} actions[] = {
		{ "UEFI Debug Mode", "sb.debug", ATTEST_FAILED },
		{ "DMA Protection Disabled", "boot.dma", ATTEST_WARNING },
		{ "", "boot.action", ATTEST_WARNING },
	};
	char text[80];
	size_t i = 0;

	attest_text_ascii(text, sizeof(text), event->data, event->size);
	while (strncmp(text, actions[i].text, strlen(actions[i].text)) != 0)
		i++;
	event_say(event, verdict, actions[i].status, actions[i].code,
		  "change it in the firmware's settings, or accept it", "the firmware says \"%s\"",
		  text);
}

static enum event_secure_boot say_off(struct secureboot *state, const struct event *event,
				      const char *code, const char *why)
{
	event_say(event, state->verdict, ATTEST_FAILED, code, ENABLE, DISABLED "%s", why);
	return EVENT_SECURE_BOOT_OFF;
}

static bool is_one(const struct secureboot *state, enum key key)
{
	return state->event[key] && state->value[key].size == 1 && state->value[key].data[0] == 1;
}

/* Return: the name of a key without which it cannot be on, NULL where all are there. */
static const char *missing_key(const struct secureboot *state)
{
	for (enum key key = KEY_PK; key <= KEY_DB; key++)
		if (!state->event[key] || !state->value[key].size)
			return keys[key].name;
	return NULL;
}

static enum event_secure_boot decide_on(struct secureboot *state)
{
	const struct event *event = state->event[KEY_SECURE_BOOT];
	const char *missing = missing_key(state);

	if (state->insecure)
		return say_off(state, state->insecure, "sb.off",
			       ": shim was told to verify nothing (MokSBState)");
	if (is_one(state, KEY_AUDIT) || is_one(state, KEY_SETUP))
		return say_off(state, event, "sb.off",
			       ": the firmware is in setup or audit mode");
	if (missing)
		forged(state, event, " is missing, without which Secure Boot cannot be on",
		       missing);
	else if (!state->separated)
		forged(state, event, " is not followed by a separator", "SecureBoot");
	else if (!state->authority)
		forged(state, event, " is on, and nothing was verified", "SecureBoot");
	return state->forged ? EVENT_SECURE_BOOT_UNKNOWN : EVENT_SECURE_BOOT_ON;
}

static enum event_secure_boot decide(struct secureboot *state)
{
	const struct event *event = state->event[KEY_SECURE_BOOT];
	const struct variable *value = &state->value[KEY_SECURE_BOOT];

	if (state->forged)
		return EVENT_SECURE_BOOT_UNKNOWN;
	if (!event) {
		attest_verdict_say(state->verdict, ATTEST_UNKNOWN, "sb.unknown",
				   "boot it by UEFI firmware that measures it",
				   "the log does not say whether Secure Boot was on");
		return EVENT_SECURE_BOOT_UNKNOWN;
	}
	if (!value->size) {
		say_off(state, event, "sb.unset", ": the variable SecureBoot is not set");
		return EVENT_SECURE_BOOT_UNSET;
	}
	if (is_one(state, KEY_SECURE_BOOT))
		return decide_on(state);
	if (value->size == 1 && !value->data[0])
		return say_off(state, event, "sb.off", "");
	forged(state, event, " has a value that does not exist", "SecureBoot");
	return EVENT_SECURE_BOOT_UNKNOWN;
}

/* What was extended was an event of another type. */
static bool has_digest(const struct event *event)
{
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		if (event->digest[bank] && !cursor_is_zero(event->digest[bank], hash_size(bank)))
			return true;
	return false;
}

enum event_secure_boot secureboot_appraise(const struct eventlog *log, struct hash *hash,
					   struct attest_verdict *verdict)
{
	struct secureboot state = { .verdict = verdict };

	for (size_t i = 0; i < log->count; i++) {
		const struct event *event = &log->events[i];

		if (ipl_is_insecure_mok(event, hash))
			state.insecure = event;
		if (event->pcr != PCR_SECURE_BOOT)
			continue;
		switch (event->type) {
		case EV_SEPARATOR:
			state.separated = true;
			break;
		case EV_EFI_VARIABLE_DRIVER_CONFIG:
			take_variable(&state, event);
			break;
		case EV_EFI_VARIABLE_AUTHORITY:
			take_authority(&state, event);
			break;
		case EV_EFI_SPDM_DEVICE_POLICY:
		case EV_EFI_SPDM_DEVICE_AUTHORITY:
			take_device(&state, event);
			break;
		case EV_EFI_ACTION:
			state.forged |= !structure_is_words(event);
			take_action(event, verdict);
			break;
		case EV_NO_ACTION:
			state.forged |= has_digest(event);
			continue;
		default:
			forged(&state, event, " does not exist in PCR 7",
			       event_type_name(event->type));
		}
		/* who renames an event hides what it says */
		state.forged |= event->proof == EVENT_LIES;
	}
	return decide(&state);
}
