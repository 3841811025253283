// SPDX-License-Identifier: BSD-3-Clause
/*
 * Saved contexts, in the checkpoint memory beside the units.
 *
 * The TPM has encrypted them and refuses changed ones, so they are kept as they are.
 * It does not refuse an older context of an object, or another client's: therefore the
 * tables, which the unit protects, hold each one's digest.
 *
 * A slot that the current unit names must stay as it is until the next unit is
 * published; so one that is given up rests until then. That is all it takes to have
 * them outside the units: a publish costs nothing for what is not swapped.
 */
#include "rm/context.h"

#include <openssl/evp.h>

#include "base/cursor.h"
#include "base/secret.h"

bool rm_digest(const void *bytes, size_t length, uint8_t to[RM_DIGEST_SIZE])
{
	return EVP_Digest(bytes, length, to, NULL, EVP_sha256(), NULL) == 1;
}

bool rm_context_keep(struct rm *rm, struct rm_context *context, const uint8_t *bytes, size_t length)
{
	struct rm_context kept = { .length = (uint16_t)length };

	rm_context_drop(rm, context);
	if (!length || length > RM_CONTEXT_SIZE || !rm_digest(bytes, length, kept.digest))
		return false;
	for (; kept.slot < RM_CONTEXTS; kept.slot++)
		if (!rm->slots[kept.slot].used && rm->slots[kept.slot].freed < rm->published)
			break;
	if (kept.slot == RM_CONTEXTS)
		return false;
	rm->slots[kept.slot].used = true;
	cursor_copy(rm->memory[kept.slot], RM_CONTEXT_SIZE, bytes, length);
	*context = kept;
	rm->changed = true;
	return true;
}

void rm_context_drop(struct rm *rm, struct rm_context *context)
{
	if (context->length)
		rm->slots[context->slot] = (struct rm_slot){ .freed = rm->published };
	*context = (struct rm_context){ 0 };
}

bool rm_context_fetch(const struct rm *rm, const struct rm_context *context, uint8_t *to)
{
	uint8_t digest[RM_DIGEST_SIZE];

	/* First copied, then looked at: others can write to the memory. */
	return context->length &&
	       cursor_copy(to, RM_CONTEXT_SIZE, rm->memory[context->slot], context->length) &&
	       rm_digest(to, context->length, digest) &&
	       secret_equal(digest, context->digest, sizeof(digest));
}
