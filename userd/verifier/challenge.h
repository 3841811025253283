/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Challenges: nonces that hosts have to answer.
 *
 * A host has one at most. Asking again replaces it; an answer, right or wrong, uses it up.
 * They live in memory: a verifier that starts anew asks anew. There are no more than hosts,
 * since only a host that was let in gets one.
 */
#ifndef VERIFIER_CHALLENGE_H
#define VERIFIER_CHALLENGE_H

#include <stddef.h>
#include <stdint.h>

#define CHALLENGE_NONCE 32

struct challenges;

/** challenges_new() - none yet; NULL without memory */
struct challenges *challenges_new(void);

/** challenges_free() - forget all; NULL is fine */
void challenges_free(struct challenges *challenges);

/**
 * challenge_make() - ask a host
 * @host: its id
 * @now_ms: of a clock that is never set
 * @deadline_ms: it has so long
 * @every_ms: it may ask so often
 * @ret: nonce
 *
 * Return: 0; -EAGAIN (it asked too soon; the one before stays); -ENOMEM; -EIO (no random bytes).
 */
int challenge_make(struct challenges *challenges, const char *host, int64_t now_ms,
		   int64_t deadline_ms, int64_t every_ms, uint8_t ret[CHALLENGE_NONCE]);

/**
 * challenge_take() - an answer came; there is no challenge afterwards
 * @nonce: that it says it answers
 * @length: bytes of it
 *
 * Return: 0; -ENOENT (it was not asked, or has answered); -ETIME (too late); -EBADMSG (another
 * nonce).
 */
int challenge_take(struct challenges *challenges, const char *host, int64_t now_ms,
		   const uint8_t *nonce, size_t length);

/** challenge_forget() - the host is gone */
void challenge_forget(struct challenges *challenges, const char *host);

#endif /* VERIFIER_CHALLENGE_H */
