// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked about vTPMs that leave for another host, or come from one.
 *
 *	here	KEYD_MOVE_KEY	the key they are sent here under, certified by this host's CA
 *	there	KEYD_MOVE_SEAL	its chain ends in the fleet's CA, and that one says it has passed:
 *				data key → box → head, signed by this host's CA
 *	here	KEYD_MOVE_OPEN	signed by a host of the fleet, sealed to our key: data key,
 *				wrapped by the own root key
 *
 * The data key is in clear in this process alone, at both ends. It is sealed to a host of this
 * fleet that passed, and to nobody else; to which of them the manager says, as it brings chain and
 * verdict. That a vTPM goes once, and comes once, is the manager's to see to; it can only do so on
 * a host that finds out older copies of its store.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <tss2/tss2_mu.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "cert/transit.h"
#include "keyd/answer.h"
#include "keyd/ca.h"
#include "keyd/orders.h"
#include "keyd/passed.h"
#include "keyd/subject.h"
#include "seal/hostmove.h"
#include "seal/wrap.h"
#include "wire/package.h"

#define MOVE_SECONDS (KEYD_MOVE_DAYS * 86400LL)

/* What is in a box: id u32 | plain u8 | key. */
#define TEXT_SIZE (4 + 1 + KEYD_DATA_KEY_SIZE)

static void drop_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void wipe_key(struct data_key *key)
{
	secret_wipe(key, sizeof(*key));
}

/* Return: 0, @ret has a chain, and is ended with ca_done() in any case; -errno with a reason. */
static int get_ready(struct keyd *keyd, struct ca *ret, struct reason *reason)
{
	int r = keyd_usable(keyd, reason);

	if (!r && witness_mode(&keyd->witness) == KEYD_ROLLBACK_OFF)
		r = refuse(reason, -EINVAL,
			   "this host has no rollback protection, so nothing keeps a vTPM that "
			   "left from coming back with an older store: it moves no vTPMs");
	if (!r)
		r = ca_get(keyd, false, false, ret, reason);
	if (!r)
		r = ca_get_chain(ret);
	return r == 1 ? refuse(reason, -ENOENT,
			       "this host has no CA with a certificate: enrol it, or see vtpmctl "
			       "ca renew") :
			r;
}

/* KEYD_MOVE_KEY */

/* As long as the CA at the most. */
static time_t end_of_key(const struct ca *ca)
{
	time_t until = time(NULL) + MOVE_SECONDS, above;
	struct tm last;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(ca->authority.chain[0]), &last) != 1)
		return until;
	above = timegm(&last);
	return above < until ? above : until;
}

static EVP_PKEY *public_of(const struct hostkey *move)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	size_t length = 0;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(&move->key.public.publicArea, area, sizeof(area), &length))
		return NULL;
	return subject_key((struct seal_bytes){ area, length });
}

static int certify_move(struct ca *ca, const struct hostkey *move,
			uint8_t ret[AUTHORITY_DER_MAX], size_t *ret_length, struct reason *reason)
{
	const struct cert_issuer issuer = { ca->authority.chain[0], &ca->signer };
	_cleanup_(drop_key) EVP_PKEY *key = public_of(move);
	uint8_t chain[AUTHORITY_DER_MAX], der[CERT_DER_MAX];
	struct cursor_out out = cursor_out(ret, AUTHORITY_DER_MAX);
	size_t size;
	int r;

	if (!key)
		return refuse(reason, -EIO, "OpenSSL does not know the key for moves");
	refuse(reason, 0, "the certificate of the host's CA cannot be built on: renew it with "
			  "vtpmctl ca renew");
	r = transit_issue(&issuer, key, end_of_key(ca), der, &size);
	if (r)
		return r;
	cursor_put_raw(&out, der, size);
	size = authority_write(&ca->authority, chain);
	cursor_put_raw(&out, chain, size);
	if (out.bad || !size)
		return refuse(reason, -EMSGSIZE, "the chain of the host's CA is too long");
	*ret_length = out.used;
	return 0;
}

static int get_move_key(struct keyd *keyd, uint8_t ret[AUTHORITY_DER_MAX], size_t *ret_length,
			struct reason *reason)
{
	_cleanup_(hostkey_done) struct hostkey move = { 0 };
	_cleanup_(ca_done) struct ca ca = { 0 };
	int r = get_ready(keyd, &ca, reason);

	if (!r)
		r = hostmove_load(&keyd->root, &move, reason);
	if (r == 1) {
		r = hostmove_make(&keyd->root, &move, reason);
		if (!r)
			log_line("security: made a key that vTPMs are moved here under");
	}
	return r ? r : certify_move(&ca, &move, ret, ret_length, reason);
}

int keyd_on_move_key(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	uint8_t chain[AUTHORITY_DER_MAX];
	struct answer answer;
	struct reason reason;
	size_t length = 0;
	int r;

	if (!ipc_ended(in))
		return -EPROTO;
	r = get_move_key(peer->keyd, chain, &length, &reason);
	answer_begin(&answer, KEYD_MOVE_KEY_IS, tag, r, &reason);
	if (!r)
		ipc_put_blob(&answer.out, chain, length);
	return answer_finish(peer, &answer);
}

/* Who is at the other end */

static int refuse_host(struct reason *reason, int error, const char *which)
{
	switch (error) {
	case -EXDEV:
		return refuse(reason, error,
			      "the chain of the %s host does not end in the CA of this host's "
			      "fleet: enrol both hosts at one verifier",
			      which);
	case -EPERM:
		return refuse(reason, error,
			      "the certificate of the %s host is not for this, or one above it may "
			      "not certify: have it made by vtpmctl host move-key there",
			      which);
	case -ETIME:
		return refuse(reason, error,
			      "a certificate of the %s host is out of date: look at the clocks, or "
			      "have another one made",
			      which);
	case -EBADE:
		return refuse(reason, error,
			      "a certificate of the %s host is not signed by the one after it",
			      which);
	case -EEXIST:
		return refuse(reason, error, "that is the key of this host: it needs no move");
	case -EKEYREJECTED:
		return refuse(reason, error,
			      "the package was not signed by the %s host that it names: it was "
			      "changed or forged",
			      which);
	default:
		return refuse(reason, -EBADMSG,
			      "there is no chain of certificates of the %s host: have it made by "
			      "vtpmctl host move-key there",
			      which);
	}
}

/* KEYD_MOVE_SEAL */

struct sending {
	struct seal_bytes chain;
	char host[KEYD_CA_NAME_MAX];
	struct passed verdict;
	bool look;
	struct package package;
	uint32_t flags;
	struct seal_bytes wrapped;
	uint8_t head[PACKAGE_HEAD_MAX];
	size_t length;
};

static int check_target(const struct ca *ca, struct sending *sending, struct transit *ret,
			struct reason *reason)
{
	_cleanup_(authority_done) struct authority chain = { 0 };
	const struct authority *own = &ca->authority;
	int r = authority_read(sending->chain.at, sending->chain.length, &chain);

	if (!r)
		r = transit_check(&chain, own, ret);
	if (r)
		return refuse_host(reason, r, "other");
	if (sending->host[0] && strcmp(sending->host, ret->host) != 0)
		return refuse(reason, -EXDEV, "it was sent to the host %s before, and this is %s",
			      sending->host, ret->host);
	return passed_check(&sending->verdict, own->chain[own->count - 1], ret->host, reason);
}

static int put_key(const struct data_key *key, const struct transit *target,
		   const struct package *package, uint8_t ret[BOX_OVERHEAD + TEXT_SIZE])
{
	uint8_t facts[PACKAGE_FACTS_MAX], text[TEXT_SIZE];
	struct cursor_out out = cursor_out(text, sizeof(text));
	size_t length = package_put_facts(package, facts);
	int r;

	cursor_put_u32(&out, key->id);
	cursor_put_u8(&out, key->plain);
	cursor_put_raw(&out, key->key, sizeof(key->key));
	r = length ? box_close(target->point, BOX_MOVE, (struct seal_bytes){ facts, length },
			       (struct seal_bytes){ text, sizeof(text) }, ret) :
		     -EINVAL;
	secret_wipe(text, sizeof(text));
	return r;
}

static int sign_head(struct ca *ca, struct sending *sending)
{
	struct package *package = &sending->package;
	size_t length = package_put_signed(package, sending->head);
	uint8_t digest[SEAL_HASH_SIZE];
	int r = length ? 0 : -EINVAL;

	if (!r)
		r = seal_hash((struct seal_bytes){ sending->head, length }, digest);
	if (!r)
		r = ca->signer.sign(ca->signer.context, digest, package->signature,
				    package->signature + SIGNER_NUMBER);
	sending->length = package_put_head(package, sending->head);
	return r;
}

static int seal_to(struct ca *ca, struct sending *sending, const struct transit *target,
		   struct reason *reason)
{
	_cleanup_(wipe_key) struct data_key key = { 0 };
	const struct root *root = &ca->keyd->root;
	struct package *package = &sending->package, again;
	uint8_t box[BOX_OVERHEAD + TEXT_SIZE], chain[AUTHORITY_DER_MAX];
	int r;

	r = unwrap_key(root->key, root->mode != KEYD_ROLLBACK_OFF, package->uuid, sending->wrapped,
		       &key);
	if (r)
		return refuse(reason, -EKEYREJECTED,
			      "the data key is not of this host, or not of this vTPM");
	if (key.plain != package->plain)
		return refuse(reason, -EINVAL,
			      "what is to be said of the vTPM is not what its data key says");
	package->time = (uint64_t)time(NULL);
	refuse(reason, 0, "no package can be made: look at OpenSSL");
	r = seal_hash((struct seal_bytes){ target->point, sizeof(target->point) },
		      package->target);
	if (!r)
		r = put_key(&key, target, package, box);
	if (r)
		return r;
	package->box = (struct package_bytes){ box, sizeof(box) };
	package->chain = (struct package_bytes){ chain, authority_write(&ca->authority, chain) };
	r = sign_head(ca, sending);
	if (!r && !package_get_head(sending->head, sending->length, &again))
		r = refuse(reason, -EINVAL,
			   "the parts do not make a package: is the chain of the host's CA longer "
			   "than %d bytes?",
			   PACKAGE_CHAIN_MAX);
	return r;
}

static int send_away(struct keyd *keyd, struct sending *sending, struct reason *reason)
{
	_cleanup_(ca_done) struct ca ca = { 0 };
	struct transit target = { 0 };
	int r = get_ready(keyd, &ca, reason);

	if (!r)
		r = check_target(&ca, sending, &target, reason);
	if (r)
		return r;
	cursor_copy(sending->host, sizeof(sending->host), target.host, sizeof(target.host));
	return sending->look ? 0 : seal_to(&ca, sending, &target, reason);
}

static void read_sending(struct ipc_in *in, struct sending *ret)
{
	struct package *package = &ret->package;

	ret->chain.at = ipc_get_blob(in, KEYD_CHAIN_MAX, &ret->chain.length);
	ipc_get_string(in, ret->host, sizeof(ret->host));
	ret->verdict.text.at = ipc_get_blob(in, KEYD_VERDICT_MAX, &ret->verdict.text.length);
	ret->verdict.signature.at =
		ipc_get_blob(in, KEYD_SIGNATURE_MAX, &ret->verdict.signature.length);
	ret->look = cursor_get_u8(&in->body);
	cursor_get_raw(&in->body, package->uuid, sizeof(package->uuid));
	package->epoch = cursor_get_u64(&in->body);
	package->generation = cursor_get_u64(&in->body);
	cursor_get_raw(&in->body, package->envelope, sizeof(package->envelope));
	ipc_get_string(in, package->name, sizeof(package->name));
	package->front = cursor_get_u8(&in->body);
	package->banks = cursor_get_u32(&in->body);
	package->plain = cursor_get_u8(&in->body) & KEYD_KEY_PLAIN;
	package->created = cursor_get_u64(&in->body);
	ret->wrapped.at = ipc_get_blob(in, KEYD_WRAPPED_MAX, &ret->wrapped.length);
}

int keyd_on_move_seal(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct sending sending = { 0 };
	struct answer answer;
	struct reason reason;
	int r;

	read_sending(in, &sending);
	if (!ipc_ended(in))
		return -EPROTO;
	r = send_away(peer->keyd, &sending, &reason);
	if (r)
		log_line("security: no data key is sealed to another host: %s", reason.text);
	else if (!sending.look)
		log_line("security: the data key of a vTPM (UUID %02x%02x%02x%02x...) is sealed to "
			 "the host %s, for pid %d",
			 sending.package.uuid[0], sending.package.uuid[1], sending.package.uuid[2],
			 sending.package.uuid[3], sending.host, (int)peer->pid);
	answer_begin(&answer, KEYD_MOVE_SEALED, tag, r, &reason);
	if (!r) {
		ipc_put_string(&answer.out, sending.host);
		ipc_put_blob(&answer.out, sending.head, sending.length);
	}
	return answer_finish(peer, &answer);
}

/* KEYD_MOVE_OPEN */

struct arrival {
	bool look;
	struct seal_bytes head;
	struct package package;
	char host[KEYD_CA_NAME_MAX];
	uint8_t wrapped[WRAP_SIZE];
};

static int check_sender(const struct ca *ca, struct arrival *arrival, struct reason *reason)
{
	_cleanup_(authority_done) struct authority chain = { 0 };
	const struct package *package = &arrival->package;
	uint8_t digest[SEAL_HASH_SIZE];
	int r;

	r = authority_read(package->chain.at, package->chain.length, &chain);
	if (r)
		return refuse_host(reason, r, "sending");
	if (seal_hash((struct seal_bytes){ arrival->head.at,
					   arrival->head.length - PACKAGE_SIGNATURE },
		      digest))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	r = transit_signed(&chain, &ca->authority, digest, package->signature, arrival->host);
	return r ? refuse_host(reason, r, "sending") : 0;
}

static int check_addressee(const struct package *package, const struct hostkey *move,
			   struct reason *reason)
{
	uint8_t point[SEAL_POINT_SIZE], digest[SEAL_HASH_SIZE];

	if (host_move_point(&move->key, point) &&
	    !seal_hash((struct seal_bytes){ point, sizeof(point) }, digest) &&
	    secret_equal(digest, package->target, sizeof(digest)))
		return 0;
	return refuse(reason, -EACCES,
		      "the package was sent to another host, or under a key that this host has no "
		      "more: have it sent again with a new certificate of vtpmctl host move-key");
}

static int take_key(struct keyd *keyd, struct arrival *arrival, const struct box_agreed *agreed,
		    struct reason *reason)
{
	_cleanup_(wipe_key) struct data_key key = { 0 };
	const struct package *package = &arrival->package;
	uint8_t facts[PACKAGE_FACTS_MAX], text[TEXT_SIZE];
	struct cursor_in in;
	size_t length;
	int r;

	r = box_open_agreed(agreed, BOX_MOVE,
			    (struct seal_bytes){ facts, package_put_facts(package, facts) },
			    (struct seal_bytes){ package->box.at, package->box.length }, text,
			    sizeof(text), &length);
	if (r || length != sizeof(text))
		return refuse(reason, -EBADMSG, "the data key in the package does not open");
	in = cursor_in(text, sizeof(text));
	key.id = cursor_get_u32(&in);
	key.plain = cursor_get_u8(&in);
	cursor_get_raw(&in, key.key, sizeof(key.key));
	secret_wipe(text, sizeof(text));
	if (key.plain != package->plain)
		return refuse(reason, -EBADMSG, "the package contradicts the data key in it");
	r = wrap_key(keyd->root.key, keyd->root.mode != KEYD_ROLLBACK_OFF, package->uuid, &key,
		     arrival->wrapped);
	return r ? refuse(reason, r, "this machine gives no random bytes, or OpenSSL fails") : 0;
}

static int receive(struct keyd *keyd, struct arrival *arrival, struct reason *reason)
{
	_cleanup_(hostkey_done) struct hostkey move = { 0 };
	_cleanup_(ca_done) struct ca ca = { 0 };
	struct box_agreed agreed = { 0 };
	int r = get_ready(keyd, &ca, reason);

	if (!r && !package_get_head(arrival->head.at, arrival->head.length, &arrival->package))
		r = refuse(reason, -EBADMSG, "this is no package of a vTPM, or of another version");
	if (!r)
		r = check_sender(&ca, arrival, reason);
	if (!r)
		r = hostmove_load(&keyd->root, &move, reason);
	if (r >= 0)
		r = check_addressee(&arrival->package, &move, reason);
	if (r || arrival->look)
		return r;
	r = hostmove_agree(&keyd->root, &move,
			   (struct seal_bytes){ arrival->package.box.at,
						arrival->package.box.length },
			   &agreed, reason);
	if (!r)
		r = take_key(keyd, arrival, &agreed, reason);
	secret_wipe(&agreed, sizeof(agreed));
	return r;
}

int keyd_on_move_open(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct arrival arrival = { .look = cursor_get_u8(&in->body) };
	struct answer answer;
	struct reason reason;
	int r;

	arrival.head.at = ipc_get_blob(in, PACKAGE_HEAD_MAX, &arrival.head.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = receive(peer->keyd, &arrival, &reason);
	if (r)
		log_line("security: no vTPM is taken from another host: %s", reason.text);
	else if (!arrival.look)
		log_line("security: the data key of a vTPM (UUID %02x%02x%02x%02x...) came from "
			 "the host %s, for pid %d",
			 arrival.package.uuid[0], arrival.package.uuid[1], arrival.package.uuid[2],
			 arrival.package.uuid[3], arrival.host, (int)peer->pid);
	answer_begin(&answer, KEYD_MOVE_OPENED, tag, r, &reason);
	if (!r) {
		ipc_put_string(&answer.out, arrival.host);
		ipc_put_blob(&answer.out, arrival.wrapped, arrival.look ? 0 : WRAP_SIZE);
	}
	return answer_finish(peer, &answer);
}
