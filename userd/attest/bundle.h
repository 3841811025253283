/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Evidence of a host or a vTPM in one file: Documentation/bundle.yaml is the format, and what
 * is not in it is refused, so that no two readers see different evidence. Nothing of a bundle
 * is believed for standing in it.
 *
 *	kind	extraData of the quote is	frame
 *	host	SHA-256 of the frame		has the nonce (wire/host_quote.h)
 *	vtpm	the nonce			none
 *
 * A vTPM's bundle may hold a host's, whose quote is a deep one: about the leaves of vTPMs
 * (wire/leaf.h), with a nonce in each of them and none in the frame.
 *
 * Logs that a verifier has read already need not come again: the event log may be named by its
 * digest, and the log of IMA may begin where the verifier ended. Whoever has not read them can
 * do nothing with such a bundle.
 *
 * No key of a host signs a nonce as it is, and no vTPM's a frame, so neither passes for the
 * other.
 */
#ifndef ATTEST_BUNDLE_H
#define ATTEST_BUNDLE_H

#include <jansson.h>

#include "attest/attest.h"
#include "attest/hash.h"
#include "attest/quote.h"
#include "wire/host_quote.h"
#include "wire/leaf.h"

#define BUNDLE_BYTES_MAX	(64u << 20)
#define BUNDLE_HOST_MAX		256
#define BUNDLE_BOOT_ID_MAX	37
#define BUNDLE_CERTIFICATES_MAX 16

/** enum bundle_kind - of whom it is */
enum bundle_kind {
	BUNDLE_HOST,
	BUNDLE_VTPM,
};

/** enum bundle_part - its bytes; the first ones are in every bundle */
enum bundle_part {
	BUNDLE_NONCE,
	BUNDLE_AK,
	BUNDLE_MESSAGE,
	BUNDLE_SIGNATURE,
	_BUNDLE_NEEDED,
	BUNDLE_FRAME = _BUNDLE_NEEDED,
	BUNDLE_AK_CERTIFICATE,
	BUNDLE_EK,
	BUNDLE_EK_CHAIN,
	BUNDLE_EVENTLOG,
	BUNDLE_IMA,
	BUNDLE_EVENTLOG_DIGEST,
	BUNDLE_CERTIFIER,
	BUNDLE_CERTIFIED,
	BUNDLE_CERTIFIED_SIGNATURE,
	BUNDLE_APP,
	BUNDLE_APP_CERTIFIED,
	BUNDLE_APP_SIGNATURE,
	BUNDLE_LEAF,
	BUNDLE_PROOF,
	BUNDLE_CERTIFICATE,
	_BUNDLE_MAX = BUNDLE_CERTIFICATE + BUNDLE_CERTIFICATES_MAX,
};

/**
 * struct bundle - a bundle that was read
 * @kind: of whom; there is a frame where it is BUNDLE_HOST, and only there
 * @host: what the host calls itself; harmless text
 * @boot_id: of its kernel, as it says; harmless text, empty for none
 * @pcrs: values beside the quote
 * @ima_after: bytes of the log of IMA that are left out in front; 0: it is whole
 * @bytes: of each part; NULL for none
 * @length: how many
 * @certificates: of the endorsement key, from BUNDLE_CERTIFICATE on
 * @uuid: of a vTPM, as the bundle says
 * @index: of its leaf
 * @count: of all leaves
 * @packages: list of them, as the host says; NULL for none
 * @below: evidence of the host that vouches for this vTPM; NULL: none does
 * @is_below: this is such a host's
 */
struct bundle {
	enum bundle_kind kind;
	char host[BUNDLE_HOST_MAX];
	char boot_id[BUNDLE_BOOT_ID_MAX];
	struct attest_pcrs pcrs;
	size_t ima_after;
	uint8_t *bytes[_BUNDLE_MAX];
	size_t length[_BUNDLE_MAX];
	size_t certificates;
	uint8_t uuid[LEAF_UUID];
	uint32_t index;
	uint32_t count;
	json_t *packages;
	struct bundle *below;
	bool is_below;
};

/**
 * bundle_read() - read a bundle
 * @ret: the caller ends it with bundle_done(), whatever is returned; where there is a nonce, it
 *	has that in any case
 * @text: JSON
 * @length: bytes of it
 * @verdict: hears "bundle.invalid"
 *
 * Return: 0; -EBADMSG (malformed, of another version, or a member is missing or not known);
 * -ENOMEM.
 */
int bundle_read(struct bundle *ret, const char *text, size_t length,
		struct attest_verdict *verdict);

/** bundle_uuid() - read a UUID, 8-4-4-4-12 digits. Return: false: it is none */
bool bundle_uuid(const char *text, uint8_t ret[LEAF_UUID]);

/** bundle_done() - release what bundle_read() made; an empty one is fine */
void bundle_done(struct bundle *bundle);

/** bundle_part() - bytes of a part; at NULL for none */
struct hash_part bundle_part(const struct bundle *bundle, enum bundle_part part);

/**
 * bundle_check_quote() - judge the quote of a bundle
 * @ret: what it came to; points into the bundle
 * @ret_frame: of a host, where nothing failed; zeros otherwise
 * @bundle: that was read
 * @ak: key that has to have signed
 * @key: the same, where it was made of that before; NULL: not yet
 * @nonce: that was asked for; at NULL: none
 * @hash: computes
 * @verdict: hears "quote.*", "ak.*", "clock.unsafe", "deep.purpose"
 *
 * Of a host that vouches for a vTPM the nonce is in the leaf, and not looked at here.
 *
 * The endorsement key says nothing here: a host's key is below its storage key, a vTPM's is a
 * primary key. That they are in one TPM only credential activation can tell.
 *
 * Return: 0; -EBADMSG (something is malformed); -ENOMEM.
 */
int bundle_check_quote(struct quote *ret, struct host_quote *ret_frame,
		       const struct bundle *bundle, struct hash_part ak, EVP_PKEY *key,
		       struct hash_part nonce, struct hash *hash, struct attest_verdict *verdict);

#endif /* ATTEST_BUNDLE_H */
