/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All evidence of a host in one file: JSON, in which bytes are base64url without padding
 * (RFC 4648, 5). Nothing of it is believed: it is what a host says.
 *
 *	{ "version": 1, "host": "name", "ak": B, "ek": B, "ek_cert": B, "ek_chain": B,
 *	  "quote": { "msg": B, "sig": B, "pcrs": B }, "eventlog": B, "ima": B }
 */
#ifndef ATTEST_BUNDLE_H
#define ATTEST_BUNDLE_H

#include "attest/attest.h"
#include "attest/hash.h"

#define BUNDLE_BYTES_MAX (400u << 20)
#define BUNDLE_HOST_MAX	 256

/** enum bundle_part - what may be in it; the first ones have to */
enum bundle_part {
	BUNDLE_AK,
	BUNDLE_MESSAGE,
	BUNDLE_SIGNATURE,
	BUNDLE_PCRS,
	_BUNDLE_NEEDED,
	BUNDLE_EVENTLOG = _BUNDLE_NEEDED,
	BUNDLE_EK,
	BUNDLE_EK_CERT,
	BUNDLE_EK_CHAIN,
	BUNDLE_IMA,
	_BUNDLE_MAX,
};

/**
 * struct bundle - a bundle that was read
 * @host: what it calls itself; harmless text
 * @bytes: of each part; NULL for none
 * @length: how many
 */
struct bundle {
	char host[BUNDLE_HOST_MAX];
	uint8_t *bytes[_BUNDLE_MAX];
	size_t length[_BUNDLE_MAX];
};

/**
 * bundle_read() - read a bundle
 * @ret: the caller ends it with bundle_done(), whatever is returned
 * @text: JSON
 * @length: bytes of it
 * @verdict: hears "bundle.invalid"
 *
 * Return: 0; -EBADMSG (malformed, of another version, or a part is missing or not known);
 * -ENOMEM.
 */
int bundle_read(struct bundle *ret, const char *text, size_t length,
		struct attest_verdict *verdict);

/** bundle_done() - release what bundle_read() made; an empty one is fine */
void bundle_done(struct bundle *bundle);

/** bundle_part() - bytes of a part; at NULL for none */
struct hash_part bundle_part(const struct bundle *bundle, enum bundle_part part);

#endif /* ATTEST_BUNDLE_H */
