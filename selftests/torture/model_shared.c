// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of the shared node that holds more keys, sequences and sessions than the TPM
 * has room for, beside others of its kind: nearly each of its commands makes the resource
 * manager put something out and something in, and the engine dies over it.
 *
 * Each thing is looked at through what it is: a key by its name, a sequence by its digest,
 * a session by the digest of its policy. A command that ran twice shows in the latter two;
 * one that ran though it was refused, in the count of handles.
 *
 * Keys are of the null hierarchy, which lives as long as the TPM is powered: who
 * destroys the others' objects does not reach them.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "primary.h"

#define EACH  4
#define CHUNK 64

struct key {
	ESYS_TR tr; /* ESYS_TR_NONE: there is none */
	TPM2B_NAME name;
};

struct sequence {
	ESYS_TR tr;
	EVP_MD_CTX *digest;
};

struct policy {
	ESYS_TR tr;
	u8 digest[32];
	TPMS_CONTEXT *saved;
};

struct shared {
	u64 opens;
	u32 keys_made;
	struct key keys[EACH];
	struct sequence sequences[EACH];
	struct policy policies[EACH];
};

static void open_(struct client *client)
{
	struct shared *s = client->state;

	client->node = VTPM_NODE_RM;
	client->opener = 100000 + client->index * 1000000 + s->opens++;
	for (int i = 0; i < EACH; i++) {
		s->keys[i].tr = s->sequences[i].tr = s->policies[i].tr = ESYS_TR_NONE;
		s->policies[i].saved = NULL;
	}
	client_frame(client, VTPM_FRAME_OPEN);
}

/* The open goes, and all that it held; ESYS is told to forget. */
static void close_(struct client *client)
{
	struct shared *s = client->state;

	client_frame(client, VTPM_FRAME_CLOSE);
	for (int i = 0; i < EACH; i++) {
		if (s->keys[i].tr != ESYS_TR_NONE)
			Esys_TR_Close(client->esys, &s->keys[i].tr);
		if (s->sequences[i].tr != ESYS_TR_NONE) {
			Esys_TR_Close(client->esys, &s->sequences[i].tr);
			EVP_MD_CTX_free(s->sequences[i].digest);
		}
		if (s->policies[i].tr != ESYS_TR_NONE && !s->policies[i].saved)
			Esys_TR_Close(client->esys, &s->policies[i].tr);
		free(s->policies[i].saved);
	}
}

static void setup(struct client *client)
{
	if (client->state)
		return;
	client->state = calloc(1, sizeof(struct shared));
	open_(client);
}

/* Nobody else's handles are listed, so these are counts of the model's own. */
static void verify(struct client *client)
{
	struct shared *s = client->state;
	u32 objects = 0, loaded = 0, saved = 0, n;

	for (int i = 0; i < EACH; i++) {
		objects += s->keys[i].tr != ESYS_TR_NONE;
		objects += s->sequences[i].tr != ESYS_TR_NONE;
		loaded += s->policies[i].tr != ESYS_TR_NONE && !s->policies[i].saved;
		saved += s->policies[i].saved != NULL;
	}
	n = client_handles(client, TRANSIENT_OBJECTS);
	if (n != objects)
		wrong(client, "%u objects, expected %u", n, objects);
	n = client_handles(client, LOADED_SESSIONS);
	if (n != loaded)
		wrong(client, "%u loaded sessions, expected %u", n, loaded);
	n = client_handles(client, SAVED_SESSIONS);
	if (n != saved)
		wrong(client, "%u saved sessions, expected %u", n, saved);
}

static void make_key(struct client *client, struct key *key)
{
	struct shared *s = client->state;

	key->tr = primary_create_unique(client, ESYS_TR_RH_NULL,
					client->index << 16 | ++s->keys_made, &key->name);
}

static void read_key(struct client *client, struct key *key)
{
	TPM2B_PUBLIC *public = NULL;
	TPM2B_NAME *name = NULL;

	MUST(client, NOTHING,
	     Esys_ReadPublic(client->esys, key->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			     &public, &name, NULL));
	if (!name_equal(name, &key->name))
		wrong(client, "another key than the one made");
	free(public);
	free(name);
}

/* Saved, flushed and loaded again it is the same. */
static void move_key(struct client *client, struct key *key)
{
	TPMS_CONTEXT *context = NULL;

	MUST(client, NOTHING, Esys_ContextSave(client->esys, key->tr, &context));
	MUST(client, NOTHING, Esys_FlushContext(client->esys, key->tr));
	key->tr = ESYS_TR_NONE;
	MUST(client, verify(client), Esys_ContextLoad(client->esys, context, &key->tr));
	free(context);
	read_key(client, key);
}

static void use_key(struct client *client, struct key *key)
{
	u32 what = rng_below(&client->rng, 10);

	if (key->tr == ESYS_TR_NONE) {
		make_key(client, key);
	} else if (what < 7) {
		read_key(client, key);
	} else if (what < 9) {
		move_key(client, key);
	} else {
		primary_flush(client, key->tr);
		key->tr = ESYS_TR_NONE;
	}
}

static void begin_sequence(struct client *client, struct sequence *sequence)
{
	TPM2B_AUTH auth = { .size = 0 };
	ESYS_TR tr;

	MUST(client, verify(client),
	     Esys_HashSequenceStart(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &auth,
				    TPM2_ALG_SHA256, &tr));
	sequence->tr = tr;
	sequence->digest = EVP_MD_CTX_new();
	EVP_DigestInit_ex(sequence->digest, EVP_sha256(), NULL);
}

static void end_sequence(struct client *client, struct sequence *sequence, TPM2B_MAX_BUFFER *last)
{
	TPMT_TK_HASHCHECK *ticket = NULL;
	TPM2B_DIGEST *digest = NULL;
	u8 expected[EVP_MAX_MD_SIZE];
	unsigned int size;

	MUST(client, verify(client),
	     Esys_SequenceComplete(client->esys, sequence->tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				   ESYS_TR_NONE, last, ESYS_TR_RH_NULL, &digest, &ticket));
	EVP_DigestFinal_ex(sequence->digest, expected, &size);
	if (digest->size != size || memcmp(digest->buffer, expected, size))
		wrong(client, "digest %02x%02x.., expected %02x%02x..", digest->buffer[0],
		      digest->buffer[1], expected[0], expected[1]);
	EVP_MD_CTX_free(sequence->digest);
	sequence->tr = ESYS_TR_NONE;
	free(digest);
	free(ticket);
}

static void use_sequence(struct client *client, struct sequence *sequence)
{
	TPM2B_MAX_BUFFER buffer = { .size = rng_below(&client->rng, CHUNK) };

	if (sequence->tr == ESYS_TR_NONE) {
		begin_sequence(client, sequence);
		return;
	}
	rng_fill(&client->rng, buffer.buffer, buffer.size);
	EVP_DigestUpdate(sequence->digest, buffer.buffer, buffer.size);
	if (rng_percent(&client->rng, 20)) {
		end_sequence(client, sequence, &buffer);
		return;
	}
	MUST(client, NOTHING,
	     Esys_SequenceUpdate(client->esys, sequence->tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				 ESYS_TR_NONE, &buffer));
}

static void begin_policy(struct client *client, struct policy *policy)
{
	TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	ESYS_TR tr;

	MUST(client, verify(client),
	     Esys_StartAuthSession(client->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &none,
				   TPM2_ALG_SHA256, &tr));
	policy->tr = tr;
	memset(policy->digest, 0, sizeof(policy->digest));
}

/* Part 3, 23.13: the new digest is that of the old one and the command code. */
static void assert_policy(struct client *client, struct policy *policy)
{
	static const u8 code[] = { 0, 0, 1, 0x6b };
	u8 bytes[sizeof(policy->digest) + sizeof(code)];

	memcpy(bytes, policy->digest, sizeof(policy->digest));
	memcpy(bytes + sizeof(policy->digest), code, sizeof(code));
	MUST(client, NOTHING,
	     Esys_PolicyAuthValue(client->esys, policy->tr, ESYS_TR_NONE, ESYS_TR_NONE,
				  ESYS_TR_NONE));
	EVP_Digest(bytes, sizeof(bytes), policy->digest, NULL, EVP_sha256(), NULL);
}

static void read_policy(struct client *client, struct policy *policy)
{
	TPM2B_DIGEST *digest = NULL;

	MUST(client, NOTHING,
	     Esys_PolicyGetDigest(client->esys, policy->tr, ESYS_TR_NONE, ESYS_TR_NONE,
				  ESYS_TR_NONE, &digest));
	if (digest->size != sizeof(policy->digest) ||
	    memcmp(digest->buffer, policy->digest, digest->size))
		wrong(client, "policy digest %02x%02x.., expected %02x%02x..", digest->buffer[0],
		      digest->buffer[1], policy->digest[0], policy->digest[1]);
	free(digest);
}

static void load_policy(struct client *client, struct policy *policy)
{
	MUST(client, NOTHING, Esys_ContextLoad(client->esys, policy->saved, &policy->tr));
	free(policy->saved);
	policy->saved = NULL;
	read_policy(client, policy);
}

static void use_policy(struct client *client, struct policy *policy)
{
	u32 what = rng_below(&client->rng, 10);

	if (policy->tr == ESYS_TR_NONE) {
		begin_policy(client, policy);
	} else if (policy->saved) {
		load_policy(client, policy);
	} else if (what < 4) {
		assert_policy(client, policy);
	} else if (what < 7) {
		read_policy(client, policy);
	} else if (what < 9) {
		MUST(client, NOTHING,
		     Esys_ContextSave(client->esys, policy->tr, &policy->saved));
	} else {
		MUST(client, NOTHING, Esys_FlushContext(client->esys, policy->tr));
		policy->tr = ESYS_TR_NONE;
	}
}

static void round_(struct client *client)
{
	struct shared *s = client->state;
	u32 i = rng_below(&client->rng, EACH);

	use_key(client, &s->keys[i]);
	use_sequence(client, &s->sequences[i]);
	use_policy(client, &s->policies[i]);
	verify(client);
	if (rng_percent(&client->rng, 2)) {
		close_(client);
		open_(client);
		verify(client);
	}
}

static void finish(struct client *client)
{
	if (client->state)
		close_(client);
}

const struct client_ops shared_client = {
	.name = "shared",
	.setup = setup,
	.round = round_,
	.finish = finish,
};
