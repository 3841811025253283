// SPDX-License-Identifier: BSD-3-Clause
/*
 * Make and write; see the header.
 */
#include "keyd/quote.h"

#include <errno.h>
#include <tss2/tss2_mu.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "keyd/orders.h"

/* Before the verifier's share is here. */
static int waiting_ak(struct keyd *keyd, struct hostkey *ret, struct reason *reason)
{
	struct hostkey_keys keys;
	int r = root_evidence(&keyd->root, &keys, reason);

	if (!r)
		r = ak_load(keyd->root.directory, &keyd->host, &keys, ret, reason);
	secret_wipe(&keys, sizeof(keys));
	return r;
}

int quote_ak(struct keyd *keyd, struct hostkey *ret, struct reason *reason)
{
	bool new;
	int r;

	if (keyd->root.waiting)
		return waiting_ak(keyd, ret, reason);
	r = keyd_locked(keyd, reason);
	if (!r && root_protection(&keyd->root) != KEYD_PROTECTION_TPM)
		return refuse(reason, -ENODEV,
			      "no host TPM protects this host, so none vouches for it: evidence "
			      "takes a host that was initialised with hardware");
	if (!r)
		r = ak_get(keyd->root.directory, &keyd->host, keyd->root.key, ret, &new, reason);
	if (!r && new)
		log_line("made an attestation key; the host has to be enrolled with it");
	return r;
}

int quote_make(struct keyd *keyd, struct quote *quote, struct reason *reason)
{
	_cleanup_(hostkey_done) struct hostkey ak = { 0 };
	uint8_t digest[SEAL_HASH_SIZE];
	int r;

	if (!quote->pcrs || quote->pcrs >> HOST_PCRS)
		return refuse(reason, -EINVAL, "a quote is about some of the PCRs 0 to %d",
			      HOST_PCRS - 1);
	r = quote_ak(keyd, &ak, reason);
	if (r)
		return r;
	quote->about.epoch = witness_value(&keyd->witness);
	if (quote->about.purpose == HOST_QUOTE_SHARE)
		cursor_copy(quote->about.root, sizeof(quote->about.root), keyd->point + 1,
			    SEAL_X_SIZE);
	host_quote_put(&quote->about, quote->frame);
	if (seal_hash((struct seal_bytes){ quote->frame, sizeof(quote->frame) }, digest))
		return refuse(reason, -EIO, "SHA-256 does not work: look at OpenSSL");
	return host_ak_quote(&keyd->host, &ak.key, ak.auth, digest, quote->pcrs, &quote->quoted,
			     reason);
}

void quote_put(struct ipc_out *out, const struct quote *quote)
{
	const struct host_quoted *quoted = &quote->quoted;
	uint8_t signature[sizeof(TPMT_SIGNATURE)];
	size_t length = 0;

	if (Tss2_MU_TPMT_SIGNATURE_Marshal(&quoted->signature, signature, sizeof(signature),
					   &length))
		out->body.bad = true;
	ipc_put_blob(out, quote->frame, sizeof(quote->frame));
	ipc_put_blob(out, quoted->message.attestationData, quoted->message.size);
	ipc_put_blob(out, signature, length);
	cursor_put_u32(&out->body, quoted->pcrs.mask);
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (quoted->pcrs.mask >> pcr & 1)
			cursor_put_raw(&out->body, quoted->pcrs.value[pcr], SEAL_HASH_SIZE);
	}
}
