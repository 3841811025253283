// SPDX-License-Identifier: BSD-3-Clause
/*
 * The links, one after the other; each has a reason of its own. See the header.
 */
#include "attest/deep.h"

#include <errno.h>

#include "attest/certified.h"
#include "attest/tpm2b.h"
#include "wire/batch.h"

#define FORGED "believe nothing of it: ask again, with a new nonce"

static void differ(struct attest_verdict *verdict, const char *code, const char *text,
		   struct hash_part expected, const void *found, size_t length)
{
	struct attest_reason *reason =
		attest_verdict_say(verdict, ATTEST_FAILED, code, FORGED, "%s", text);

	attest_text_hex(reason->expected, expected.at, expected.length);
	attest_text_hex(reason->found, found, length);
}

static int check_place(const struct bundle *bundle, const struct host_quote *frame,
		       struct attest_verdict *verdict)
{
	const struct hash_part leaf = bundle_part(bundle, BUNDLE_LEAF);
	const struct hash_part proof = bundle_part(bundle, BUNDLE_PROOF);
	const struct batch_place place = { bundle->index, bundle->count, proof.at, proof.length };
	int r = bundle->count == frame->leaves
			? batch_check(leaf.at, leaf.length, &place, frame->root)
			: -EBADMSG;

	if (r == -EBADMSG)
		attest_verdict_say(verdict, ATTEST_FAILED, "deep.proof", FORGED,
				   "the host's quote is not about this vTPM: the proof leads to "
				   "another tree");
	return r == -EBADMSG ? 0 : r;
}

static void check_statement(const struct leaf *leaf, const struct bundle *bundle, struct hash *hash,
			    struct attest_verdict *verdict)
{
	const struct hash_part message = bundle_part(bundle, BUNDLE_MESSAGE);
	uint8_t digest[ATTEST_DIGEST_MAX];

	hash_parts(hash, ATTEST_SHA256, &message, 1, digest);
	if (!part_equal((struct hash_part){ leaf->attest, LEAF_HASH }, digest, LEAF_HASH))
		differ(verdict, "deep.link", "the host vouches for another statement than this one",
		       (struct hash_part){ digest, LEAF_HASH }, leaf->attest, LEAF_HASH);
}

/* Either the vTPM's own attestation key signed, or one that it certified. */
static void check_key(const struct leaf *leaf, const struct bundle *bundle,
		      const struct public_name *signer, struct hash *hash,
		      struct attest_verdict *verdict)
{
	const struct hash_part bytes = bundle_part(bundle, BUNDLE_CERTIFIER);
	const struct public_name *own = signer;
	struct public certifier;
	struct public_name name;

	if (bytes.at) {
		if (!public_parse(&certifier, bytes.at, bytes.length) ||
		    !certified_vouches(&certifier, bundle_part(bundle, BUNDLE_CERTIFIED),
				       bundle_part(bundle, BUNDLE_CERTIFIED_SIGNATURE), signer)) {
			attest_verdict_say(verdict, ATTEST_FAILED, "deep.certify",
					   "have the vTPM's attestation key certify the other one "
					   "again, by TPM2_Certify",
					   "the key that signed is not certified by the vTPM's "
					   "attestation key");
			return;
		}
		public_name(&certifier, hash, &name);
		own = &name;
	}
	if (!part_equal((struct hash_part){ own->bytes, own->size }, leaf->ak_name, LEAF_NAME))
		differ(verdict, "deep.key", "the host vouches for the key of another vTPM",
		       (struct hash_part){ own->bytes, own->size }, leaf->ak_name, LEAF_NAME);
}

static void check_ek(const struct leaf *leaf, const struct bundle *bundle, struct hash *hash,
		     struct attest_verdict *verdict)
{
	const struct hash_part bytes = bundle_part(bundle, BUNDLE_EK);
	struct public_name name = { 0 };
	struct public ek;

	if (!bytes.at)
		return;
	if (public_parse(&ek, bytes.at, bytes.length))
		public_name(&ek, hash, &name);
	if (!part_equal((struct hash_part){ name.bytes, name.size }, leaf->ek_name, LEAF_NAME))
		differ(verdict, "deep.ek", "the host vouches for another endorsement key",
		       (struct hash_part){ name.bytes, name.size }, leaf->ek_name, LEAF_NAME);
}

static void check_identity(const struct leaf *leaf, const struct bundle *bundle,
			   const struct deep_wish *wish, struct attest_verdict *verdict)
{
	const uint8_t *uuid = wish->uuid ? wish->uuid : bundle->uuid;

	if (!part_equal((struct hash_part){ uuid, LEAF_UUID }, leaf->uuid, LEAF_UUID))
		differ(verdict, "deep.uuid", "the host vouches for another vTPM",
		       (struct hash_part){ uuid, LEAF_UUID }, leaf->uuid, LEAF_UUID);
	if (wish->has_epoch && wish->epoch != leaf->epoch)
		attest_verdict_say(verdict, ATTEST_FAILED, "deep.epoch",
				   "find out who restored, moved or forked it; then expect the new "
				   "epoch",
				   "the vTPM is in epoch %llu, not %llu",
				   (unsigned long long)leaf->epoch,
				   (unsigned long long)wish->epoch);
	if (wish->nonce.at && !part_equal(wish->nonce, leaf->nonce, LEAF_HASH))
		differ(verdict, "deep.nonce",
		       "the host's quote answers another nonce: it is an old one, or for "
		       "somebody else",
		       wish->nonce, leaf->nonce, LEAF_HASH);
}

int deep_check(struct leaf *ret, const struct bundle *bundle, const struct host_quote *frame,
	       const struct public_name *signer, const struct deep_wish *wish, struct hash *hash,
	       struct attest_verdict *verdict)
{
	const struct hash_part bytes = bundle_part(bundle, BUNDLE_LEAF);
	const size_t before = verdict->count;
	struct leaf leaf;
	int r;

	if (!leaf_get(bytes.at, bytes.length, &leaf) || leaf.protection == LEAF_CLAIMED) {
		attest_verdict_say(verdict, ATTEST_FAILED, "deep.leaf", FORGED,
				   "what the host shall have vouched for is no leaf");
		return 0;
	}
	r = check_place(bundle, frame, verdict);
	if (r)
		return r;
	check_statement(&leaf, bundle, hash, verdict);
	check_key(&leaf, bundle, signer, hash, verdict);
	check_ek(&leaf, bundle, hash, verdict);
	check_identity(&leaf, bundle, wish, verdict);
	if (verdict->count == before)
		*ret = leaf;
	return 0;
}
