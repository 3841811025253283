// SPDX-License-Identifier: BSD-3-Clause
/*
 * Bodies of requests, strictly.
 *
 * A body is one object. What it may hold is a table: a member's name, what it must
 * be (said to whoever sent something else), how to take it. A taker reads a value into the
 * structure and says whether it was of the right kind and in range.
 */
#include "manager/api_body.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BODY_NEXT    "the body is described in openapi.yaml and in api.rst"

static const struct member *find(const struct member *members, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(members[i].name, name))
			return &members[i];
	return NULL;
}

static bool take_members(json_t *body, const struct member *members, size_t count, void *into,
			 struct problem *problem)
{
	const struct member *member;
	const char *name;
	json_t *value;

	json_object_foreach (body, name, value) {
		member = find(members, count, name);
		if (!member) {
			problem_set(problem, PROBLEM_INVALID, BODY_NEXT,
				    "member \"%.64s\" is unknown", name);
			return false;
		}
		if (!member->take(value, into)) {
			problem_set(problem, PROBLEM_INVALID, BODY_NEXT, "member \"%s\" must be %s",
				    name, member->must_be);
			return false;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (members[i].required && !json_object_get(body, members[i].name)) {
			problem_set(problem, PROBLEM_INVALID, BODY_NEXT,
				    "member \"%s\" is missing; it must be %s", members[i].name,
				    members[i].must_be);
			return false;
		}
	}
	return true;
}

static json_t *parse(const char *body, size_t length, struct problem *problem)
{
	json_error_t error;
	json_t *object = json_loadb(body, length, JSON_REJECT_DUPLICATES, &error);

	if (!object) {
		problem_set(problem, PROBLEM_INVALID, BODY_NEXT,
			    "the body is no JSON: line %d, column %d: %s", error.line, error.column,
			    error.text);
		return NULL;
	}
	if (!json_is_object(object)) {
		problem_set(problem, PROBLEM_INVALID, BODY_NEXT, "the body must be a JSON object");
		json_decref(object);
		return NULL;
	}
	return object;
}

bool api_body_take(const char *body, size_t length, const struct member *members, size_t count,
		   void *into, struct problem *problem)
{
	json_t *object = parse(body, length, problem);
	bool good = object && take_members(object, members, count, into, problem);

	json_decref(object);
	return good;
}

static bool take_flag(const json_t *value, bool *ret)
{
	*ret = json_is_true(value);
	return json_is_boolean(value);
}

static bool take_id(const json_t *value, uint32_t *ret)
{
	json_int_t id = json_integer_value(value);

	/* The largest one means "no change" to chown(). */
	if (!json_is_integer(value) || id < 0 || id >= UINT32_MAX)
		return false;
	*ret = (uint32_t)id;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool api_body_hex(const json_t *value, uint8_t *to, size_t room, size_t *ret_length)
{
	const char *text = json_string_value(value);
	size_t digits = json_string_length(value);
	int high, low;

	if (!text || digits % 2 || digits / 2 > room)
		return false;
	for (size_t i = 0; i < digits / 2; i++) {
		high = hex_digit(text[2 * i]);
		low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	*ret_length = digits / 2;
	return true;
}

/* POST /v1/vtpms */

/**
 * struct create - a body being read
 * @what: what it will become
 * @mode_set: the body has a member "mode"
 * @owner_set: the body has a member "owner" or "group"
 */
struct create {
	struct manager_create *what;
	bool mode_set;
	bool owner_set;
};

static bool take_name(const json_t *value, void *into)
{
	struct create *create = into;
	const char *name = json_string_value(value);

	if (!name || !api_name_valid(name))
		return false;
	return cursor_copy(create->what->name, sizeof(create->what->name), name, strlen(name) + 1);
}

static bool take_front_end(const json_t *value, void *into)
{
	const char *name = json_string_value(value);
	struct create *create = into;

	for (unsigned int front = VTPM_FRONT_DEVICE; name && api_front_name(front); front++) {
		if (!strcmp(name, api_front_name(front))) {
			create->what->front = (enum vtpm_front)front;
			return true;
		}
	}
	return false;
}

static bool take_owner(const json_t *value, void *into)
{
	struct create *create = into;

	create->owner_set = true;
	return take_id(value, &create->what->uid);
}

static bool take_group(const json_t *value, void *into)
{
	struct create *create = into;

	create->owner_set = true;
	return take_id(value, &create->what->gid);
}

static bool take_mode(const json_t *value, void *into)
{
	const char *text = json_string_value(value);
	struct create *create = into;
	unsigned long mode;

	/* By hand: strtoul() takes signs and blanks too. */
	if (!text || strlen(text) < 3 || strlen(text) > 4 || text[strspn(text, "01234567")])
		return false;
	mode = strtoul(text, NULL, 8);
	if (!mode || mode > 0777)
		return false;
	create->what->mode = (mode_t)mode;
	create->mode_set = true;
	return true;
}

/* Return: bit n for TPM_ALG_ID n; 0: no such bank */
static uint32_t bank_bit(const char *name)
{
	for (unsigned int algorithm = 0; name && algorithm < 32; algorithm++)
		if (api_bank_name(algorithm) && !strcmp(name, api_bank_name(algorithm)))
			return (uint32_t)1 << algorithm;
	return 0;
}

static bool take_banks(const json_t *value, void *into)
{
	struct create *create = into;
	uint32_t banks = 0, bit;
	const json_t *item;
	size_t i;

	json_array_foreach (value, i, item) {
		bit = bank_bit(json_string_value(item));
		if (!bit || banks & bit)
			return false;
		banks |= bit;
	}
	create->what->banks = banks;
	return banks != 0;
}

static bool take_plain_state(const json_t *value, void *into)
{
	return take_flag(value, &((struct create *)into)->what->plain_state);
}

static bool take_start(const json_t *value, void *into)
{
	return take_flag(value, &((struct create *)into)->what->start);
}

static const struct member create_members[] = {
	{ "name",
	  "a string of 1 to 63 of A-Z a-z 0-9 . _ - that begins neither with . or - nor with "
	  "proxy-",
	  take_name, true },
	{ "front_end", "\"device\", \"chip\", \"socket\" or \"vm\"", take_front_end, false },
	{ "owner", "a number, a user's id", take_owner, false },
	{ "group", "a number, a group's id", take_group, false },
	{ "mode", "a string of octal digits from \"0001\" to \"0777\"", take_mode, false },
	{ "pcr_banks",
	  "an array with some of \"sha1\", \"sha256\", \"sha384\", \"sha512\", each once",
	  take_banks, false },
	{ "plain_state", "true or false", take_plain_state, false },
	{ "start", "true or false", take_start, false },
};

bool api_json_create(struct manager_create *what, const char *body, size_t length,
		     struct problem *problem)
{
	struct create create = { .what = what };

	what->front = VTPM_FRONT_DEVICE;
	what->mode = VTPM_DEFAULT_MODE;
	what->banks = 0;
	what->plain_state = false;
	what->start = true;
	if (!api_body_take(body, length, create_members, COUNT(create_members), &create, problem))
		return false;
	if (what->plain_state && !vtpm_front_is_socket(what->front)) {
		problem_set(problem, PROBLEM_INVALID,
			    "leave \"plain_state\" out, or take the front end vm or socket",
			    "a state leaves and comes by the control channel, and this front end "
			    "has none");
		return false;
	}
	if (what->front != VTPM_FRONT_CHIP)
		return true;
	if (create.owner_set || create.mode_set) {
		problem_set(
			problem, PROBLEM_INVALID,
			"leave \"owner\", \"group\" and \"mode\" out, or take another front end",
			"the kernel makes the nodes of a chip; udev says whose they are");
		return false;
	}
	what->uid = 0;
	what->gid = 0;
	return true;
}

/* POST /v1/vtpms/{name}/launch */

static bool take_digest(const json_t *value, char *to, size_t room)
{
	const char *text = json_string_value(value);

	if (!text || strncmp(text, "sha256:", 7) != 0 || strlen(text) != 7 + 64 ||
	    text[7 + strspn(text + 7, "0123456789abcdef")])
		return false;
	return cursor_copy(to, room, text, strlen(text) + 1);
}

static bool take_image(const json_t *value, void *into)
{
	struct manager_launch *what = into;

	return take_digest(value, what->image, sizeof(what->image));
}

static bool take_configuration(const json_t *value, void *into)
{
	struct manager_launch *what = into;

	return take_digest(value, what->configuration, sizeof(what->configuration));
}

static bool take_restart(const json_t *value, void *into)
{
	struct manager_launch *what = into;
	const char *text = json_string_value(value);

	what->keep = text && !strcmp(text, "keep");
	return what->keep || (text && !strcmp(text, "reset"));
}

static const struct member launch_members[] = {
	{ "image", "\"sha256:\" and 64 digits of 0-9 a-f", take_image, true },
	{ "configuration", "\"sha256:\" and 64 digits of 0-9 a-f", take_configuration, true },
	{ "restart", "\"reset\" or \"keep\"", take_restart, false },
};

bool api_json_launch(struct manager_launch *what, const char *body, size_t length,
		     struct problem *problem)
{
	return api_body_take(body, length, launch_members, COUNT(launch_members), what, problem);
}

/* POST /v1/host/init */

/* Seconds. What is below the least would be as often as the counter may move at all. */
#define WINDOW_LEAST   60
#define WINDOW_DEFAULT 600
#define WINDOW_MOST    86400
#define WINDOW_WANTED  "a number of seconds from 60 to 86400"

#define ROLLBACK_WANTED "\"strict\", \"lazy\" or \"off\""

static bool take_no_hardware(const json_t *value, void *into)
{
	return take_flag(value, &((struct manager_host_init *)into)->no_hardware);
}

static bool take_pcr_list(const json_t *value, uint32_t *ret)
{
	const json_t *item;
	uint32_t pcrs = 0, bit;
	json_int_t pcr;
	size_t i;

	json_array_foreach (value, i, item) {
		pcr = json_integer_value(item);
		if (!json_is_integer(item) || pcr < 0 || pcr >= MANAGER_PCRS)
			return false;
		bit = (uint32_t)1 << pcr;
		if (pcrs & bit)
			return false;
		pcrs |= bit;
	}
	*ret = pcrs;
	return pcrs != 0;
}

static bool take_pcrs(const json_t *value, void *into)
{
	return take_pcr_list(value, &((struct manager_host_init *)into)->pcrs);
}

bool api_body_point(const json_t *value, uint8_t to[KEYD_POINT_SIZE])
{
	size_t length;

	return api_body_hex(value, to, KEYD_POINT_SIZE, &length) && length == KEYD_POINT_SIZE &&
	       to[0] == 4;
}

static bool take_recovery_public(const json_t *value, void *into)
{
	return api_body_point(value, ((struct manager_host_init *)into)->recovery_public);
}

static bool take_plan_key(const json_t *value, void *into)
{
	struct manager_host_init *what = into;

	what->planned = api_body_point(value, what->plan_key);
	return what->planned;
}

static bool take_owner_password(const json_t *value, void *into)
{
	struct manager_host_init *what = into;

	return api_body_hex(value, what->box, sizeof(what->box), &what->box_length) &&
	       what->box_length;
}

static bool take_rollback_name(const json_t *value, enum keyd_rollback *ret)
{
	const char *name = json_string_value(value);

	for (unsigned int mode = 0; name && mode < _KEYD_ROLLBACK_MAX; mode++) {
		if (!strcmp(name, api_rollback_name(mode))) {
			*ret = (enum keyd_rollback)mode;
			return true;
		}
	}
	return false;
}

static bool take_rollback(const json_t *value, void *into)
{
	return take_rollback_name(value, &((struct manager_host_init *)into)->rollback);
}

static bool take_seconds(const json_t *value, uint32_t *ret)
{
	json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < WINDOW_LEAST || seconds > WINDOW_MOST)
		return false;
	*ret = (uint32_t)seconds;
	return true;
}

static bool take_window(const json_t *value, void *into)
{
	return take_seconds(value, &((struct manager_host_init *)into)->window);
}

static const struct member init_members[] = {
	{ "no_hardware", "true or false", take_no_hardware, false },
	{ "pcrs", "an array of numbers from 0 to 23, each once", take_pcrs, false },
	{ "recovery_public", POINT_WANTED, take_recovery_public, true },
	{ "plan_public", POINT_WANTED, take_plan_key, false },
	{ "owner_password_box", "a string of 2 to 2048 hexadecimal digits: a sealed box",
	  take_owner_password, false },
	{ "rollback_protection", ROLLBACK_WANTED, take_rollback, false },
	{ "rollback_window", WINDOW_WANTED, take_window, false },
};

bool api_json_host_init(struct manager_host_init *what, const char *body, size_t length,
			struct problem *problem)
{
	*what = (struct manager_host_init){
		.rollback = KEYD_ROLLBACK_LAZY,
		.window = WINDOW_DEFAULT,
	};
	return api_body_take(body, length, init_members, COUNT(init_members), what, problem);
}

/* POST /v1/host/accept */

static bool take_accept_box(const json_t *value, void *into)
{
	struct manager_host_accept *what = into;

	return api_body_hex(value, what->box, sizeof(what->box), &what->box_length) &&
	       what->box_length;
}

static bool take_accept_owner(const json_t *value, void *into)
{
	struct manager_host_accept *what = into;

	return api_body_hex(value, what->owner_box, sizeof(what->owner_box),
			    &what->owner_box_length) &&
	       what->owner_box_length;
}

static bool take_accept_rollback(const json_t *value, void *into)
{
	return take_flag(value, &((struct manager_host_accept *)into)->rollback);
}

static bool take_accept_move(const json_t *value, void *into)
{
	return take_flag(value, &((struct manager_host_accept *)into)->move);
}

static const struct member accept_members[] = {
	{ "box", "a string of 2 to 2048 hexadecimal digits: a sealed box", take_accept_box, true },
	{ "owner_password_box", "a string of 2 to 2048 hexadecimal digits: a sealed box",
	  take_accept_owner, false },
	{ "rollback", "true or false", take_accept_rollback, false },
	{ "move", "true or false", take_accept_move, false },
};

bool api_json_accept(struct manager_host_accept *what, const char *body, size_t length,
		     struct problem *problem)
{
	*what = (struct manager_host_accept){ 0 };
	if (!api_body_take(body, length, accept_members, COUNT(accept_members), what, problem))
		return false;
	if (what->rollback || what->move)
		return true;
	problem_set(problem, PROBLEM_INVALID, BODY_NEXT,
		    "one of \"rollback\" and \"move\" must be true");
	return false;
}

/* POST /v1/host/rollback */

static bool take_change_box(const json_t *value, void *into)
{
	struct manager_host_rollback *what = into;

	return api_body_hex(value, what->box, sizeof(what->box), &what->box_length) &&
	       what->box_length;
}

static bool take_change(const json_t *value, void *into)
{
	return take_rollback_name(value, &((struct manager_host_rollback *)into)->mode);
}

static bool take_change_window(const json_t *value, void *into)
{
	return take_seconds(value, &((struct manager_host_rollback *)into)->window);
}

static const struct member change_members[] = {
	{ "box", "a string of 2 to 2048 hexadecimal digits: a sealed box", take_change_box, true },
	{ "rollback_protection", ROLLBACK_WANTED, take_change, true },
	{ "rollback_window", WINDOW_WANTED, take_change_window, false },
};

bool api_json_rollback(struct manager_host_rollback *what, const char *body, size_t length,
		       struct problem *problem)
{
	*what = (struct manager_host_rollback){ 0 };
	return api_body_take(body, length, change_members, COUNT(change_members), what, problem);
}

/* POST /v1/host/quote */

static bool take_nonce(const json_t *value, void *into)
{
	struct manager_quote_wish *what = into;
	size_t length;

	return api_body_hex(value, what->nonce, sizeof(what->nonce), &length) &&
	       length == sizeof(what->nonce);
}

static bool take_quoted(const json_t *value, void *into)
{
	return take_pcr_list(value, &((struct manager_quote_wish *)into)->pcrs);
}

static bool take_share(const json_t *value, void *into)
{
	return take_flag(value, &((struct manager_quote_wish *)into)->share);
}

static const struct member quote_members[] = {
	{ "nonce", "a string of 64 hexadecimal digits", take_nonce, true },
	{ "pcrs", "an array of numbers from 0 to 23, each once", take_quoted, true },
	{ "share", "true or false", take_share, false },
};

bool api_json_quote_wish(struct manager_quote_wish *what, const char *body, size_t length,
			 struct problem *problem)
{
	*what = (struct manager_quote_wish){ 0 };
	return api_body_take(body, length, quote_members, COUNT(quote_members), what, problem);
}

/* POST /v1/vtpms/{name}/attest; what it wants to be quoted comes first in it */

static bool take_statement(const json_t *value, void *into)
{
	struct manager_attest_wish *what = into;
	size_t length;

	what->has_digest = true;
	return api_body_hex(value, what->digest, sizeof(what->digest), &length) &&
	       length == sizeof(what->digest);
}

static bool take_deep(const json_t *value, void *into)
{
	return take_flag(value, &((struct manager_attest_wish *)into)->deep);
}

static const struct member attest_members[] = {
	{ "nonce", "a string of 64 hexadecimal digits", take_nonce, true },
	{ "pcrs", "an array of numbers from 0 to 23, each once", take_quoted, false },
	{ "digest", "a string of 64 hexadecimal digits", take_statement, false },
	{ "deep", "true or false", take_deep, false },
};

bool api_json_attest_wish(struct manager_attest_wish *what, const char *body, size_t length,
			  struct problem *problem)
{
	*what = (struct manager_attest_wish){ 0 };
	if (!api_body_take(body, length, attest_members, COUNT(attest_members), what, problem))
		return false;
	if (what->has_digest && (what->quote.pcrs || !what->deep)) {
		problem_set(problem, PROBLEM_INVALID, BODY_NEXT,
			    "\"digest\" stands with \"deep\", and without \"pcrs\"");
		return false;
	}
	if (!what->quote.pcrs)
		what->quote.pcrs = (1u << MANAGER_PCRS) - 1;
	return true;
}

/* POST /v1/host/activate */

static bool take_credential(const json_t *value, void *into)
{
	struct manager_credential *what = into;

	return api_body_hex(value, what->blob, sizeof(what->blob), &what->blob_length);
}

static bool take_secret(const json_t *value, void *into)
{
	struct manager_credential *what = into;

	return api_body_hex(value, what->secret, sizeof(what->secret), &what->secret_length);
}

static const struct member credential_members[] = {
	{ "credential", "a string of at most 2048 hexadecimal digits: a TPM2B_ID_OBJECT",
	  take_credential, true },
	{ "secret", "a string of at most 2048 hexadecimal digits: a TPM2B_ENCRYPTED_SECRET",
	  take_secret, true },
};

bool api_json_credential(struct manager_credential *what, const char *body, size_t length,
			 struct problem *problem)
{
	*what = (struct manager_credential){ 0 };
	return api_body_take(body, length, credential_members, COUNT(credential_members), what,
			     problem);
}

bool api_json_nothing(const char *body, size_t length, struct problem *problem)
{
	return !length || api_body_take(body, length, NULL, 0, NULL, problem);
}
