// SPDX-License-Identifier: BSD-3-Clause
/*
 * Plans and their file; see the header.
 */
#include "seal/plan.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/keyfile.h"

#define FILE_NAME "plans"
#define FILE_MAX  (2 + PLANS_MAX * (2 + PLAN_SIZE_MAX))
#define MAGIC	  "vtpmplan"
#define MAGIC_LEN 8
#define KEY_LABEL "vtpm plan key"

int plan_key(const uint8_t recovery[SEAL_SCALAR_SIZE], uint8_t ret[SEAL_SCALAR_SIZE])
{
	return seal_derive_scalar((struct seal_bytes){ recovery, SEAL_SCALAR_SIZE }, KEY_LABEL,
				  ret);
}

/* Who reads it sees it on a terminal. */
static bool is_label(const char *label, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (label[i] < ' ' || label[i] > '~')
			return false;
	return true;
}

int plan_parse(struct seal_bytes bytes, struct plan *ret)
{
	struct cursor_in in = cursor_in(bytes.at, bytes.length);
	const uint8_t *magic = cursor_get_bytes(&in, MAGIC_LEN);
	uint16_t version = cursor_get_u16(&in);
	size_t length;

	if (in.bad || !secret_equal(magic, MAGIC, MAGIC_LEN) || version != PLAN_VERSION)
		return -EBADMSG;
	*ret = (struct plan){ .sequence = cursor_get_u64(&in) };
	ret->made = cursor_get_u64(&in);
	ret->expires = cursor_get_u64(&in);
	ret->pcrs.mask = cursor_get_u32(&in);
	if (!ret->pcrs.mask || ret->pcrs.mask >> HOST_PCRS)
		return -EBADMSG;
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (ret->pcrs.mask >> pcr & 1)
			cursor_get_raw(&in, ret->pcrs.value[pcr], SEAL_HASH_SIZE);
	}
	length = cursor_get_u8(&in);
	if (length > PLAN_LABEL_MAX)
		return -EBADMSG;
	cursor_get_raw(&in, ret->label, length);
	cursor_get_raw(&in, ret->approval, sizeof(ret->approval));
	cursor_get_raw(&in, ret->signature, sizeof(ret->signature));
	return cursor_ended(&in) && is_label(ret->label, length) ? 0 : -EBADMSG;
}

size_t plan_format(const struct plan *plan, uint8_t *to)
{
	struct cursor_out out = cursor_out(to, PLAN_SIZE_MAX);
	size_t length = strlen(plan->label);

	cursor_put_raw(&out, MAGIC, MAGIC_LEN);
	cursor_put_u16(&out, PLAN_VERSION);
	cursor_put_u64(&out, plan->sequence);
	cursor_put_u64(&out, plan->made);
	cursor_put_u64(&out, plan->expires);
	cursor_put_u32(&out, plan->pcrs.mask);
	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (plan->pcrs.mask >> pcr & 1)
			cursor_put_raw(&out, plan->pcrs.value[pcr], SEAL_HASH_SIZE);
	}
	cursor_put_u8(&out, (uint8_t)length);
	cursor_put_raw(&out, plan->label, length);
	cursor_put_raw(&out, plan->approval, sizeof(plan->approval));
	cursor_put_raw(&out, plan->signature, sizeof(plan->signature));
	return out.used;
}

/* What the TPM verifies: H(approvedPolicy || policyRef) (Part 3, 23.16), of which there is none. */
static int approval_digest(const struct plan *plan, uint32_t counter, uint8_t ret[SEAL_HASH_SIZE])
{
	int r = policy_configuration(&plan->pcrs, counter, plan->sequence, ret);

	return r ? r : seal_hash((struct seal_bytes){ ret, SEAL_HASH_SIZE }, ret);
}

static int signed_digest(const struct plan *plan, uint8_t ret[SEAL_HASH_SIZE])
{
	uint8_t bytes[PLAN_SIZE_MAX];
	size_t length = plan_format(plan, bytes) - SEAL_SIGNATURE_SIZE;

	return seal_hash((struct seal_bytes){ bytes, length }, ret);
}

int plan_sign(struct plan *plan, const uint8_t key[SEAL_SCALAR_SIZE], uint32_t counter)
{
	uint8_t digest[SEAL_HASH_SIZE];
	int r;

	r = approval_digest(plan, counter, digest);
	if (!r)
		r = seal_sign(key, digest, plan->approval);
	if (!r)
		r = signed_digest(plan, digest);
	return r ? r : seal_sign(key, digest, plan->signature);
}

int plan_verify(const struct plan *plan, const uint8_t point[SEAL_POINT_SIZE], uint32_t counter)
{
	uint8_t digest[SEAL_HASH_SIZE];
	int r;

	r = signed_digest(plan, digest);
	if (!r)
		r = seal_verify(point, digest, plan->signature);
	if (!r)
		r = approval_digest(plan, counter, digest);
	return r ? r : seal_verify(point, digest, plan->approval);
}

static int parse(struct seal_bytes file, struct plans *ret)
{
	struct cursor_in in = cursor_in(file.at, file.length);
	unsigned int count = cursor_get_u16(&in);

	if (count > PLANS_MAX)
		return -EBADMSG;
	for (; ret->count < count; ret->count++) {
		size_t length = cursor_get_u16(&in);
		const uint8_t *bytes = cursor_get_bytes(&in, length);

		if (!bytes || plan_parse((struct seal_bytes){ bytes, length },
					 &ret->plan[ret->count]))
			return -EBADMSG;
	}
	return cursor_ended(&in) ? 0 : -EBADMSG;
}

int plans_load(int directory, struct plans *ret)
{
	uint8_t file[FILE_MAX + 1];
	ssize_t n = keyfile_load(directory, FILE_NAME, file, sizeof(file));
	int r;

	*ret = (struct plans){ 0 };
	if (n < 0)
		return n == -ENOENT ? 0 : (int)n;
	r = parse((struct seal_bytes){ file, (size_t)n }, ret);
	if (r)
		*ret = (struct plans){ 0 };
	return r;
}

int plans_save(int directory, const struct plans *plans)
{
	uint8_t file[FILE_MAX], one[PLAN_SIZE_MAX];
	struct cursor_out out = cursor_out(file, sizeof(file));

	cursor_put_u16(&out, (uint16_t)plans->count);
	for (unsigned int i = 0; i < plans->count; i++) {
		size_t length = plan_format(&plans->plan[i], one);

		cursor_put_u16(&out, (uint16_t)length);
		cursor_put_raw(&out, one, length);
	}
	return keyfile_save(directory, FILE_NAME, (struct seal_bytes){ file, out.used });
}

void plans_drop(struct plans *plans, uint64_t up_to)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < plans->count; i++) {
		if (plans->plan[i].sequence > up_to)
			plans->plan[kept++] = plans->plan[i];
	}
	plans->count = kept;
}
