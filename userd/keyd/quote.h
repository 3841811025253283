/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quotes of the host. What its attestation key signs is decided here and nowhere else:
 * extraData of a quote is the hash of a frame (wire/host_quote.h) that is filled here.
 */
#ifndef KEYD_QUOTE_H
#define KEYD_QUOTE_H

#include "keyd/keyd.h"
#include "seal/ak.h"
#include "wire/host_quote.h"

/**
 * struct quote - a quote, and what it is about
 * @about: purpose and what belongs to it are the caller's; the rest is filled in
 * @frame: the same as bytes
 * @pcrs: PCRs of the sha256 bank
 * @quoted: what the TPM said
 */
struct quote {
	struct host_quote about;
	uint8_t frame[HOST_QUOTE_SIZE];
	uint32_t pcrs;
	struct host_quoted quoted;
};

/**
 * quote_ak() - the attestation key, made where there is none
 * @ret: set on success; ended with hostkey_done()
 *
 * While a verifier's share is missing there is evidence too, as it is wanted for that.
 *
 * Return: 0; -ENOKEY (locked otherwise); -ENOENT (locked, and there is no such key); -ENODEV (no
 * host TPM protects this host); as ak_get() and root_evidence().
 */
int quote_ak(struct keyd *keyd, struct hostkey *ret, struct reason *reason);

/**
 * quote_make() - have the host TPM quote
 * @quote: with @about and @pcrs
 *
 * Return: 0; -EINVAL (no PCRs, or none that there are); as quote_ak() and host_ak_quote().
 */
int quote_make(struct keyd *keyd, struct quote *quote, struct reason *reason);

/** quote_put() - write it as KEYD_HOST_QUOTE_IS has it */
void quote_put(struct ipc_out *out, const struct quote *quote);

#endif /* KEYD_QUOTE_H */
