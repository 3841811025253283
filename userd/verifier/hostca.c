// SPDX-License-Identifier: BSD-3-Clause
/*
 * Handlers: the CA of a host, what it certified that is good no more, and the list of that.
 *
 *	GET  .../ca		a nonce
 *	POST .../ca		the CA's key, certified by the enrolled attestation key, over the
 *				nonce -> certificate of the fleet's CA
 *	POST .../revocations	vTPMs that are gone, or in another epoch now
 *	GET  /v1/crl		for anybody
 *
 * A host that failed gets no certificate, and those it has are on hold in the list.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/certified.h"
#include "base/base64.h"
#include "base/cursor.h"
#include "base/text.h"
#include "verifier/authority.h"
#include "verifier/request.h"
#include "wire/ipc_keyd.h"

#define SHOWN_MAX	 2048
#define ABOUT_SIZE	 32
#define NONCE_DEADLINE_MS 60000
#define REVOCATIONS_MAX	 4096

/* What a host shows of its CA. */
struct shown {
	uint8_t nonce[CHALLENGE_NONCE];
	uint8_t key[SHOWN_MAX], parent[SHOWN_MAX], message[SHOWN_MAX], signature[SHOWN_MAX];
	uint8_t about[ABOUT_SIZE];
	struct certified certified;
};

static void refuse(struct request *request, const char *why)
{
	request_refuse(request, MHD_HTTP_FORBIDDEN, "host-ca", why,
		       "look at how the host stands, then have it ask again");
}

void authority_ask(struct request *request)
{
	uint8_t nonce[CHALLENGE_NONCE];
	char text[BASE64_ROOM(CHALLENGE_NONCE)];

	if (challenge_make(request->service->authorities, request->host, request_now_ms(),
			   NONCE_DEADLINE_MS, 0, nonce)) {
		request_broken(request);
		return;
	}
	base64_write(nonce, sizeof(nonce), text);
	request_answer(request, MHD_HTTP_OK, json_pack("{s:s}", "nonce", text));
}

static bool read_member(const json_t *body, const char *name, uint8_t *to, size_t room,
			struct hash_part *ret)
{
	const json_t *value = json_object_get(body, name);
	ssize_t size = json_is_string(value) ? base64_read(json_string_value(value),
							   json_string_length(value), to, room)
					     : -EBADMSG;

	*ret = (struct hash_part){ to, size > 0 ? (size_t)size : 0 };
	return size > 0;
}

/* Part of wire/ipc_keyd.h: KEYD_CA_PROOF. */
static bool make_about(struct shown *shown)
{
	uint8_t bytes[sizeof(KEYD_CA_WORDS) - 1 + CHALLENGE_NONCE];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));

	cursor_put_raw(&out, KEYD_CA_WORDS, sizeof(KEYD_CA_WORDS) - 1);
	cursor_put_raw(&out, shown->nonce, sizeof(shown->nonce));
	shown->certified.about = (struct hash_part){ shown->about, sizeof(shown->about) };
	return EVP_Digest(bytes, out.used, shown->about, NULL, EVP_sha256(), NULL) == 1;
}

static bool read_shown(const json_t *body, struct shown *ret)
{
	struct certified *certified = &ret->certified;
	struct hash_part nonce;

	return read_member(body, "nonce", ret->nonce, sizeof(ret->nonce), &nonce) &&
	       nonce.length == sizeof(ret->nonce) &&
	       read_member(body, "public", ret->key, SHOWN_MAX, &certified->key) &&
	       read_member(body, "parent", ret->parent, SHOWN_MAX, &certified->parent) &&
	       read_member(body, "message", ret->message, SHOWN_MAX, &certified->message) &&
	       read_member(body, "signature", ret->signature, SHOWN_MAX, &certified->signature) &&
	       make_about(ret);
}

static const char *check(struct request *request, struct shown *shown,
			 const struct fleet_keys *keys, struct public *ret)
{
	struct service *service = request->service;
	struct hash *hash;
	const char *why;

	if (challenge_take(service->authorities, request->host, request_now_ms(), shown->nonce,
			   sizeof(shown->nonce)))
		return "the nonce is not the one that was asked for, or its time is over";
	hash = hash_new();
	if (!hash)
		return "there is no memory left";
	shown->certified.ak = (struct hash_part){ keys->ak, keys->ak_size };
	why = certified_check(&shown->certified, hash, ret);
	hash_free(hash);
	return why ? why : certified_issues(ret);
}

static int issue(struct request *request, const struct public *public,
		 uint8_t ret[CA_CERTIFICATE_MAX], size_t *ret_size)
{
	struct fleet *fleet = request->service->fleet;
	EVP_PKEY *key = public_key(public);
	struct attest_reason reason;
	struct authority_row row = { 0 };
	int r = -EIO;

	text_cut(row.host, sizeof(row.host), request->host);
	if (key)
		r = ca_certify_authority(request->service->ca, key, &row, ret, ret_size);
	EVP_PKEY_free(key);
	if (r)
		return r;
	request_note(&reason, ATTEST_UNKNOWN, "host.ca", request->host,
		     "its CA was certified: it issues certificates of its vTPMs");
	if (fleet_begin(fleet, true))
		return -EIO;
	return request_end(request, !authority_add(fleet, &row) &&
					    !fleet_event_add(fleet, row.host, time(NULL),
							     &reason))
		       ? 0
		       : -EIO;
}

static void answer(struct request *request, const uint8_t *certificate, size_t size)
{
	char text[BASE64_ROOM(CA_CERTIFICATE_MAX)], above[BASE64_ROOM(CA_CERTIFICATE_MAX)];
	uint8_t der[CA_CERTIFICATE_MAX];
	size_t length = ca_der(request->service->ca, der);

	if (!length) {
		request_broken(request);
		return;
	}
	base64_write(certificate, size, text);
	base64_write(der, length, above);
	request_answer(request, MHD_HTTP_OK,
		       json_pack("{s:s, s:[s]}", "ca_cert", text, "chain", above));
}

static void certify(struct request *request, struct shown *shown)
{
	uint8_t certificate[CA_CERTIFICATE_MAX];
	struct fleet_keys keys = { 0 };
	struct standing standing;
	struct public public;
	const char *why = NULL;
	size_t size;
	int r = fleet_host_get(request->service->fleet, request->host, &standing, &keys);

	if (r) {
		request_no_host(request, r);
		return;
	}
	if (standing.status == ATTEST_FAILED)
		why = "the host failed: it gets a certificate once that is acknowledged and it passed";
	else
		why = check(request, shown, &keys, &public);
	if (why) {
		refuse(request, why);
		return;
	}
	r = issue(request, &public, certificate, &size);
	if (r == -EPERM)
		refuse(request, "the fleet's CA is of a time when hosts had none: it may not "
				"certify another one, and has to be made anew");
	else if (r)
		request_broken(request);
	else
		answer(request, certificate, size);
}

void authority_certify(struct request *request)
{
	static const char *const names[] = { "nonce",	"public",    "parent",
					     "message", "signature", NULL };
	json_t *body = request_object(request, names);
	struct shown *shown;
	bool good;

	if (!body)
		return;
	shown = calloc(1, sizeof(*shown));
	good = shown && read_shown(body, shown);
	json_decref(body);
	if (!good)
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
			       "what the host shows of its CA is incomplete, or no base64url",
			       "see verifier-api.yaml for the members of the body");
	else
		certify(request, shown);
	free(shown);
}

/* POST /v1/hosts/{host}/revocations */

static bool read_uuid(const char *text, uint8_t ret[IPC_UUID_SIZE])
{
	size_t digits = 0;

	if (!text || strlen(text) != STANDING_ID - 1)
		return false;
	for (size_t i = 0; text[i]; i++) {
		const char *at = strchr("0123456789abcdef", text[i]);

		if ((i == 8 || i == 13 || i == 18 || i == 23) != (text[i] == '-'))
			return false;
		if (text[i] == '-')
			continue;
		if (!at)
			return false;
		ret[digits / 2] = (uint8_t)(ret[digits / 2] << 4 | (at - "0123456789abcdef"));
		digits++;
	}
	return true;
}

/* {"uuid", "epoch"} or {"serial"} */
static bool read_what(const json_t *value, struct crl_vtpm *ret)
{
	const json_t *epoch = json_object_get(value, "epoch");
	const char *serial = json_string_value(json_object_get(value, "serial"));

	*ret = (struct crl_vtpm){ .by_serial = serial };
	if (serial)
		return base64_read(serial, strlen(serial), ret->serial, sizeof(ret->serial)) ==
			       (ssize_t)sizeof(ret->serial) &&
		       json_object_size(value) == 1;
	ret->epoch = (uint64_t)json_integer_value(epoch);
	return json_is_integer(epoch) && json_integer_value(epoch) >= 0 &&
	       json_object_size(value) == 2 &&
	       read_uuid(json_string_value(json_object_get(value, "uuid")), ret->uuid);
}

/* Return: 0; -EBADMSG; -ENOSPC; -EIO. */
static int revoke_all(struct request *request, const json_t *list)
{
	const json_t *value;
	struct crl_vtpm what;
	size_t i;
	int r = 0;

	json_array_foreach (list, i, value) {
		if (!r && !read_what(value, &what))
			r = -EBADMSG;
		if (!r)
			r = authority_revoke(request->service->fleet, request->host, &what,
					     time(NULL));
	}
	return r;
}

void authority_revocations(struct request *request)
{
	static const char *const names[] = { "revoked", NULL };
	json_t *body = request_object(request, names);
	const json_t *list = json_object_get(body, "revoked");
	struct fleet *fleet = request->service->fleet;
	struct standing standing;
	int r;

	if (!body)
		return;
	r = json_is_array(list) && json_array_size(list) <= REVOCATIONS_MAX ? 0 : -EBADMSG;
	if (!r && fleet_host_get(fleet, request->host, &standing, NULL))
		r = -ENOENT;
	if (!r && fleet_begin(fleet, true))
		r = -EIO;
	else if (!r) {
		r = revoke_all(request, list);
		if (!request_end(request, !r) && !r)
			r = -EIO;
	}
	json_decref(body);
	if (r == -ENOENT)
		request_no_host(request, r);
	else if (r == -EBADMSG)
		request_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid",
			       "\"revoked\" is no list of at most 4096 vTPMs or serial numbers",
			       "see verifier-api.yaml for the members of the body");
	else if (r == -ENOSPC)
		request_refuse(request, MHD_HTTP_FORBIDDEN, "full",
			       "too many certificates are revoked already",
			       "have the host's CA make another key, and remove the host");
	else if (r)
		request_broken(request);
	else
		request_answer(request, MHD_HTTP_OK, json_object());
}

/* GET /v1/crl */

void authority_list(struct request *request)
{
	struct service *service = request->service;
	uint8_t *der;
	int length = authority_crl(service->fleet, service->ca, time(NULL), &der);
	char *copy = length > 0 ? malloc((size_t)length) : NULL;

	if (!copy) {
		request_broken(request);
	} else {
		cursor_copy(copy, (size_t)length, der, (size_t)length);
		request_answer_text(request, "application/pkix-crl", copy, (size_t)length);
	}
	if (length > 0)
		OPENSSL_free(der);
}
