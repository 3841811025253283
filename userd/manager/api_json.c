// SPDX-License-Identifier: BSD-3-Clause
/*
 * Views as JSON objects.
 *
 * A string that reached us from elsewhere (a reason, a path) need not be UTF-8, and a
 * cut one may end inside a character; what is not is replaced, so that there is always
 * an answer. Where memory runs out an object is NULL, and so is all it was meant for.
 */
#include "manager/api_json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"

/* What a definition with no banks means: sha256. */
#define DEFAULT_BANKS ((uint32_t)1 << 0x0b)

static const char *const conditions[_VTPM_CONDITION_MAX] = {
	[VTPM_DEFINED] = "defined",	    [VTPM_RUNNING] = "running", [VTPM_LOCKED] = "locked",
	[VTPM_QUARANTINED] = "quarantined", [VTPM_FAILED] = "failed",	[VTPM_MOVED] = "moved",
};

static const char *const phases[] = {
	[VTPM_IDLE] = "idle",	      [VTPM_WAITING] = "waiting",     [VTPM_GRANTING] = "granting",
	[VTPM_FORKING] = "forking",   [VTPM_BEGINNING] = "beginning", [VTPM_SERVING] = "serving",
	[VTPM_STOPPING] = "stopping",
};

static const char *const states[] = {
	[KEYD_STATE_NONE] = "uninitialised",
	[KEYD_STATE_LOCKED] = "locked",
	[KEYD_STATE_UNLOCKED] = "unlocked",
};

#define NAME_OF(names, value) \
	name_of(names, sizeof(names) / sizeof((names)[0]), (unsigned int)(value))

static const char *name_of(const char *const *names, size_t count, unsigned int value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

static const char *const verdicts[_KEYD_VERDICT_MAX] = {
	[KEYD_VERDICT_UNPROTECTED] = "unprotected",
	[KEYD_VERDICT_NEWEST] = "newest",
	[KEYD_VERDICT_OLD] = "old",
	[KEYD_VERDICT_AHEAD] = "ahead",
	[KEYD_VERDICT_DIFFERENT] = "different",
	[KEYD_VERDICT_FOREIGN] = "foreign",
	[KEYD_VERDICT_MISSING] = "counter missing",
	[KEYD_VERDICT_UNASKED] = "not known yet",
};

static const char *const shares[_KEYD_SHARE_MAX] = {
	[KEYD_SHARE_NONE] = "none",
	[KEYD_SHARE_BOUND] = "bound",
	[KEYD_SHARE_WAITED_FOR] = "missing",
};

const char *api_rollback_name(unsigned int rollback)
{
	static const char *const names[_KEYD_ROLLBACK_MAX] = {
		[KEYD_ROLLBACK_OFF] = "off",
		[KEYD_ROLLBACK_LAZY] = "lazy",
		[KEYD_ROLLBACK_STRICT] = "strict",
	};

	return NAME_OF(names, rollback);
}

const char *api_front_name(unsigned int front)
{
	static const char *const names[] = {
		[VTPM_FRONT_DEVICE] = "device",
		[VTPM_FRONT_CHIP] = "chip",
		[VTPM_FRONT_SOCKET] = "socket",
		[VTPM_FRONT_VM] = "vm",
	};

	return front < sizeof(names) / sizeof(names[0]) ? names[front] : NULL;
}

const char *api_bank_name(unsigned int algorithm)
{
	/* TPM_ALG_ID, Part 2, 6.3 */
	static const char *const names[] = {
		[0x04] = "sha1",
		[0x0b] = "sha256",
		[0x0c] = "sha384",
		[0x0d] = "sha512",
	};

	return algorithm < sizeof(names) / sizeof(names[0]) ? names[algorithm] : NULL;
}

static json_t *string(const char *from)
{
	json_t *value = json_string(from);
	char text[1024];
	size_t i;

	if (value)
		return value;
	for (i = 0; from[i] && i < sizeof(text) - 1; i++)
		text[i] = (char)(isascii(from[i]) ? from[i] : '?');
	text[i] = '\0';
	return json_string(text);
}

static json_t *string_or_null(const char *text)
{
	return text[0] ? string(text) : json_null();
}

static json_t *hex(const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * KEYD_CERTIFICATE_MAX];

	if (length > KEYD_CERTIFICATE_MAX)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return json_stringn(text, 2 * length);
}

json_t *api_json_hex(const uint8_t *bytes, size_t length)
{
	return hex(bytes, length);
}

static json_t *uuid_text(const uint8_t *uuid)
{
	struct cursor_in in = cursor_in(uuid, 16);
	uint32_t time_low = cursor_get_u32(&in);
	uint16_t time_mid = cursor_get_u16(&in), version = cursor_get_u16(&in);
	uint16_t variant = cursor_get_u16(&in), node_high = cursor_get_u16(&in);
	uint32_t node_low = cursor_get_u32(&in);
	char text[37];

	snprintf(text, sizeof(text), "%08x-%04x-%04x-%04x-%04x%08x", time_low, time_mid, version,
		 variant, node_high, node_low);
	return json_string(text);
}

static json_t *instance_text(uint64_t instance)
{
	char text[17];

	if (!instance)
		return json_null();
	snprintf(text, sizeof(text), "%016" PRIx64, instance);
	return json_string(text);
}

static json_t *mode_text(mode_t mode)
{
	char text[16];

	snprintf(text, sizeof(text), "%04o", (unsigned int)mode & 07777);
	return json_string(text);
}

static json_t *time_text(int64_t seconds)
{
	time_t time = seconds;
	struct tm tm;
	char text[64];

	if (!gmtime_r(&time, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}

static json_t *bank_names(uint32_t banks)
{
	json_t *array = json_array();

	if (!banks)
		banks = DEFAULT_BANKS;
	for (unsigned int algorithm = 0; algorithm < 32; algorithm++)
		if (banks & (uint32_t)1 << algorithm && api_bank_name(algorithm))
			json_array_append_new(array, json_string(api_bank_name(algorithm)));
	return array;
}

static json_t *device_paths(const struct vtpm_view *view)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(view->devices) / sizeof(view->devices[0]); i++)
		if (view->devices[i][0])
			json_array_append_new(array, string(view->devices[i]));
	return array;
}

static const char *protection_text(bool hardware)
{
	return hardware ? "hardware" : "not hardware protected";
}

/* One line a member; an object that lacks one for want of memory is none. */
static json_t *complete(json_t *object, bool good)
{
	if (!good) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static bool put(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) == 0;
}

static const char *const paper_states[_PAPER_STATE_MAX] = {
	[PAPER_ISSUED] = "issued",
	[PAPER_EXPIRED] = "expired",
	[PAPER_STALE] = "stale",
	[PAPER_PENDING] = "pending",
};

json_t *api_json_vtpm(const struct vtpm_view *view)
{
	const struct vtpm_definition *define = view->define;
	const char *front = api_front_name(define->front);
	json_t *vtpm = json_object();
	bool good = true;

	good &= put(vtpm, "name", string(define->name));
	good &= put(vtpm, "uuid", uuid_text(define->uuid));
	good &= put(vtpm, "state", json_string(NAME_OF(conditions, view->condition)));
	good &= put(vtpm, "phase", json_string(NAME_OF(phases, view->phase)));
	good &= put(vtpm, "reason", string_or_null(view->reason));
	good &= put(vtpm, "front_end", json_string(front ? front : "unknown"));
	good &= put(vtpm, "devices", device_paths(view));
	good &= put(vtpm, "socket", string_or_null(view->socket));
	good &= put(vtpm, "control_socket", string_or_null(view->control));
	good &= put(vtpm, "owner", json_integer(define->uid));
	good &= put(vtpm, "group", json_integer(define->gid));
	good &= put(vtpm, "mode", mode_text(define->mode));
	good &= put(vtpm, "pcr_banks", bank_names(define->banks));
	good &= put(vtpm, "plain_state", json_boolean(define->plain_state));
	good &= put(vtpm, "engine_pid",
		    view->engine_pid ? json_integer(view->engine_pid) : json_null());
	good &= put(vtpm, "hardware_protected", json_boolean(view->hardware_protected));
	good &= put(vtpm, "protection", json_string(protection_text(view->hardware_protected)));
	good &= put(vtpm, "rollback_protection", json_string(api_rollback_name(view->rollback)));
	good &= put(vtpm, "generation", json_integer((json_int_t)view->generation));
	good &= put(vtpm, "epoch", json_integer((json_int_t)define->epoch));
	good &= put(vtpm, "instance", instance_text(view->instance));
	good &= put(vtpm, "certificate", json_string(NAME_OF(paper_states, view->certificate)));
	good &= put(vtpm, "engine_deaths", json_integer(view->deaths));
	good &= put(vtpm, "created", time_text(define->created));
	return complete(vtpm, good);
}

/* The names of keys, and where clients find them and their certificates (engine/identity.h). */
static const struct {
	const char *name;
	const char *handle;
	const char *index;
} keys[_KEYD_CERT_KIND_MAX] = {
	[KEYD_CERT_EK_RSA_2048] = { "ek-rsa2048", "0x81010001", "0x01c00002" },
	[KEYD_CERT_EK_P256] = { "ek-p256", "0x8101000a", "0x01c0000a" },
	[KEYD_CERT_EK_P384] = { "ek-p384", "0x81010016", "0x01c00016" },
	[KEYD_CERT_IAK] = { "iak", "0x81020001", "0x01c90100" },
};

enum keyd_cert_kind api_key_kind(const char *name)
{
	int kind = KEYD_CERT_EK_RSA_2048;

	while (name && kind < _KEYD_CERT_KIND_MAX && strcmp(keys[kind].name, name) != 0)
		kind++;
	return name ? (enum keyd_cert_kind)kind : _KEYD_CERT_KIND_MAX;
}

static json_t *bytes_or_null(const struct paper_bytes *bytes)
{
	return bytes->length ? hex(bytes->at, bytes->length) : json_null();
}

static json_t *api_json_paper(const struct paper *paper, enum paper_state state, int kind)
{
	static const char *const sources[_ENGINE_CERT_SOURCE_MAX] = {
		[ENGINE_CERT_HOST] = "host CA",
		[ENGINE_CERT_OWN] = "own CA",
	};
	const char *source = sources[paper->source];
	const char *next = paper->own.length ? "replace" : paper->renew ? "renew" : NULL;
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "key", json_string(keys[kind].name));
	good &= put(object, "handle", json_string(keys[kind].handle));
	good &= put(object, "nv_index", json_string(keys[kind].index));
	good &= put(object, "status", json_string(NAME_OF(paper_states, state)));
	good &= put(object, "source", source ? json_string(source) : json_null());
	good &= put(object, "epoch",
		    source ? json_integer((json_int_t)paper->epoch) : json_null());
	good &= put(object, "until", source ? time_text(paper->until) : json_null());
	good &= put(object, "next", next ? json_string(next) : json_null());
	good &= put(object, "reason", string_or_null(paper->sentence));
	good &= put(object, "public", bytes_or_null(&paper->public));
	good &= put(object, "certificate", bytes_or_null(&paper->der));
	return complete(object, good);
}

json_t *api_json_papers(const struct manager_papers *papers)
{
	json_t *array = json_array();
	int r = array ? 0 : -1;

	for (int kind = KEYD_CERT_EK_RSA_2048; !r && kind < _KEYD_CERT_KIND_MAX; kind++)
		r = json_array_append_new(array, api_json_paper(&papers->papers->of[kind],
								papers->state[kind], kind));
	if (!r)
		return json_pack("{s:o}", "certificates", array);
	json_decref(array);
	return NULL;
}

static json_t *host_warnings(const struct manager_host *host, bool hardware)
{
	const struct {
		bool holds;
		const char *text;
	} warnings[] = {
		{ !host->keyd_here, "vtpm-keyd does not answer: no vTPM can be made or started" },
		{ !host->spawn_here, "vtpm-spawn does not answer: no vTPM can be started" },
		{ !host->driver_here,
		  "vtpm.ko is not loaded: only the front ends \"socket\" and \"vm\" can be had" },
		{ host->state != KEYD_STATE_NONE && !hardware,
		  "the host root key is not hardware protected: it is a file like any other" },
		{ host->lost, "vTPMs are missing from the store although nobody removed them: see "
			      "vtpmd's log" },
		{ host->state != KEYD_STATE_NONE && hardware && host->rollback == KEYD_ROLLBACK_OFF,
		  "rollback protection is off: an older copy of the store is not found out" },
		{ !host->separated,
		  "all processes run as one user: who breaks into one can reach the others" },
	};
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
		if (warnings[i].holds)
			json_array_append_new(array, json_string(warnings[i].text));
	return array;
}

json_t *api_json_host(const struct manager_host *host)
{
	bool hardware = host->state != KEYD_STATE_NONE && host->protection == KEYD_PROTECTION_TPM;
	json_t *name = host->storage_key_length ? hex(host->storage_key, host->storage_key_length)
						: json_null();
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "state", json_string(NAME_OF(states, host->state)));
	good &= put(object, "reason", string_or_null(host->reason));
	good &= put(object, "hardware_protected", json_boolean(hardware));
	good &= put(object, "protection", json_string(protection_text(hardware)));
	good &= put(object, "separation",
		    json_string(host->separated ? "full" : "weak: all processes run as one user"));
	good &= put(object, "keyd", json_boolean(host->keyd_here));
	good &= put(object, "spawn", json_boolean(host->spawn_here));
	good &= put(object, "driver", json_boolean(host->driver_here));
	good &= put(object, "tcti", string_or_null(host->tcti));
	good &= put(object, "host_tpm", string_or_null(host->host_tpm));
	good &= put(object, "pcr_policy", string_or_null(host->policy));
	good &= put(object, "storage_key_name", name);
	good &= put(object, "rollback_protection", json_string(api_rollback_name(host->rollback)));
	good &= put(object, "rollback_window",
		    host->rollback == KEYD_ROLLBACK_LAZY ? json_integer(host->window)
							 : json_null());
	good &= put(object, "rollback_counter",
		    host->counter ? json_integer((json_int_t)host->counter) : json_null());
	good &= put(object, "store", json_string(NAME_OF(verdicts, host->verdict)));
	good &= put(object, "migration_key",
		    host->state == KEYD_STATE_UNLOCKED ? json_boolean(host->migration_key)
						       : json_null());
	good &= put(object, "verifier_share", json_string(NAME_OF(shares, host->share)));
	good &= put(object, "vtpms", json_integer(host->vtpms));
	good &= put(object, "running", json_integer(host->running));
	good &= put(object, "spares", json_integer(host->spares));
	good &= put(object, "warnings", host_warnings(host, hardware));
	return complete(object, good);
}

json_t *api_json_recovery(const uint8_t *record, size_t length, const uint8_t *session)
{
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "record", length ? hex(record, length) : json_null());
	good &= put(object, "session_public", hex(session, KEYD_POINT_SIZE));
	return complete(object, good);
}

static json_t *kept(const struct manager_kept *bytes)
{
	return hex(bytes->bytes, bytes->length);
}

static json_t *certificates(const struct manager_identity *identity)
{
	json_t *array = json_array();
	bool good = true;

	for (size_t i = 0; i < identity->count; i++) {
		const struct manager_kept *from = &identity->certificates[i];
		json_t *object = json_object();

		good &= put(object, "index", json_integer(from->index));
		good &= put(object, "bytes", kept(from));
		good &= !json_array_append_new(array, object);
	}
	return complete(array, good);
}

json_t *api_json_identity(const struct manager_identity *identity)
{
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "ak", kept(&identity->ak));
	good &= put(object, "ak_name", kept(&identity->ak_name));
	good &= put(object, "ek", kept(&identity->ek));
	good &= put(object, "certificates", certificates(identity));
	return complete(object, good);
}

static json_t *values_of(uint32_t pcrs, const uint8_t value[MANAGER_PCRS][32])
{
	json_t *values = json_object();
	bool good = true;
	char number[4];

	for (unsigned int pcr = 0; pcr < MANAGER_PCRS; pcr++) {
		if (!(pcrs >> pcr & 1))
			continue;
		snprintf(number, sizeof(number), "%u", pcr);
		good &= put(values, number, hex(value[pcr], 32));
	}
	return complete(values, good);
}

json_t *api_json_quote(const struct manager_quote *quote)
{
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "frame", hex(quote->frame.at, quote->frame.length));
	good &= put(object, "message", hex(quote->message.at, quote->message.length));
	good &= put(object, "signature", hex(quote->signature.at, quote->signature.length));
	good &= put(object, "values", values_of(quote->pcrs, quote->value));
	return complete(object, good);
}

static json_t *json_deep(const struct manager_deep *deep)
{
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "leaf", hex(deep->leaf.at, deep->leaf.length));
	good &= put(object, "index", json_integer(deep->index));
	good &= put(object, "count", json_integer(deep->count));
	good &= put(object, "proof", hex(deep->proof.at, deep->proof.length));
	good &= put(object, "host", api_json_quote(&deep->host));
	return complete(object, good);
}

json_t *api_json_attested(const struct manager_attested *attested)
{
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "name", json_string(attested->name));
	good &= put(object, "uuid", uuid_text(attested->uuid));
	good &= put(object, "ak", hex(attested->ak.at, attested->ak.length));
	good &= put(object, "ek", hex(attested->ek.at, attested->ek.length));
	if (!attested->has_digest) {
		good &= put(object, "message",
			    hex(attested->message.at, attested->message.length));
		good &= put(object, "signature",
			    hex(attested->signature.at, attested->signature.length));
		good &= put(object, "values", values_of(attested->pcrs, attested->value));
	}
	if (attested->is_deep)
		good &= put(object, "deep", json_deep(&attested->deep));
	return complete(object, good);
}

json_t *api_json_proof(struct manager_bytes proof)
{
	json_t *object = json_object();

	return complete(object, put(object, "proof", hex(proof.at, proof.length)));
}

static const char *state_of(const struct manager_plans *plans, const struct manager_plan *plan)
{
	if (plan->sequence < plans->counter)
		return "retired";
	return plan->expires && plan->expires <= (uint64_t)time(NULL) ? "expired" : "good";
}

static json_t *all_plans(const struct manager_plans *plans)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < plans->count; i++) {
		const struct manager_plan *plan = &plans->plan[i];

		json_array_append_new(array,
				      json_pack("{s:I, s:I, s:I, s:s, s:s}", "sequence",
						(json_int_t)plan->sequence, "made",
						(json_int_t)plan->made, "expires",
						(json_int_t)plan->expires, "label", plan->label,
						"state", state_of(plans, plan)));
	}
	return array;
}

static json_t *all_values(const struct manager_plans *plans)
{
	json_t *values = json_object();
	char number[4];

	for (unsigned int pcr = 0; pcr < MANAGER_PCRS; pcr++) {
		if (!(plans->pcrs >> pcr & 1))
			continue;
		snprintf(number, sizeof(number), "%u", pcr);
		put(values, number, hex(plans->value[pcr], sizeof(plans->value[pcr])));
	}
	return values;
}

json_t *api_json_plans(const struct manager_plans *plans)
{
	static const char *const opened[] = {
		[KEYD_OPENED_OTHERWISE] = "otherwise",
		[KEYD_OPENED_SLOT] = "slot",
		[KEYD_OPENED_PLAN] = "plan",
	};
	json_t *object = json_object();
	bool good = true;

	good &= put(object, "opened", json_string(opened[plans->opened]));
	good &= put(object, "running", json_integer((json_int_t)plans->running));
	good &= put(object, "plan_key", hex(plans->key, sizeof(plans->key)));
	good &= put(object, "counter_index", json_integer((json_int_t)plans->index));
	good &= put(object, "counter", json_integer((json_int_t)plans->counter));
	good &= put(object, "sequence", json_integer((json_int_t)plans->sequence));
	good &= put(object, "values", all_values(plans));
	good &= put(object, "plans", all_plans(plans));
	good &= put(object, "recovery_proven",
		    plans->proven ? json_integer((json_int_t)plans->proven) : json_null());
	return complete(object, good);
}

/* What the type is called in words (RFC 9457, 3.1.3: the title does not change). */
static const char *title_of(const char *name)
{
	static const struct {
		const char *name, *title;
	} titles[] = {
		{ "invalid", "The request is malformed" },
		{ "not-found", "There is no such thing" },
		{ "exists", "It exists already" },
		{ "forbidden", "The peer may not do that" },
		{ "conflict", "Not in the present state" },
		{ "locked", "The host root key is locked" },
		{ "uninitialised", "The host is not initialised" },
		{ "no-hardware", "There is no host TPM" },
		{ "auth", "A password or code is wanted, or wrong" },
		{ "host-tpm", "The host TPM failed" },
		{ "no-driver", "The driver is missing, or refused" },
		{ "storage", "The store cannot be written" },
		{ "timeout", "It took too long" },
		{ "failed", "The engine does not stay up" },
		{ "internal", "Something that should not be" },
		{ "method-not-allowed", "The resource has no such method" },
		{ "too-large", "The body is too large" },
		{ "media-type", "The body has another media type" },
		{ "busy", "Too many wait already" },
	};

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (!strcmp(titles[i].name, name))
			return titles[i].title;
	return name;
}

json_t *api_json_problem(unsigned int status, const char *name, const char *detail,
			 const char *next)
{
	json_t *problem = json_object();
	bool good = true;
	char type[64];

	snprintf(type, sizeof(type), "urn:vtpm:problem:%s", name);
	good &= put(problem, "type", json_string(type));
	good &= put(problem, "title", json_string(title_of(name)));
	good &= put(problem, "status", json_integer(status));
	good &= put(problem, "detail", string(detail));
	good &= put(problem, "next", string(next ? next : ""));
	return complete(problem, good);
}
