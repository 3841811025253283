/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does this host's quote vouch for this vTPM's? The quotes themselves were checked by others
 * (bundle_check_quote()): here are the links between them.
 *
 *	host's frame --root, count--> proof --> leaf --digest--> vTPM's statement
 *	leaf --Name--> attestation key of the vTPM [--certifies--> another key] --signed--> it
 *
 * Whether the host is one to be believed is another question: who made the leaf are programs of
 * that host, so these have to be known, and nothing else may pose as them.
 */
#ifndef ATTEST_DEEP_H
#define ATTEST_DEEP_H

#include "attest/boot.h"
#include "attest/bundle.h"

/**
 * struct deep_wish - what is expected, as far as somebody says
 * @nonce: that was asked for; at NULL: none
 * @uuid: of the vTPM; NULL: any
 * @epoch: of it, where @has_epoch
 * @has_epoch: somebody says
 */
struct deep_wish {
	struct hash_part nonce;
	const uint8_t *uuid;
	uint64_t epoch;
	bool has_epoch;
};

/**
 * deep_check() - follow the links
 * @ret: the leaf, where nothing failed
 * @bundle: of a vTPM, with a host's below
 * @frame: of the host's quote, whose signature is good
 * @signer: Name of the key that signed the vTPM's quote
 * @wish: what is expected
 * @hash: computes
 * @verdict: hears "deep.leaf", "deep.proof", "deep.nonce", "deep.link", "deep.key",
 *	"deep.certify", "deep.ek", "deep.uuid", "deep.epoch"
 *
 * Return: 0; -EIO (OpenSSL fails).
 */
int deep_check(struct leaf *ret, const struct bundle *bundle, const struct host_quote *frame,
	       const struct public_name *signer, const struct deep_wish *wish, struct hash *hash,
	       struct attest_verdict *verdict);

/**
 * deep_check_host() - is the host measured well enough for its word to count?
 * @boot: its boot, appraised
 * @evidence: by which it was
 * @hash: computes
 * @verdict: hears "deep.host-unmeasured", a warning
 *
 * It is where Secure Boot is on, the kernel was told to take signed modules alone (lockdown= or
 * module.sig_enforce), and the quote covers an IMA log in which vtpmd, vtpm-keyd, vtpm-spawn
 * (of which engines are forked) and vtpm.ko are as the policy of IMA lists them.
 */
void deep_check_host(const struct boot *boot, const struct boot_evidence *evidence,
		     struct hash *hash, struct attest_verdict *verdict);

#endif /* ATTEST_DEEP_H */
