// SPDX-License-Identifier: BSD-3-Clause
/*
 * Challenges, in a tree by host.
 */
#include "verifier/challenge.h"

#include <errno.h>
#include <openssl/rand.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "verifier/standing.h"

/**
 * struct challenge - of one host
 * @host: its id
 * @nonce: to be answered
 * @open: it was not
 * @made_ms: when
 * @until_ms: deadline
 */
struct challenge {
	char host[STANDING_ID];
	uint8_t nonce[CHALLENGE_NONCE];
	bool open;
	int64_t made_ms;
	int64_t until_ms;
};

struct challenges {
	void *root;
};

static int compare(const void *a, const void *b)
{
	const struct challenge *one = a, *other = b;

	return strcmp(one->host, other->host);
}

static struct challenge *find(struct challenges *challenges, const char *host)
{
	struct challenge like = { 0 };
	void *node;

	text_cut(like.host, sizeof(like.host), host);
	node = tfind(&like, &challenges->root, compare);
	return node ? *(struct challenge **)node : NULL;
}

static struct challenge *add(struct challenges *challenges, const char *host)
{
	struct challenge *challenge = calloc(1, sizeof(*challenge));

	if (!challenge)
		return NULL;
	text_cut(challenge->host, sizeof(challenge->host), host);
	if (tsearch(challenge, &challenges->root, compare))
		return challenge;
	free(challenge);
	return NULL;
}

struct challenges *challenges_new(void)
{
	return calloc(1, sizeof(struct challenges));
}

void challenges_free(struct challenges *challenges)
{
	if (!challenges)
		return;
	tdestroy(challenges->root, free);
	free(challenges);
}

int challenge_make(struct challenges *challenges, const char *host, int64_t now_ms,
		   int64_t deadline_ms, int64_t every_ms, uint8_t ret[CHALLENGE_NONCE])
{
	struct challenge *challenge = find(challenges, host);
	bool known = challenge;

	if (known && now_ms - challenge->made_ms < every_ms)
		return -EAGAIN;
	if (!known)
		challenge = add(challenges, host);
	if (!challenge)
		return -ENOMEM;
	challenge->open = false;
	if (RAND_bytes(challenge->nonce, CHALLENGE_NONCE) != 1)
		return -EIO;
	challenge->open = true;
	challenge->made_ms = now_ms;
	challenge->until_ms = now_ms + deadline_ms;
	for (size_t i = 0; i < CHALLENGE_NONCE; i++)
		ret[i] = challenge->nonce[i];
	return 0;
}

int challenge_take(struct challenges *challenges, const char *host, int64_t now_ms,
		   const uint8_t *nonce, size_t length)
{
	struct challenge *challenge = find(challenges, host);

	if (!challenge || !challenge->open)
		return -ENOENT;
	challenge->open = false;
	if (now_ms > challenge->until_ms)
		return -ETIME;
	if (length != CHALLENGE_NONCE || !secret_equal(nonce, challenge->nonce, CHALLENGE_NONCE))
		return -EBADMSG;
	return 0;
}

void challenge_forget(struct challenges *challenges, const char *host)
{
	struct challenge *challenge = find(challenges, host);

	if (!challenge)
		return;
	tdelete(challenge, &challenges->root, compare);
	free(challenge);
}
