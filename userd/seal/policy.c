// SPDX-License-Identifier: BSD-3-Clause
/*
 * Policy digests; see the header. Each extends the one before: H(before || TPM_CC || arguments).
 */
#include "seal/policy.h"

#include <errno.h>

#include "base/cursor.h"

#define PCR_BYTES (HOST_PCRS / 8)
#define WORK_SIZE 256

struct work {
	uint8_t bytes[WORK_SIZE];
	struct cursor_out out;
};

static struct cursor_out *begin(struct work *work, const uint8_t *before, TPM2_CC code)
{
	static const uint8_t nothing[SEAL_HASH_SIZE];

	work->out = cursor_out(work->bytes, sizeof(work->bytes));
	cursor_put_raw(&work->out, before ? before : nothing, SEAL_HASH_SIZE);
	cursor_put_u32(&work->out, code);
	return &work->out;
}

static int end(const struct work *work, uint8_t ret[SEAL_HASH_SIZE])
{
	if (work->out.bad)
		return -EIO;
	return seal_hash((struct seal_bytes){ work->bytes, work->out.used }, ret);
}

/* TPML_PCR_SELECTION of one bank (Part 2, 10.6.1 and 10.9.7) */
static void put_selection(struct cursor_out *out, uint32_t mask)
{
	cursor_put_u32(out, 1);
	cursor_put_u16(out, TPM2_ALG_SHA256);
	cursor_put_u8(out, PCR_BYTES);
	for (unsigned int i = 0; i < PCR_BYTES; i++)
		cursor_put_u8(out, (uint8_t)(mask >> (8 * i)));
}

/* Part 3, 23.7: selection || H(values) */
int policy_pcrs(const struct host_pcrs *pcrs, uint8_t ret[SEAL_HASH_SIZE])
{
	uint8_t values[HOST_PCRS * SEAL_HASH_SIZE], digest[SEAL_HASH_SIZE];
	struct cursor_out all = cursor_out(values, sizeof(values));
	struct cursor_out *out;
	struct work work;
	int r;

	for (unsigned int pcr = 0; pcr < HOST_PCRS; pcr++) {
		if (pcrs->mask >> pcr & 1)
			cursor_put_raw(&all, pcrs->value[pcr], SEAL_HASH_SIZE);
	}
	r = seal_hash((struct seal_bytes){ values, all.used }, digest);
	if (r)
		return r;
	out = begin(&work, NULL, TPM2_CC_PolicyPCR);
	put_selection(out, pcrs->mask);
	cursor_put_raw(out, digest, sizeof(digest));
	return end(&work, ret);
}

/* Part 3, 23.11 and 23.17 */
int policy_counter(uint8_t ret[SEAL_HASH_SIZE])
{
	struct work work;
	int r;

	begin(&work, NULL, TPM2_CC_PolicyAuthValue);
	r = end(&work, ret);
	if (r)
		return r;
	cursor_put_u32(begin(&work, ret, TPM2_CC_PolicyCommandCode), TPM2_CC_NV_Increment);
	return end(&work, ret);
}

static int put_name(const struct work *area, uint8_t ret[POLICY_NAME_SIZE])
{
	struct cursor_out out = cursor_out(ret, POLICY_NAME_SIZE);
	uint8_t digest[SEAL_HASH_SIZE];
	int r = end(area, digest);

	cursor_put_u16(&out, TPM2_ALG_SHA256);
	cursor_put_raw(&out, digest, sizeof(digest));
	return r;
}

/* Part 1, 16: nameAlg || H(TPMS_NV_PUBLIC). The index has been written to. */
int policy_counter_name(uint32_t handle, uint8_t ret[POLICY_NAME_SIZE])
{
	uint8_t policy[SEAL_HASH_SIZE];
	struct work area = { .out = cursor_out(area.bytes, sizeof(area.bytes)) };
	int r = policy_counter(policy);

	if (r)
		return r;
	cursor_put_u32(&area.out, handle);
	cursor_put_u16(&area.out, TPM2_ALG_SHA256);
	cursor_put_u32(&area.out, HOST_COUNTER_ATTRIBUTES | TPMA_NV_WRITTEN);
	cursor_put_u16(&area.out, sizeof(policy));
	cursor_put_raw(&area.out, policy, sizeof(policy));
	cursor_put_u16(&area.out, HOST_COUNTER_SIZE);
	return put_name(&area, ret);
}

/* Part 3, 23.9: H(operandB || offset || operation) || Name of the index */
int policy_configuration(const struct host_pcrs *pcrs, uint32_t counter, uint64_t sequence,
			 uint8_t ret[SEAL_HASH_SIZE])
{
	struct work work = { .out = cursor_out(work.bytes, sizeof(work.bytes)) };
	uint8_t arguments[SEAL_HASH_SIZE], name[POLICY_NAME_SIZE];
	struct cursor_out *out;
	int r;

	cursor_put_u64(&work.out, sequence);
	cursor_put_u16(&work.out, 0);
	cursor_put_u16(&work.out, TPM2_EO_UNSIGNED_LE);
	r = end(&work, arguments);
	if (!r)
		r = policy_pcrs(pcrs, ret);
	if (!r)
		r = policy_counter_name(counter, name);
	if (r)
		return r;
	out = begin(&work, ret, TPM2_CC_PolicyNV);
	cursor_put_raw(out, arguments, sizeof(arguments));
	cursor_put_raw(out, name, sizeof(name));
	return end(&work, ret);
}

/* Part 2, 12.2.4: a P-256 key that verifies ECDSA with SHA-256 */
size_t policy_key(const uint8_t point[SEAL_POINT_SIZE], uint8_t *to, size_t room)
{
	struct cursor_out out = cursor_out(to, room);

	cursor_put_u16(&out, TPM2_ALG_ECC);
	cursor_put_u16(&out, TPM2_ALG_SHA256);
	cursor_put_u32(&out, TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH);
	cursor_put_u16(&out, 0);
	cursor_put_u16(&out, TPM2_ALG_NULL);
	cursor_put_u16(&out, TPM2_ALG_ECDSA);
	cursor_put_u16(&out, TPM2_ALG_SHA256);
	cursor_put_u16(&out, TPM2_ECC_NIST_P256);
	cursor_put_u16(&out, TPM2_ALG_NULL);
	for (size_t half = 0; half < 2; half++) {
		cursor_put_u16(&out, SEAL_SCALAR_SIZE);
		cursor_put_raw(&out, point + 1 + half * SEAL_SCALAR_SIZE, SEAL_SCALAR_SIZE);
	}
	return out.bad ? 0 : out.used;
}

/* Part 3, 23.16, with an empty policyRef: that is hashed by itself */
int policy_authorize(const uint8_t point[SEAL_POINT_SIZE], uint8_t ret[SEAL_HASH_SIZE])
{
	struct work area = { .out = cursor_out(area.bytes, sizeof(area.bytes)) }, work;
	uint8_t name[POLICY_NAME_SIZE];
	int r;

	area.out.used = policy_key(point, area.bytes, sizeof(area.bytes));
	r = area.out.used ? put_name(&area, name) : -EIO;
	if (r)
		return r;
	cursor_put_raw(begin(&work, NULL, TPM2_CC_PolicyAuthorize), name, sizeof(name));
	r = end(&work, ret);
	return r ? r : seal_hash((struct seal_bytes){ ret, SEAL_HASH_SIZE }, ret);
}

/* Part 3, 23.6 */
int policy_or(uint8_t branch[POLICY_BRANCHES][SEAL_HASH_SIZE], uint8_t ret[SEAL_HASH_SIZE])
{
	struct cursor_out *out;
	struct work work;

	out = begin(&work, NULL, TPM2_CC_PolicyOR);
	for (size_t i = 0; i < POLICY_BRANCHES; i++)
		cursor_put_raw(out, branch[i], SEAL_HASH_SIZE);
	return end(&work, ret);
}
