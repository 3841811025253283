// SPDX-License-Identifier: BSD-3-Clause
/*
 * The quote of a bundle: what extraData has to be, the kind says.
 */
#include "attest/bundle.h"

#include <errno.h>

#include "attest/tpm2b.h"

#define FORGED "believe nothing of it: ask the host again, with a new nonce"

/* What a nonce was asked for, a leaf says there. */
static bool check_deep_frame(struct hash_part bytes, struct host_quote *ret,
			     struct attest_verdict *verdict)
{
	if (host_quote_get(bytes.at, bytes.length, ret) && ret->purpose == HOST_QUOTE_DEEP)
		return true;
	attest_verdict_say(verdict, ATTEST_FAILED, "deep.purpose", FORGED,
			   "the host's quote is not one about vTPMs");
	return false;
}

static bool check_frame(struct hash_part bytes, struct hash_part nonce, struct host_quote *ret,
			struct attest_verdict *verdict)
{
	struct attest_reason *reason;

	/* who asks for a share shows the same evidence as who does not */
	if (!host_quote_get(bytes.at, bytes.length, ret) ||
	    (ret->purpose != HOST_QUOTE_HOST && ret->purpose != HOST_QUOTE_SHARE)) {
		attest_verdict_say(verdict, ATTEST_FAILED, "quote.frame", FORGED,
				   "the quote is about something else than this host's boot");
		return false;
	}
	if (!nonce.at || part_equal(nonce, ret->nonce, sizeof(ret->nonce)))
		return true;
	reason = attest_verdict_say(verdict, ATTEST_FAILED, "quote.nonce", FORGED,
				    "it answers another nonce: it is an old quote, or one for "
				    "somebody else");
	attest_text_hex(reason->expected, nonce.at, nonce.length);
	attest_text_hex(reason->found, ret->nonce, sizeof(ret->nonce));
	return false;
}

int bundle_check_quote(struct quote *ret, struct host_quote *ret_frame,
		       const struct bundle *bundle, struct hash_part ak, EVP_PKEY *key,
		       struct hash_part nonce, struct hash *hash, struct attest_verdict *verdict)
{
	const struct hash_part bytes = bundle_part(bundle, BUNDLE_FRAME);
	struct quote_evidence evidence = {
		.message = bundle_part(bundle, BUNDLE_MESSAGE),
		.signature = bundle_part(bundle, BUNDLE_SIGNATURE),
		.values = &bundle->pcrs,
		.ak = ak,
		.key = key,
		.nonce = nonce,
	};
	struct host_quote frame = { 0 };
	uint8_t about[ATTEST_DIGEST_MAX];
	int r;

	*ret = (struct quote){ .bank = _ATTEST_BANK_MAX };
	*ret_frame = frame;
	if (bundle->kind == BUNDLE_HOST) {
		if (bundle->is_below ? !check_deep_frame(bytes, &frame, verdict)
				     : !check_frame(bytes, nonce, &frame, verdict))
			return 0;
		if (!nonce.at && !bundle->is_below)
			attest_verdict_unchecked(verdict, "no nonce is given, so the quote may be "
							  "an old one");
		hash_parts(hash, ATTEST_SHA256, &bytes, 1, about);
		evidence.nonce = (struct hash_part){ about, hash_size(ATTEST_SHA256) };
	}
	r = quote_check(ret, &evidence, hash, verdict);
	if (!r && verdict->status != ATTEST_FAILED)
		*ret_frame = frame;
	return r;
}
