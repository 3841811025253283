// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked about the host's evidence: keys, certificates, quotes, credentials. The host
 * has to be protected by its TPM, and unlocked or waiting for the share of a verifier, which
 * wants evidence first.
 */
#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "keyd/answer.h"
#include "keyd/claim.h"
#include "keyd/deep.h"
#include "keyd/orders.h"
#include "keyd/quote.h"
#include "seal/host_ek.h"

/* Return: bytes written; 0: it did not fit. */
static size_t put_public(const TPM2B_PUBLIC *public, uint8_t *to, size_t room)
{
	size_t at = 0;

	return Tss2_MU_TPM2B_PUBLIC_Marshal(public, to, room, &at) ? 0 : at;
}

/* Part 1, 16: nameAlg || H(public area) */
static void put_name(struct answer *answer, const struct host_sealed *key)
{
	uint8_t area[sizeof(TPMT_PUBLIC)], digest[SEAL_HASH_SIZE], name[2 + SEAL_HASH_SIZE];
	struct cursor_out out = cursor_out(name, sizeof(name));
	size_t length = 0;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(&key->public.publicArea, area, sizeof(area), &length) ||
	    seal_hash((struct seal_bytes){ area, length }, digest))
		answer->out.body.bad = true;
	cursor_put_u16(&out, key->public.publicArea.nameAlg);
	cursor_put_raw(&out, digest, sizeof(digest));
	ipc_put_blob(&answer->out, name, out.used);
}

static void put_keys(struct answer *answer, const struct host_sealed *ak, const TPM2B_PUBLIC *ek)
{
	uint8_t bytes[sizeof(TPM2B_PUBLIC)];

	ipc_put_blob(&answer->out, bytes, put_public(&ak->public, bytes, sizeof(bytes)));
	put_name(answer, ak);
	ipc_put_blob(&answer->out, bytes, put_public(ek, bytes, sizeof(bytes)));
}

int keyd_on_host_ak(void *context, struct ipc_in *in)
{
	_cleanup_(hostkey_done) struct hostkey ak = { 0 };
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	struct answer answer;
	struct reason reason;
	int r;

	if (!ipc_ended(in))
		return -EPROTO;
	r = quote_ak(keyd, &ak, &reason);
	if (!r && !keyd->ek.size)
		r = host_ek_public(&keyd->host, &keyd->ek, &reason);
	answer_begin(&answer, KEYD_HOST_AK_IS, tag, r, &reason);
	if (!r)
		put_keys(&answer, &ak.key, &keyd->ek);
	return answer_finish(peer, &answer);
}

int keyd_on_certificate(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	uint32_t after = cursor_get_u32(&in->body), handle;
	uint8_t bytes[KEYD_CERTIFICATE_MAX];
	struct answer answer;
	struct reason reason;
	size_t length;
	int r;

	if (!ipc_ended(in))
		return -EPROTO;
	r = keyd->root.waiting ? 0 : keyd_locked(keyd, &reason);
	if (!r)
		r = host_ek_certificate(&keyd->host, after, &handle, bytes, &length, &reason);
	answer_begin(&answer, KEYD_CERTIFICATE_IS, tag, r, &reason);
	if (!r) {
		cursor_put_u32(&answer.out.body, handle);
		ipc_put_blob(&answer.out, bytes, length);
	}
	return answer_finish(peer, &answer);
}

int keyd_on_host_quote(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	struct quote evidence = { 0 };
	struct answer answer;
	struct reason reason;
	int r;

	evidence.about.purpose = cursor_get_u8(&in->body);
	cursor_get_raw(&in->body, evidence.about.nonce, sizeof(evidence.about.nonce));
	evidence.pcrs = cursor_get_u32(&in->body);
	if (!ipc_ended(in))
		return -EPROTO;
	r = evidence.about.purpose == HOST_QUOTE_HOST ||
			    evidence.about.purpose == HOST_QUOTE_SHARE
		    ? quote_make(peer->keyd, &evidence, &reason)
		    : refuse(&reason, -EINVAL, "quotes of purpose %u are not made here",
			     evidence.about.purpose);
	if (r)
		log_line("no quote: %s", reason.text);
	answer_begin(&answer, KEYD_HOST_QUOTE_IS, tag, r, &reason);
	if (!r)
		quote_put(&answer.out, &evidence);
	return answer_finish(peer, &answer);
}

/*
 * The counts are those that a verifier sees: for this key they are obfuscated (Part 1, 36.7), so
 * only a quote by it can tell. It leaves nobody, and is about the PCR that is always there.
 */
int keyd_on_host_boot(void *context, struct ipc_in *in)
{
	_cleanup_(hostkey_done) struct hostkey ak = { 0 };
	struct quote quote = { .about.purpose = HOST_QUOTE_HOST, .pcrs = 1 };
	const TPM2B_ATTEST *message = &quote.quoted.message;
	struct keyd_peer *peer = context;
	uint32_t tag = cursor_get_u32(&in->body);
	TPMS_ATTEST said = { 0 };
	struct answer answer;
	struct reason reason;
	size_t at = 0;
	int r;

	if (!ipc_ended(in))
		return -EPROTO;
	r = quote_ak(peer->keyd, &ak, &reason);
	if (!r)
		r = quote_make(peer->keyd, &quote, &reason);
	if (!r && Tss2_MU_TPMS_ATTEST_Unmarshal(message->attestationData, message->size, &at,
						&said))
		r = refuse(&reason, -EIO, "what the host TPM quoted is no quote");
	answer_begin(&answer, KEYD_HOST_BOOT_IS, tag, r, &reason);
	if (!r) {
		put_name(&answer, &ak.key);
		cursor_put_u64(&answer.out.body, said.clockInfo.clock);
		cursor_put_u32(&answer.out.body, said.clockInfo.resetCount);
		cursor_put_u32(&answer.out.body, said.clockInfo.restartCount);
	}
	return answer_finish(peer, &answer);
}

/* What is answered later. */
int keyd_on_deep(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	struct seal_bytes claim;
	struct reason reason;
	struct leaf leaf;
	int r;

	claim.at = ipc_get_blob(in, LEAF_CLAIM_SIZE, &claim.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = claim_read(keyd, claim, &leaf, &reason);
	if (!r && root_protection(&keyd->root) != KEYD_PROTECTION_TPM)
		r = refuse(&reason, -ENODEV, "no host TPM protects this host, so none vouches for "
					     "its vTPMs");
	if (!r)
		r = deep_take(keyd->deep, peer, tag, &leaf, &reason);
	return r ? answer_plain(peer, KEYD_DEEP_IS, tag, r, &reason) : 0;
}

int keyd_on_activate(void *context, struct ipc_in *in)
{
	_cleanup_(hostkey_done) struct hostkey ak = { 0 };
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	struct seal_bytes blob, secret;
	TPM2B_DIGEST credential;
	struct answer answer;
	struct reason reason;
	int r;

	blob.at = ipc_get_blob(in, KEYD_CREDENTIAL_MAX, &blob.length);
	secret.at = ipc_get_blob(in, KEYD_CREDENTIAL_MAX, &secret.length);
	if (!ipc_ended(in))
		return -EPROTO;
	r = quote_ak(keyd, &ak, &reason);
	if (!r)
		r = host_ek_activate(&keyd->host, &ak.key, ak.auth, blob, secret, &credential,
				     &reason);
	if (r)
		log_line("a credential was not opened: %s", reason.text);
	else
		log_line("opened a credential for pid %d", (int)peer->pid);
	answer_begin(&answer, KEYD_ACTIVATED, tag, r, &reason);
	if (!r)
		ipc_put_blob(&answer.out, credential.buffer, credential.size);
	secret_wipe(&credential, sizeof(credential));
	return answer_finish(peer, &answer);
}
