// SPDX-License-Identifier: BSD-3-Clause
/*
 * Handlers: enrolment (enrol.h has the rules).
 */
#include "verifier/enrol.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/credential.h"
#include "attest/ekcert.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "base/text.h"
#include "verifier/authority.h"
#include "verifier/request.h"
#include "verifier/share.h"
#include "verifier/verifier.h"

#define SECRET_SIZE	 32
#define CERTIFICATES_MAX 16
#define CERTIFICATE_MAX	 8192

/**
 * struct enrolment - one that was begun
 * @id: of it; empty: free
 * @until_ms: then it is over
 * @secret: in the credential
 * @token: that began it
 * @name: of the host
 * @keys: of it
 */
struct enrolment {
	char id[STANDING_ID];
	int64_t until_ms;
	uint8_t secret[SECRET_SIZE];
	char token[FLEET_SECRET];
	char name[STANDING_NAME];
	struct fleet_keys keys;
};

struct enrolments {
	struct ekcert_store *store;
	struct hash *hash;
	struct enrolment all[ENROL_MOST];
};

int enrolments_new(const struct config *config, char *reason, size_t room,
		   struct enrolments **ret)
{
	struct enrolments *enrolments = calloc(1, sizeof(*enrolments));
	struct attest_verdict verdict = { 0 };
	int r = -ENOMEM;

	if (!enrolments)
		return r;
	enrolments->store = ekcert_store_new();
	enrolments->hash = hash_new();
	if (enrolments->store && enrolments->hash)
		r = *config->ek_roots ? verifier_store_add(enrolments->store, config->ek_roots,
							   true, &verdict)
				      : 0;
	if (!r) {
		*ret = enrolments;
		return 0;
	}
	if (verdict.count)
		snprintf(reason, room, "\"ek_roots\": %s", verdict.reasons[0].text);
	enrolments_free(enrolments);
	return r;
}

void enrolments_free(struct enrolments *enrolments)
{
	if (!enrolments)
		return;
	ekcert_store_free(enrolments->store);
	hash_free(enrolments->hash);
	secret_wipe(enrolments, sizeof(*enrolments));
	free(enrolments);
}

static void end_one(struct enrolment *enrolment)
{
	secret_wipe(enrolment, sizeof(*enrolment));
}

/* A free place; those that are over make one. */
static struct enrolment *find_place(struct enrolments *enrolments, int64_t now_ms)
{
	for (size_t i = 0; i < ENROL_MOST; i++) {
		struct enrolment *enrolment = &enrolments->all[i];

		if (*enrolment->id && now_ms > enrolment->until_ms)
			end_one(enrolment);
		if (!*enrolment->id)
			return enrolment;
	}
	return NULL;
}

static struct enrolment *find_id(struct enrolments *enrolments, const char *id, int64_t now_ms)
{
	for (size_t i = 0; id && *id && i < ENROL_MOST; i++)
		if (!strcmp(enrolments->all[i].id, id) && now_ms <= enrolments->all[i].until_ms)
			return &enrolments->all[i];
	return NULL;
}

static ssize_t read_member(const json_t *body, const char *name, uint8_t *ret, size_t room)
{
	const json_t *value = json_object_get(body, name);

	return base64_read(json_is_string(value) ? json_string_value(value) : "",
			   json_string_length(value), ret, room);
}

/* Begin */

/*
 * What is believed here, and between that and the host's certificate what the host sends: of
 * itself it vouches for nothing. Return: NULL: without memory, or the host sends nonsense.
 */
static struct ekcert_store *make_store(const struct enrolments *enrolments, const json_t *chain)
{
	struct ekcert_store *store = ekcert_store_fork(enrolments->store);
	size_t length = json_string_length(chain);
	uint8_t *bytes = length ? malloc(length) : NULL;
	ssize_t size = bytes ? base64_read(json_string_value(chain), length, bytes, length) : 0;

	if (store && (size < 0 || (length && !bytes) ||
		      (size > 0 && ekcert_store_add(store, bytes, (size_t)size, false)))) {
		ekcert_store_free(store);
		store = NULL;
	}
	free(bytes);
	return store;
}

/* Return: does a certificate of these vouch for the key? */
static bool is_certified(struct ekcert_store *store, const json_t *certificates,
			 const struct public *ek)
{
	uint8_t der[CERTIFICATE_MAX];
	struct ekcert ekcert;
	const json_t *value;
	size_t i;

	json_array_foreach (certificates, i, value) {
		struct attest_verdict verdict = { 0 };
		ssize_t size = i < CERTIFICATES_MAX && json_is_string(value)
				       ? base64_read(json_string_value(value),
						     json_string_length(value), der, sizeof(der))
				       : -EBADMSG;

		if (size > 0 &&
		    !ekcert_check(&ekcert, der, (size_t)size, store, ek, &verdict) &&
		    ekcert.chained && verdict.status != ATTEST_FAILED)
			return true;
	}
	return false;
}

static const char *read_keys(struct request *request, const json_t *body, struct public *ret_ek,
			     uint8_t ek_bytes[PUBLIC_BYTES_MAX], struct public_name *ret_ak,
			     struct fleet_keys *ret)
{
	struct enrolments *enrolments = request->service->enrolments;
	_cleanup_(ekcert_store_freep) struct ekcert_store *store = NULL;
	ssize_t size = read_member(body, "ek_pub", ek_bytes, PUBLIC_BYTES_MAX);
	struct public_name ek_name;
	struct public ak;

	if (size <= 0 || !public_parse(ret_ek, ek_bytes, (size_t)size))
		return "ek_pub is no public area of a TPM's key";
	size = read_member(body, "ak_pub", ret->ak, sizeof(ret->ak));
	if (size <= 0 || !public_parse(&ak, ret->ak, (size_t)size))
		return "ak_pub is no public area of a TPM's key";
	ret->ak_size = (size_t)size;
	if (!public_attests(&ak))
		return "the attestation key may sign what its TPM did not say";
	public_name(ret_ek, enrolments->hash, &ek_name);
	public_name(&ak, enrolments->hash, ret_ak);
	if (!ek_name.size || ek_name.size > sizeof(ret->ek_name) || hash_failed(enrolments->hash))
		return "the verifier cannot compute the names of the keys";
	for (size_t i = 0; i < ek_name.size; i++)
		ret->ek_name[i] = ek_name.bytes[i];
	ret->ek_size = ek_name.size;
	store = make_store(enrolments, json_object_get(body, "ek_chain"));
	if (!store)
		return "ek_chain has no certificates, or too many";
	if (is_certified(store, json_object_get(body, "ek_certs"), ret_ek))
		return NULL;
	ret->ek_listed = true;
	return fleet_ek_listed(request->service->fleet, ret->ek_name, ret->ek_size)
		       ? "no certificate that is believed here, and no administrator, vouches for "
			 "this endorsement key"
		       : NULL;
}

static void refuse(struct request *request, const char *why)
{
	request_refuse(request, MHD_HTTP_FORBIDDEN, "enrolment", why,
		       "show the administrator of the verifier this message");
}

/* The two structures come one behind the other; each begins with its size. */
json_t *enrol_credential_json(const struct credential *credential)
{
	struct cursor_in in = cursor_in(credential->bytes + CREDENTIAL_HEAD,
					credential->size - CREDENTIAL_HEAD);
	char blob[BASE64_ROOM(CREDENTIAL_MAX)], seed[BASE64_ROOM(CREDENTIAL_MAX)];
	size_t first = 2 + (size_t)cursor_get_u16(&in);

	base64_write(credential->bytes + CREDENTIAL_HEAD, first, blob);
	base64_write(credential->bytes + CREDENTIAL_HEAD + first,
		     credential->size - CREDENTIAL_HEAD - first, seed);
	return json_pack("{s:s, s:s}", "credential", blob, "secret", seed);
}

static json_t *begun_json(const char *id, const struct credential *credential)
{
	json_t *root = enrol_credential_json(credential);

	if (root)
		json_object_set_new(root, "id", json_string(id));
	return root;
}

static void begin(struct request *request, const json_t *body, struct enrolment *enrolment)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	uint8_t ek_bytes[PUBLIC_BYTES_MAX];
	struct credential credential;
	struct public_name ak_name;
	struct public ek;
	const char *why;

	why = read_keys(request, body, &ek, ek_bytes, &ak_name, &enrolment->keys);
	if (!why && (!name || !*name || strlen(name) >= sizeof(enrolment->name)))
		why = "name is empty or too long";
	if (!why && (RAND_bytes(enrolment->secret, SECRET_SIZE) != 1 ||
		     credential_make(&ek, &ak_name,
				     (struct hash_part){ enrolment->secret, SECRET_SIZE },
				     request->service->enrolments->hash, &credential) ||
		     fleet_uuid_new(enrolment->id)))
		why = "no credential can be made for this endorsement key";
	if (why) {
		refuse(request, why);
		end_one(enrolment);
		return;
	}
	text_cut(enrolment->name, sizeof(enrolment->name), name);
	enrolment->until_ms = request_now_ms() + 1000 * ENROL_SECONDS;
	request_answer(request, MHD_HTTP_OK, begun_json(enrolment->id, &credential));
}

void enrol_begin(struct request *request)
{
	static const char *const names[] = { "token",	 "name",   "ek_pub", "ek_certs",
					     "ek_chain", "ak_pub", NULL };
	json_t *body = request_object(request, names);
	struct fleet *fleet = request->service->fleet;
	const char *token = json_string_value(json_object_get(body, "token"));
	struct enrolment *place;
	struct fleet_pass pass;
	bool good;

	if (!body)
		return;
	good = token && strlen(token) < FLEET_SECRET &&
	       !fleet_pass_get(fleet, token, strlen(token), time(NULL), &pass) &&
	       pass.role == FLEET_ENROL &&
	       !fleet_pass_use(fleet, token, strlen(token), ENROL_BEGINNINGS);
	place = good ? find_place(request->service->enrolments, request_now_ms()) : NULL;
	if (!good) {
		request_refuse(request, MHD_HTTP_UNAUTHORIZED, "token",
			       "this token is not known, used up or too old",
			       "have an administrator grant another one");
	} else if (!place) {
		request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
			       "too many hosts enrol at this moment", "try again in a minute");
	} else {
		text_cut(place->token, sizeof(place->token), token);
		begin(request, body, place);
	}
	json_decref(body);
}

/* Finish */

/*
 * Which host is it? A token may name one: it gets this TPM. Otherwise the TPM says it.
 * Return: 0; -ENOENT (a new one); -EEXIST (the TPM is another host's).
 */
static int find_host(struct fleet *fleet, const struct enrolment *enrolment,
		     const struct fleet_pass *pass, struct standing *ret)
{
	char owner[STANDING_ID] = "";
	int r = fleet_host_by_ek(fleet, enrolment->keys.ek_name, enrolment->keys.ek_size, owner);

	if (r && r != -ENOENT)
		return r;
	if (!fleet_host_get(fleet, pass->name, ret, NULL))
		return *owner && strcmp(owner, pass->name) ? -EEXIST : 0;
	return *owner ? fleet_host_get(fleet, owner, ret, NULL) : -ENOENT;
}

/* What the host's CA certified was certified in another TPM, and so was the share bound to it. */
static int end_authorities(struct fleet *fleet, const struct enrolment *enrolment, const char *id)
{
	struct fleet_keys before = { 0 };
	struct standing standing;
	int r = fleet_host_get(fleet, id, &standing, &before);

	if (r || (before.ek_size == enrolment->keys.ek_size &&
		  secret_equal(before.ek_name, enrolment->keys.ek_name, before.ek_size)))
		return r;
	share_revoke(fleet, id);
	return authority_end(fleet, id, time(NULL));
}

static int store(struct request *request, const struct enrolment *enrolment,
		 const struct standing *standing, bool new, const char *bearer)
{
	struct fleet_pass pass = { FLEET_HOST, "" };
	struct fleet *fleet = request->service->fleet;
	struct attest_reason reason;
	int r;

	text_cut(pass.name, sizeof(pass.name), standing->id);
	request_note(&reason, ATTEST_UNKNOWN, "host.enrolled", standing->name,
		     enrolment->keys.ek_listed ? "enrolled; its endorsement key is listed by hand"
					       : "enrolled; a certificate vouches for its TPM");
	fleet_pass_remove(fleet, &pass);
	r = new ? 0 : end_authorities(fleet, enrolment, standing->id);
	if (r)
		return r;
	r = new ? fleet_host_add(fleet, standing, &enrolment->keys)
		: fleet_host_rekey(fleet, standing->id, &enrolment->keys);
	if (!r && !new)
		r = fleet_host_set(fleet, standing, NULL);
	if (!r)
		r = fleet_pass_add(fleet, bearer, strlen(bearer), &pass, 0);
	return r ? r : fleet_event_add(fleet, standing->id, time(NULL), &reason);
}

static int certify(struct request *request, const struct fleet_keys *keys,
		   struct authority_row *row, uint8_t ret[CA_CERTIFICATE_MAX], size_t *ret_size)
{
	struct public ak;
	EVP_PKEY *key = public_parse(&ak, keys->ak, keys->ak_size) ? public_key(&ak) : NULL;
	int r = key ? ca_certify(request->service->ca, key, row, ret, ret_size) : -EIO;

	EVP_PKEY_free(key);
	return r;
}

/*
 * Who wants to be another host has just shown that he has this one's TPM: there are two of it, and
 * the older is believed no more. Where the store is broken the answer is no anyway.
 */
static void fail_owner(struct request *request, const struct enrolment *enrolment)
{
	const struct config *config = request->service->config;
	const struct standing_machine machine = { 0 };
	struct fleet *fleet = request->service->fleet;
	struct attest_verdict verdict = { 0 };
	struct standing standing;
	char owner[STANDING_ID];

	if (fleet_host_by_ek(fleet, enrolment->keys.ek_name, enrolment->keys.ek_size, owner) ||
	    fleet_host_get(fleet, owner, &standing, NULL))
		return;
	attest_verdict_say(&verdict, ATTEST_FAILED, "vtpm.duplicate",
			   "find out which machine has the TPM, and stop the copy",
			   "another machine showed the endorsement key of this host's TPM");
	standing_take(&standing, &verdict, &machine, config->name, time(NULL), config->valid);
	if (!fleet_begin(fleet, true))
		request_end(request,
			    !fleet_host_set(fleet, &standing, NULL) &&
				    !fleet_event_add(fleet, owner, time(NULL),
						     &verdict.reasons[0]));
}

static void finish(struct request *request, const struct enrolment *enrolment,
		   const struct fleet_pass *token)
{
	char bearer[FLEET_SECRET], id[STANDING_ID], text[BASE64_ROOM(CA_CERTIFICATE_MAX)];
	char by[BASE64_ROOM(CA_CERTIFICATE_MAX)];
	uint8_t certificate[CA_CERTIFICATE_MAX], ca[CA_CERTIFICATE_MAX];
	struct fleet *fleet = request->service->fleet;
	struct authority_row row = { 0 };
	struct standing standing;
	size_t size;
	int r = find_host(fleet, enrolment, token, &standing);
	bool new = r == -ENOENT;

	if (r == -EEXIST) {
		fail_owner(request, enrolment);
		refuse(request, "this TPM is another host's: remove that host first");
		return;
	}
	if (new && fleet_uuid_new(id)) {
		request_broken(request);
		return;
	}
	if (new)
		standing_new(&standing, id, enrolment->name);
	/* Another key, or another TPM: what its clock said before binds it no more. */
	standing.machine.known = false;
	text_cut(row.host, sizeof(row.host), standing.id);
	if ((r && !new) || fleet_secret_new(bearer) ||
	    certify(request, &enrolment->keys, &row, certificate, &size) ||
	    fleet_begin(fleet, true) ||
	    !request_end(request,
			 !fleet_pass_spend(fleet, enrolment->token, strlen(enrolment->token)) &&
				 !store(request, enrolment, &standing, new, bearer) &&
				 !authority_add_attester(fleet, &row, time(NULL)))) {
		request_broken(request);
		return;
	}
	base64_write(certificate, size, text);
	base64_write(ca, ca_der(request->service->ca, ca), by);
	request_answer(request, MHD_HTTP_OK,
		       json_pack("{s:s, s:s, s:s, s:s}", "host", standing.id, "ak_cert", text,
				 "ca_cert", by, "bearer", bearer));
	secret_wipe(bearer, sizeof(bearer));
}

void enrol_finish(struct request *request)
{
	static const char *const names[] = { "id", "proof", NULL };
	json_t *body = request_object(request, names);
	struct enrolment *enrolment;
	uint8_t proof[SECRET_SIZE];
	struct fleet_pass token;
	bool good;

	if (!body)
		return;
	enrolment = find_id(request->service->enrolments,
			    json_string_value(json_object_get(body, "id")), request_now_ms());
	good = enrolment && read_member(body, "proof", proof, SECRET_SIZE) == SECRET_SIZE &&
	       secret_equal(proof, enrolment->secret, SECRET_SIZE) &&
	       !fleet_pass_get(request->service->fleet, enrolment->token,
			       strlen(enrolment->token), time(NULL), &token);
	json_decref(body);
	if (good)
		finish(request, enrolment, &token);
	else
		refuse(request, "there is no such enrolment, or this is not what its TPM found");
	/* One try */
	if (enrolment)
		end_one(enrolment);
}

/* POST /v1/eks */

void enrol_list(struct request *request)
{
	static const char *const names[] = { "public", NULL };
	json_t *body = request_object(request, names);
	uint8_t bytes[PUBLIC_BYTES_MAX];
	struct public_name name;
	struct public ek;
	ssize_t size;

	if (!body)
		return;
	size = read_member(body, "public", bytes, sizeof(bytes));
	json_decref(body);
	if (size <= 0 || !public_parse(&ek, bytes, (size_t)size)) {
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
			       "\"public\" is no public area of a TPM's key",
			       "give the TPM2B_PUBLIC of the endorsement key as base64url");
		return;
	}
	public_name(&ek, request->service->enrolments->hash, &name);
	if (fleet_ek_add(request->service->fleet, name.bytes, name.size))
		request_broken(request);
	else
		request_answer(request, MHD_HTTP_CREATED, json_object());
}
