// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked of the host's CA: its key is in the host TPM (seal/hostca.h), its chain in
 * STATE_DIR/keys/ca.chain (keyd/ca.h), and what it certified in keys/issued.
 *
 *	no key		KEYD_CA_INIT or KEYD_CA_PROVE makes one
 *	no chain	of this key, that is: whoever stands above has not answered yet
 *	it issues	to engines, on the connection their data key went over: uuid and epoch are
 *			those of the grant, the protection is that of this host now
 *
 * A certificate is recorded before it leaves. Who asks while the host TPM has done its share
 * is told when to ask again; nothing is queued.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <tss2/tss2_mu.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cert/cert.h"
#include "keyd/answer.h"
#include "keyd/ca.h"
#include "keyd/issued.h"
#include "keyd/orders.h"
#include "keyd/quote.h"
#include "keyd/subject.h"
#include "seal/keyfile.h"

/* A root that nobody stands above is as good as its host is old. */
#define SELF_SECONDS (20 * 365 * 86400LL)

/* KEYD_CERTIFY, and what becomes of it. */
struct certificate {
	enum keyd_cert_kind kind;
	struct seal_bytes area;
	enum keyd_cert_state state;
	uint32_t wait_ms;
	uint8_t serial[KEYD_SERIAL_SIZE];
	uint8_t der[CERT_DER_MAX];
	size_t length;
};

static int record(const struct keyd_peer *peer, const struct certificate *certificate,
		  struct reason *reason)
{
	struct issued issued = {
		.time = (uint64_t)time(NULL),
		.epoch = peer->epoch,
		.kind = certificate->kind,
	};
	int r;

	cursor_copy(issued.uuid, sizeof(issued.uuid), peer->uuid, sizeof(peer->uuid));
	cursor_copy(issued.serial, sizeof(issued.serial), certificate->serial,
		    sizeof(certificate->serial));
	r = issued_add(peer->keyd->root.directory, &issued);
	return r ? refuse(reason, r, "keys/issued cannot be written: %s", strerror(-r)) : 0;
}

static int issue(const struct keyd_peer *peer, struct ca *ca, EVP_PKEY *key,
		 struct certificate *certificate)
{
	const struct cert_issuer issuer = { ca->authority.chain[0], &ca->signer };
	struct cert_wish wish = {
		.kind = certificate->kind,
		.key = key,
		.binding = {
			.epoch = peer->epoch,
			.protection = root_protection(&peer->keyd->root),
			.rollback = witness_mode(&peer->keyd->witness),
		},
	};
	int r;

	cursor_copy(wish.binding.uuid, sizeof(wish.binding.uuid), peer->uuid, sizeof(peer->uuid));
	refuse(ca->reason, 0, "OpenSSL makes no certificate");
	r = cert_issue(&issuer, &wish, certificate->der, &certificate->length,
		       certificate->serial);
	return r ? r : record(peer, certificate, ca->reason);
}

static int certify(const struct keyd_peer *peer, struct certificate *certificate,
		   struct reason *reason)
{
	_cleanup_(ca_done) struct ca ca = { 0 };
	EVP_PKEY *key = subject_read(certificate->kind, certificate->area);
	int r;

	if (!key)
		return refuse(reason, -EINVAL,
			      "what the engine shows is no key of kind %u: it gets no certificate",
			      certificate->kind);
	r = ca_get(peer->keyd, false, false, &ca, reason);
	if (!r)
		r = ca_get_chain(&ca);
	if (r == 1)
		certificate->state = KEYD_CERT_NO_CA;
	if (!r)
		certificate->wait_ms = duty_wait(&peer->keyd->duty, ca_clock_usec());
	if (certificate->wait_ms)
		certificate->state = KEYD_CERT_PENDING;
	else if (!r)
		r = issue(peer, &ca, key, certificate);
	EVP_PKEY_free(key);
	return r < 0 ? r : 0;
}

int keyd_on_certify(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct certificate certificate = { .kind = (enum keyd_cert_kind)cursor_get_u8(&in->body) };
	struct answer answer;
	struct reason reason;
	int r;

	certificate.area.at = ipc_get_blob(in, KEYD_PUBLIC_MAX, &certificate.area.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = certify(peer, &certificate, &reason);
	if (r)
		log_line("no certificate: %s", reason.text);
	answer_begin(&answer, KEYD_CERTIFIED, tag, r, &reason);
	if (!r) {
		cursor_put_u8(&answer.out.body, (uint8_t)certificate.state);
		if (certificate.state == KEYD_CERT_ISSUED) {
			cursor_put_raw(&answer.out.body, certificate.serial,
				       sizeof(certificate.serial));
			ipc_put_blob(&answer.out, certificate.der, certificate.length);
		} else if (certificate.state == KEYD_CERT_PENDING) {
			cursor_put_u32(&answer.out.body, certificate.wait_ms);
		}
	}
	return answer_finish(peer, &answer);
}

static void put_public(struct answer *answer, const TPM2B_PUBLIC *public)
{
	uint8_t bytes[sizeof(TPM2B_PUBLIC)];
	size_t length = 0;

	if (Tss2_MU_TPM2B_PUBLIC_Marshal(public, bytes, sizeof(bytes), &length))
		answer->out.body.bad = true;
	ipc_put_blob(&answer->out, bytes, length);
}

int keyd_on_host_ca(void *context, struct ipc_in *in)
{
	_cleanup_(ca_done) struct ca ca = { 0 };
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	uint8_t chain[KEYD_CHAIN_MAX];
	struct answer answer;
	struct reason reason;
	size_t length = 0;
	uint64_t count = 0;
	int r, chained;

	if (!ipc_ended(in))
		return -EPROTO;
	r = ca_get(peer->keyd, false, false, &ca, &reason);
	/* one that is out of date is shown all the same */
	chained = r ? 1 : ca_get_chain(&ca);
	if (!chained || chained == -ETIME)
		length = authority_write(&ca.authority, chain);
	if (r >= 0)
		issued_read(peer->keyd->root.directory, 0, NULL, 0, &count);
	answer_begin(&answer, KEYD_HOST_CA_IS, tag, r < 0 ? r : 0, &reason);
	if (r >= 0) {
		if (r)
			ipc_put_blob(&answer.out, NULL, 0);
		else
			put_public(&answer, &ca.key.key.public);
		ipc_put_blob(&answer.out, chain, length);
		cursor_put_u64(&answer.out.body, count);
	}
	return answer_finish(peer, &answer);
}

static int save_chain(const struct ca *ca, struct seal_bytes bytes)
{
	int r = keyfile_save(ca->keyd->root.directory, CA_CHAIN_FILE, bytes);

	return r ? refuse(ca->reason, r, "keys/" CA_CHAIN_FILE " cannot be written: %s",
			  strerror(-r)) :
		   0;
}

/* @request: its length comes in as its room. */
static int init(struct ca *ca, uint32_t flags, const char *name, uint8_t *request, size_t *length)
{
	uint8_t bytes[CERT_DER_MAX];
	size_t size;
	int r;

	refuse(ca->reason, 0, "OpenSSL makes no certificate");
	r = authority_request(&ca->signer, ca->public, name, request, *length, length);
	if (r || !(flags & KEYD_CA_SELF_SIGNED))
		return r;
	r = authority_self(&ca->signer, ca->public, name, time(NULL) + SELF_SECONDS, bytes,
			   sizeof(bytes), &size);
	return r ? r : save_chain(ca, (struct seal_bytes){ bytes, size });
}

static int check_init(struct keyd *keyd, uint32_t flags, const char *name,
		      struct reason *reason)
{
	_cleanup_(ca_done) struct ca ca = { 0 };
	int r;

	if (flags & ~(uint32_t)(KEYD_CA_SELF_SIGNED | KEYD_CA_NEW) || !*name)
		return refuse(reason, -EINVAL,
			      "a CA has a name, and flags 0x%x are not all known here: update "
			      "vtpm-keyd",
			      flags);
	if (flags & KEYD_CA_NEW || !(flags & KEYD_CA_SELF_SIGNED))
		return 0;
	r = ca_get(keyd, false, false, &ca, reason);
	if (!r)
		r = ca_get_chain(&ca);
	if (!r)
		r = refuse(reason, -EEXIST,
			   "the host has a CA with a certificate: look at it with vtpmctl ca show; "
			   "vtpmctl ca init --new makes another one");
	return r == 1 ? 0 : r;
}

int keyd_on_ca_init(void *context, struct ipc_in *in)
{
	_cleanup_(ca_done) struct ca ca = { 0 };
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	uint32_t flags = cursor_get_u32(&in->body);
	char name[KEYD_CA_NAME_MAX];
	uint8_t request[CERT_DER_MAX];
	size_t length = sizeof(request);
	struct answer answer;
	struct reason reason;
	int r;

	ipc_get_string(in, name, sizeof(name));
	if (!ipc_ended(in))
		return -EPROTO;
	r = check_init(peer->keyd, flags, name, &reason);
	if (!r)
		r = ca_get(peer->keyd, true, flags & KEYD_CA_NEW, &ca, &reason);
	if (!r)
		r = init(&ca, flags, name, request, &length);
	if (r)
		log_line("the host has no new CA: %s", reason.text);
	else if (flags & KEYD_CA_SELF_SIGNED)
		log_line("security: pid %d made the host's CA its own root", (int)peer->pid);
	answer_begin(&answer, KEYD_CA_INIT_DONE, tag, r, &reason);
	if (!r)
		ipc_put_blob(&answer.out, request, length);
	return answer_finish(peer, &answer);
}

static int prove(struct keyd *keyd, const uint8_t *nonce, struct ca *ca, struct host_certified *ret,
		 struct reason *reason)
{
	_cleanup_(hostkey_done) struct hostkey ak = { 0 };
	uint8_t bytes[sizeof(KEYD_CA_WORDS) - 1 + KEYD_CA_NONCE], about[SEAL_HASH_SIZE];
	struct cursor_out out = cursor_out(bytes, sizeof(bytes));
	int r;

	r = quote_ak(keyd, &ak, reason);
	if (!r)
		r = ca_get(keyd, true, false, ca, reason);
	if (r)
		return r;
	cursor_put_raw(&out, KEYD_CA_WORDS, sizeof(KEYD_CA_WORDS) - 1);
	cursor_put_raw(&out, nonce, KEYD_CA_NONCE);
	if (seal_hash((struct seal_bytes){ bytes, out.used }, about))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	return host_ca_certify(&keyd->host, &ca->key.key, ca->key.auth, &ak.key, ak.auth, about,
			       ret, reason);
}

int keyd_on_ca_prove(void *context, struct ipc_in *in)
{
	_cleanup_(ca_done) struct ca ca = { 0 };
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	uint8_t nonce[KEYD_CA_NONCE], signature[sizeof(TPMT_SIGNATURE)];
	struct host_certified certified;
	struct answer answer;
	struct reason reason;
	size_t length = 0;
	int r;

	cursor_get_raw(&in->body, nonce, sizeof(nonce));
	if (!ipc_ended(in))
		return -EPROTO;
	r = prove(peer->keyd, nonce, &ca, &certified, &reason);
	if (r)
		log_line("the key of the host's CA is not certified: %s", reason.text);
	answer_begin(&answer, KEYD_CA_PROOF, tag, r, &reason);
	if (!r) {
		put_public(&answer, &ca.key.key.public);
		put_public(&answer, &certified.parent);
		ipc_put_blob(&answer.out, certified.message.attestationData,
			     certified.message.size);
		if (Tss2_MU_TPMT_SIGNATURE_Marshal(&certified.signature, signature,
						   sizeof(signature), &length))
			answer.out.body.bad = true;
		ipc_put_blob(&answer.out, signature, length);
	}
	return answer_finish(peer, &answer);
}

static int refuse_chain(struct reason *reason, int error)
{
	switch (error) {
	case -EKEYREJECTED:
		return refuse(reason, error,
			      "the first certificate is not of the key of this host's CA: get one "
			      "for the request of vtpmctl ca init --csr");
	case -EPERM:
		return refuse(reason, error,
			      "a certificate in the chain may not certify others, or not so many: "
			      "ask for one with CA:TRUE and keyCertSign");
	case -EBADE:
		return refuse(reason, error,
			      "a certificate is not signed by the one after it: put them in order, "
			      "the host's first");
	case -ETIME:
		return refuse(reason, error,
			      "a certificate in the chain is out of date: look at the clock, or "
			      "ask for another one");
	default:
		return refuse(reason, error,
			      "there is something else than 1 to %d certificates in DER or PEM",
			      AUTHORITY_CHAIN_MAX);
	}
}

static int import(struct keyd *keyd, struct seal_bytes bytes, struct reason *reason)
{
	_cleanup_(ca_done) struct ca ca = { 0 };
	uint8_t chain[AUTHORITY_DER_MAX];
	size_t length;
	int r;

	r = ca_get(keyd, false, false, &ca, reason);
	if (r == 1)
		return refuse(reason, -ENOENT,
			      "the host's CA has no key: make one with vtpmctl ca init --csr");
	if (r)
		return r;
	r = authority_read(bytes.at, bytes.length, &ca.authority);
	if (!r)
		r = authority_check(&ca.authority, ca.public);
	length = r ? 0 : authority_write(&ca.authority, chain);
	if (!length)
		return refuse_chain(reason, r ? r : -EBADMSG);
	return save_chain(&ca, (struct seal_bytes){ chain, length });
}

int keyd_on_ca_import(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct seal_bytes bytes;
	struct reason reason;
	int r;

	bytes.at = ipc_get_blob(in, KEYD_CHAIN_MAX, &bytes.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = import(peer->keyd, bytes, &reason);
	if (r)
		log_line("the host's CA takes no certificate: %s", reason.text);
	else
		log_line("security: the host's CA got a certificate from pid %d", (int)peer->pid);
	return answer_plain(peer, KEYD_CA_IMPORTED, tag, r, &reason);
}

int keyd_on_issued(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	uint64_t from = cursor_get_u64(&in->body), count;
	uint8_t records[KEYD_ISSUED_MOST * ISSUED_SIZE];
	struct answer answer;
	struct reason reason;
	ssize_t n;

	if (!ipc_ended(in))
		return -EPROTO;
	n = issued_read(peer->keyd->root.directory, from, records, KEYD_ISSUED_MOST, &count);
	if (n < 0)
		refuse(&reason, (int)n, "keys/issued cannot be read: %s", strerror((int)-n));
	answer_begin(&answer, KEYD_ISSUED_IS, tag, n < 0 ? (int)n : 0, &reason);
	if (n >= 0) {
		cursor_put_u64(&answer.out.body, count);
		ipc_put_blob(&answer.out, records, (size_t)n * ISSUED_SIZE);
	}
	return answer_finish(peer, &answer);
}
