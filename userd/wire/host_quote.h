/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a quote by the host's attestation key is about.
 *
 * Nobody chooses the extraData of such a quote: it is SHA-256 over a frame, which vtpm-keyd
 * fills, and of which a caller gives nonce and purpose. A verifier that finds a frame
 * knows that no other use of the key made it.
 *
 *	bytes	what
 *	0	"vtpm-host-quote-v1", no NUL
 *	18	purpose u8
 *	19	nonce of the verifier (32)
 *	51	root of the tree over vTPMs' quotes (32), or a key
 *	83	leaves of that tree u32
 *	87	head of the audit log (32); zeros
 *	119	epoch u64
 *	127	end
 *
 * For HOST_QUOTE_HOST the tree is empty: root and leaves are zero. For HOST_QUOTE_DEEP the
 * nonce is zero, as each leaf has its own (wire/batch.h, wire/leaf.h). For HOST_QUOTE_SHARE
 * the root is the x of vtpm-keyd's session key, a point of P-256 whose y is even. The epoch
 * is the value of the host's counter against rollback, which never falls; zero says nothing:
 * there is no counter, or it was not read yet.
 */
#ifndef WIRE_HOST_QUOTE_H
#define WIRE_HOST_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_QUOTE_NONCE 32
#define HOST_QUOTE_HASH	 32

/** define HOST_QUOTE_SIZE - bytes of a frame */
#define HOST_QUOTE_SIZE 127

/**
 * enum host_quote_purpose - what the quote is for
 * @HOST_QUOTE_HOST: evidence of the host
 * @HOST_QUOTE_DEEP: evidence that vTPMs are on this host
 * @HOST_QUOTE_SHARE: evidence of the host, which asks for the verifier's share
 */
enum host_quote_purpose {
	HOST_QUOTE_HOST = 1,
	HOST_QUOTE_DEEP = 2,
	HOST_QUOTE_SHARE = 3,
};

/**
 * struct host_quote - a frame
 * @purpose: &enum host_quote_purpose
 * @nonce: of the verifier; zeros in a deep quote
 * @root: of the tree over vTPMs' quotes; of HOST_QUOTE_SHARE the key
 * @leaves: of that tree
 * @audit: head of the audit log
 * @epoch: counter against rollback
 */
struct host_quote {
	uint8_t purpose;
	uint8_t nonce[HOST_QUOTE_NONCE];
	uint8_t root[HOST_QUOTE_HASH];
	uint32_t leaves;
	uint8_t audit[HOST_QUOTE_HASH];
	uint64_t epoch;
};

/** host_quote_put() - write a frame */
void host_quote_put(const struct host_quote *quote, uint8_t ret[HOST_QUOTE_SIZE]);

/**
 * host_quote_get() - read a frame, strictly
 * @bytes: it
 * @length: of @bytes
 * @ret: set on success
 *
 * Return: is it one? false: another length, version or purpose; or a tree or a nonce where none
 * can be.
 */
bool host_quote_get(const void *bytes, size_t length, struct host_quote *ret);

#endif /* WIRE_HOST_QUOTE_H */
