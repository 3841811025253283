/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's CA as those use it who sign with it: its key is in the host TPM (seal/hostca.h),
 * its chain in STATE_DIR/keys/ca.chain.
 */
#ifndef KEYD_CA_H
#define KEYD_CA_H

#include "cert/authority.h"
#include "keyd/keyd.h"
#include "seal/hostca.h"

/** define CA_CHAIN_FILE - its name in STATE_DIR/keys */
#define CA_CHAIN_FILE "ca.chain"

/**
 * struct ca - the host's CA, and the TPM behind its signatures
 * @keyd: whose
 * @key: as the TPM returned it
 * @public: its public half
 * @authority: its chain, after ca_get_chain()
 * @signer: for what it signs; points here, so this is not copied
 * @reason: where a signature that fails says why
 */
struct ca {
	struct keyd *keyd;
	struct hostkey key;
	EVP_PKEY *public;
	struct authority authority;
	struct signer signer;
	struct reason *reason;
};

/**
 * ca_get() - have its key
 * @make: make one where there is none
 * @anew: in place of one that is there
 * @ret: set in any case; ended with ca_done()
 *
 * Return: 0; 1 (there is no key, and no @make); -ENOKEY (the host is locked); -EIO; as
 * hostca_load() and hostca_make(); with a reason.
 */
int ca_get(struct keyd *keyd, bool make, bool anew, struct ca *ret, struct reason *reason);

/**
 * ca_get_chain() - have its chain too
 *
 * Return: 0; 1 (there is no chain of this key); -ETIME (out of date, and here all the same);
 * -errno of the file; with a reason.
 */
int ca_get_chain(struct ca *ca);

/** ca_done() - end it; one of zeros is fine */
void ca_done(struct ca *ca);

/** ca_clock_usec() - time as &struct duty counts it */
uint64_t ca_clock_usec(void);

#endif /* KEYD_CA_H */
