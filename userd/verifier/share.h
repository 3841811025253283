/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shares of hosts' root keys: what a host that is bound to this verifier needs at each start of
 * its vtpm-keyd (seal/share.h), and gets for evidence that passed in that very round.
 *
 *	share	one row a host: 32 random bytes, AES-256-GCM under a key that derives from the
 *		fleet CA's, with the host's id; when it was made and last given out, and how often
 *
 * What is given out opens in the TPM of the enrolled endorsement key alone, while it has the
 * enrolled attestation key, and in the vtpm-keyd whose session key the quote named
 * (seal/release.h). A host has one share until it is revoked; then it needs its recovery code.
 */
#ifndef VERIFIER_SHARE_H
#define VERIFIER_SHARE_H

#include "attest/credential.h"
#include "seal/release.h"
#include "verifier/ca.h"
#include "verifier/fleet.h"

/**
 * struct share_row - what may be known of a share
 * @made: when, seconds since 1970
 * @released: last time; 0: never
 * @releases: how often
 */
struct share_row {
	int64_t made;
	int64_t released;
	int64_t releases;
};

/** share_keep() - make one for a host that has none. Return: 0; -ENOENT (no such host); -EIO */
int share_keep(struct fleet *fleet, struct ca *ca, const char *host, int64_t now);

/** share_look() - what is known of it. Return: 0; -ENOENT (there is none); -EIO */
int share_look(struct fleet *fleet, const char *host, struct share_row *ret);

/** share_revoke() - forget it for good. Return: 0; -ENOENT (there is none); -EIO */
int share_revoke(struct fleet *fleet, const char *host);

/**
 * struct share_wish - what it is asked for with
 * @standing: of the host, this round included
 * @keys: that were enrolled
 * @verdict: of this round alone
 * @x: of vtpm-keyd's session key, as the quote names it
 * @ek: TPM2B_PUBLIC of the endorsement key, as the host shows it
 * @now: seconds since 1970
 * @every: seconds between two releases, at least
 */
struct share_wish {
	const struct standing *standing;
	const struct fleet_keys *keys;
	enum attest_status verdict;
	const uint8_t *x;
	struct hash_part ek;
	int64_t now;
	int64_t every;
};

/**
 * struct share_given - what becomes of it
 * @code: NULL: it is given out; otherwise why not, as "share.none"
 * @text: the same in a sentence
 * @next: what to do
 * @credential: half of it
 * @box: the other half
 */
struct share_given {
	const char *code;
	const char *text;
	const char *next;
	struct credential credential;
	uint8_t box[RELEASE_BOX_SIZE];
};

/**
 * share_give() - give it out, or not
 * @hash: computes
 * @ret: set on success
 *
 * The caller records it with share_given_out() before the answer leaves.
 *
 * Return: 0; -EIO (the store or libcrypto failed).
 */
int share_give(struct fleet *fleet, struct ca *ca, const struct share_wish *wish,
	       struct hash *hash, struct share_given *ret);

/** share_given_out() - count it. Return: 0; -ENOENT; -EIO */
int share_given_out(struct fleet *fleet, const char *host, int64_t now);

/** share_json() - what is known of it; null where there is none */
json_t *share_json(struct fleet *fleet, const char *host);

#endif /* VERIFIER_SHARE_H */
