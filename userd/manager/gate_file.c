// SPDX-License-Identifier: BSD-3-Clause
/*
 * What of the gate is durable.
 *
 *	gate.json	rules, spans and the newest verdict; replaced as a whole
 *	gate.log	a line for each time that the glass was broken, written and synced before it
 *			opens: {"time","uid","reason","until","previous"}, where previous is the
 *			SHA-256 of the line before, with its end
 *	verifier.pem	whose verdicts count: of root, or of our own user, and only they write it
 *
 * gate.json knows how many lines there are and the hash of the last, so lines that are changed
 * or cut off are noticed. One line more than it knows is one whose gate.json was not written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "attest/attest.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "manager/api_json.h"
#include "manager/state.h"
#include "seal/keyfile.h"

#define STATE	   "gate.json"
#define RECORDS	   "gate.log"
#define VERIFIER   "verifier.pem"
#define STATE_MAX  ((size_t)1 << 20)
#define RECORD_MAX 2048

static void json_putp(json_t **object)
{
	json_decref(*object);
}

static void filep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void freep(char **text)
{
	free(*text);
}

static int open_folder(const struct manager *manager)
{
	int fd = open(manager->options.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* gate.json */

static json_t *span_json(const struct gate_span *span)
{
	return json_pack("{s:s, s:I}", "boot", span->boot, "until", (json_int_t)span->until);
}

static json_t *rule_json(const struct gate_rule *rule)
{
	return json_pack("{s:s, s:I}", "policy", gate_policy_name(rule->policy), "grace",
			 (json_int_t)rule->grace);
}

static json_t *rules_json(const struct manager *manager)
{
	char uuid[ATTEST_HEX_MAX];
	json_t *rules = json_object();

	for (const struct vtpm *vtpm = manager->vtpms; vtpm; vtpm = vtpm->next) {
		if (!vtpm->ruled)
			continue;
		attest_text_hex(uuid, vtpm->define.uuid, sizeof(vtpm->define.uuid));
		json_object_set_new(rules, uuid, rule_json(&vtpm->rule));
	}
	return rules;
}

static json_t *ruling_json(const struct gate *gate)
{
	const struct ruling *ruling = &gate->ruling;

	if (!gate->ruled)
		return json_null();
	return json_pack("{s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:s, s:o}", "host", ruling->host,
			 "clock", (json_int_t)ruling->clock, "status",
			 attest_status_name(ruling->status), "verified_at",
			 (json_int_t)ruling->verified_at, "valid_until",
			 (json_int_t)ruling->valid_until, "verified_by", ruling->verified_by,
			 "policy", ruling->policy, "ima_policy", ruling->ima_policy, "by",
			 api_json_hex(gate->by, sizeof(gate->by)));
}

static json_t *record_json(const struct gate_record *record)
{
	return json_pack("{s:I, s:I, s:I, s:s}", "time", (json_int_t)record->at, "until",
			 (json_int_t)record->until, "uid", (json_int_t)record->uid, "reason",
			 record->reason);
}

static char *state_text(const struct manager *manager)
{
	const struct gate *gate = &manager->gate;
	_cleanup_(json_putp) json_t *root = json_pack(
		"{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:o}}", "version", 1, "default",
		rule_json(&gate->rule), "vtpms", rules_json(manager), "trust",
		span_json(&gate->trust), "glass", span_json(&gate->glass), "verdict",
		ruling_json(gate), "record", record_json(&gate->record), "log", "count",
		(json_int_t)gate->log.count, "head",
		api_json_hex(gate->log.head, sizeof(gate->log.head)));

	return root ? json_dumps(root, JSON_INDENT(1)) : NULL;
}

int gate_save(struct manager *manager, struct problem *problem)
{
	_cleanup_(close_fdp) int folder = open_folder(manager);
	_cleanup_(freep) char *text = state_text(manager);
	int r = folder < 0 ? folder : -ENOMEM;

	if (folder >= 0 && text)
		r = keyfile_save(folder, STATE, (struct seal_bytes){ text, strlen(text) });
	if (r)
		problem_set(problem, PROBLEM_STORAGE, "make room or repair the disk, and try again",
			    "%s/" STATE " cannot be written: %s", manager->options.state_dir,
			    strerror(-r));
	return r;
}

static bool take_span(json_t *value, struct gate_span *ret)
{
	json_int_t until;
	const char *boot;

	if (json_unpack(value, "{s:s, s:I !}", "boot", &boot, "until", &until))
		return false;
	text_cut(ret->boot, sizeof(ret->boot), boot);
	ret->until = until;
	return until >= 0 && until < INT64_MAX - GATE_GRACE_MAX;
}

static bool take_rule(json_t *value, struct gate_rule *ret)
{
	const char *policy;
	json_int_t grace;

	if (json_unpack(value, "{s:s, s:I !}", "policy", &policy, "grace", &grace))
		return false;
	ret->grace = (uint32_t)grace;
	return gate_policy_find(policy, &ret->policy) && grace >= 0 && grace <= GATE_GRACE_MAX;
}

static bool take_digest(const char *digits, uint8_t ret[32])
{
	size_t length;

	return attest_text_unhex(ret, 32, digits, strlen(digits), &length) && length == 32;
}

static bool take_status(const char *name, enum attest_status *ret)
{
	for (*ret = 0; *ret < _ATTEST_STATUS_MAX; (*ret)++) {
		if (!strcmp(attest_status_name(*ret), name))
			return true;
	}
	return false;
}

static bool take_ruling(json_t *value, struct gate *gate)
{
	const char *host, *status, *by, *policy, *ima_policy, *key;
	struct ruling *ruling = &gate->ruling;
	json_int_t clock, at, until;

	gate->ruled = !json_is_null(value);
	if (!gate->ruled)
		return true;
	if (json_unpack(value, "{s:s, s:I, s:s, s:I, s:I, s:s, s:s, s:s, s:s !}", "host", &host,
			"clock", &clock, "status", &status, "verified_at", &at, "valid_until",
			&until, "verified_by", &by, "policy", &policy, "ima_policy", &ima_policy,
			"by", &key))
		return false;
	text_cut(ruling->host, sizeof(ruling->host), host);
	text_cut(ruling->verified_by, sizeof(ruling->verified_by), by);
	text_cut(ruling->policy, sizeof(ruling->policy), policy);
	text_cut(ruling->ima_policy, sizeof(ruling->ima_policy), ima_policy);
	ruling->clock = (uint64_t)clock;
	ruling->verified_at = at;
	ruling->valid_until = until;
	return take_status(status, &ruling->status) && take_digest(key, gate->by);
}

static bool take_record(json_t *value, struct gate_record *ret)
{
	json_int_t at, until, uid;
	const char *reason;

	if (json_unpack(value, "{s:I, s:I, s:I, s:s !}", "time", &at, "until", &until, "uid", &uid,
			"reason", &reason))
		return false;
	*ret = (struct gate_record){ .at = at, .until = until, .uid = (uid_t)uid };
	text_cut(ret->reason, sizeof(ret->reason), reason);
	return true;
}

/* A rule of a vTPM that is gone goes with it. */
static bool take_rules(json_t *rules, struct manager *manager)
{
	uint8_t uuid[IPC_UUID_SIZE];
	struct gate_rule rule;
	struct vtpm *vtpm;
	const char *key;
	json_t *value;
	size_t length;

	json_object_foreach (rules, key, value) {
		if (!attest_text_unhex(uuid, sizeof(uuid), key, strlen(key), &length) ||
		    length != sizeof(uuid) || !take_rule(value, &rule))
			return false;
		vtpm = manager_find_uuid(manager, uuid);
		if (vtpm) {
			vtpm->ruled = true;
			vtpm->rule = rule;
		}
	}
	return json_is_object(rules);
}

static bool take(json_t *root, struct manager *manager)
{
	json_t *fallback, *vtpms, *trust, *glass, *verdict, *record;
	struct gate *gate = &manager->gate;
	json_int_t count;
	const char *head;
	int version;

	if (json_unpack(root, "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:s !} !}", "version",
			&version, "default", &fallback, "vtpms", &vtpms, "trust", &trust, "glass",
			&glass, "verdict", &verdict, "record", &record, "log", "count", &count,
			"head", &head))
		return false;
	gate->log.count = (uint64_t)count;
	return version == 1 && take_rule(fallback, &gate->rule) && take_rules(vtpms, manager) &&
	       take_span(trust, &gate->trust) && take_span(glass, &gate->glass) &&
	       take_ruling(verdict, gate) && take_record(record, &gate->record) &&
	       take_digest(head, gate->log.head);
}

int gate_open(struct manager *manager)
{
	_cleanup_(close_fdp) int folder = open_folder(manager);
	_cleanup_(json_putp) json_t *root = NULL;
	uint8_t *text = malloc(STATE_MAX);
	ssize_t n = folder;

	if (!text)
		return -ENOMEM;
	if (folder >= 0)
		n = keyfile_load(folder, STATE, text, STATE_MAX);
	if (n > 0)
		root = json_loadb((const char *)text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (n != -ENOENT && (n < 0 || !take(root, manager))) {
		log_line("%s/" STATE " cannot be read: %s. It says what vTPMs may do on a host that "
			 "is not trusted: put it back, or remove it for them to do anything",
			 manager->options.state_dir, n < 0 ? strerror((int)-n) : "it is broken");
		return n < 0 ? (int)n : -EBADMSG;
	}
	gate_apply(manager);
	return 0;
}

/* gate.log */

static bool names(const json_t *line, const uint8_t previous[32])
{
	const char *said = json_string_value(json_object_get(line, "previous"));
	uint8_t digest[32];

	return said && take_digest(said, digest) && secret_equal(digest, previous, 32);
}

/* @ret: how it is found. Return: false: a line is not what it was, or not there */
static bool walk(FILE *file, const struct gate_log *known, struct gate_log *ret)
{
	bool whole = true, ends = !known->count;
	char line[RECORD_MAX];

	*ret = (struct gate_log){ 0 };
	while (fgets(line, sizeof(line), file)) {
		_cleanup_(json_putp) json_t *root = json_loads(line, 0, NULL);

		whole = whole && names(root, ret->head) && strchr(line, '\n');
		EVP_Digest(line, strlen(line), ret->head, NULL, EVP_sha256(), NULL);
		if (++ret->count == known->count)
			ends = secret_equal(ret->head, known->head, sizeof(known->head));
	}
	return whole && ends;
}

static FILE *open_records(int folder, int flags)
{
	int fd = openat(folder, RECORDS, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, flags == O_RDONLY ? "re" : "a+e");

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

bool gate_log_is_whole(struct manager *manager)
{
	_cleanup_(close_fdp) int folder = open_folder(manager);
	_cleanup_(filep) FILE *file = folder < 0 ? NULL : open_records(folder, O_RDONLY);
	struct gate_log found;

	if (!file)
		return errno == ENOENT && !manager->gate.log.count;
	return walk(file, &manager->gate.log, &found);
}

static char *line_of(const struct gate_record *record, const struct gate_log *log)
{
	_cleanup_(json_putp) json_t *root = record_json(record);
	_cleanup_(freep) char *text = NULL;
	char *line = NULL;

	json_object_set_new(root, "previous", api_json_hex(log->head, sizeof(log->head)));
	text = json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!text || asprintf(&line, "%s\n", text) < 0)
		return NULL;
	return line;
}

/* Whole and synced, or not at all. */
static int append(FILE *file, const char *line)
{
	off_t before = lseek(fileno(file), 0, SEEK_END);
	ssize_t n = write(fileno(file), line, strlen(line));
	int r;

	if (n == (ssize_t)strlen(line) && !fsync(fileno(file)))
		return 0;
	r = n < 0 || n == (ssize_t)strlen(line) ? -errno : -ENOSPC;
	if (before < 0 || ftruncate(fileno(file), before))
		log_line("a part of a line is left in " RECORDS);
	return r;
}

int gate_record(struct manager *manager, const struct gate_record *record, struct problem *problem)
{
	_cleanup_(close_fdp) int folder = open_folder(manager);
	_cleanup_(filep) FILE *file = NULL;
	_cleanup_(freep) char *line = NULL;
	struct gate_log found;
	int r = folder;

	if (folder >= 0) {
		file = open_records(folder, O_RDWR | O_APPEND | O_CREAT);
		r = file ? 0 : -errno;
	}
	if (!r) {
		rewind(file);
		if (!walk(file, &manager->gate.log, &found)) {
			log_line("security: %s/" RECORDS " is not as it was left",
				 manager->options.state_dir);
			/* A new line hides nothing: it is behind the one that should be there. */
			found = manager->gate.log;
		}
		line = line_of(record, &found);
		r = line ? append(file, line) : -ENOMEM;
	}
	if (!r && fsync(folder))
		r = -errno;
	if (r) {
		problem_set(problem, PROBLEM_STORAGE, "make room or repair the disk, and try again",
			    "there is no record without %s/" RECORDS ": %s",
			    manager->options.state_dir, strerror(-r));
		return r;
	}
	manager->gate.log.count = found.count + 1;
	EVP_Digest(line, strlen(line), manager->gate.log.head, NULL, EVP_sha256(), NULL);
	return 0;
}

/* verifier.pem */

static bool is_ours(int fd, const char **ret_why)
{
	struct stat status;

	*ret_why = "others than root may write it";
	return !fstat(fd, &status) && S_ISREG(status.st_mode) &&
	       (!status.st_uid || status.st_uid == geteuid()) && !(status.st_mode & 022);
}

X509 *gate_verifier(struct manager *manager, uint8_t ret[32], struct problem *problem)
{
	_cleanup_(close_fdp) int folder = open_folder(manager);
	_cleanup_(filep) FILE *file = NULL;
	const char *why;
	X509 *by = NULL;
	int fd = folder < 0 ? -1
			    : openat(folder, VERIFIER, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		problem_set(problem, PROBLEM_CONFLICT,
			    "`vtpmctl host enrol URL` at the verifier whose verdicts shall count",
			    "this host knows no verifier: there is no %s/" VERIFIER,
			    manager->options.state_dir);
		return NULL;
	}
	why = strerror(errno);
	if (fd >= 0 && is_ours(fd, &why)) {
		file = fdopen(fd, "re");
		by = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
		why = "it has no certificate";
	}
	if (fd >= 0 && !file)
		close(fd);
	if (by && X509_digest(by, EVP_sha256(), ret, NULL) == 1)
		return by;
	X509_free(by);
	problem_set(problem, PROBLEM_STORAGE, "look at that file, or enrol the host again",
		    "%s/" VERIFIER " cannot be used: %s", manager->options.state_dir, why);
	return NULL;
}
