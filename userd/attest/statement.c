// SPDX-License-Identifier: BSD-3-Clause
/*
 * A statement is read to its end whatever its type is, so that no two readers can
 * disagree about what was signed.
 */
#include "attest/statement.h"

#include <errno.h>

#include "attest/tpm2b.h"
#include "base/cursor.h"

#define SELECT_MAX 4 /* octets of a bitmap that tools and TPMs know of */

static struct statement_clock get_clock(struct cursor_in *in)
{
	struct statement_clock clock = {
		.clock = cursor_get_u64(in),
		.resets = cursor_get_u32(in),
		.restarts = cursor_get_u32(in),
	};
	uint8_t safe = cursor_get_u8(in);

	if (safe > 1) /* TPMI_YES_NO */
		in->bad = true;
	clock.safe = safe;
	return clock;
}

static void get_selection(struct cursor_in *in, struct selection *ret)
{
	uint32_t count = cursor_get_u32(in);

	if (count > SELECTION_BANKS)
		in->bad = true;
	for (uint32_t i = 0; !in->bad && i < count; i++) {
		enum attest_bank bank = hash_by_id(cursor_get_u16(in));
		size_t octets = cursor_get_u8(in);
		uint32_t pcrs = 0;

		if (octets > SELECT_MAX)
			in->bad = true;
		for (size_t j = 0; j < octets && !in->bad; j++)
			pcrs |= (uint32_t)cursor_get_u8(in) << 8 * j;
		if (pcrs >> ATTEST_PCRS)
			in->bad = true;
		ret->banks[ret->count] = bank;
		ret->pcrs[ret->count++] = pcrs;
	}
}

static bool get_body(struct cursor_in *in, struct statement *ret)
{
	switch (ret->type) {
	case TPM_ST_ATTEST_QUOTE:
		get_selection(in, &ret->selection);
		ret->digest = tpm2b_get(in);
		return true;
	case TPM_ST_ATTEST_CERTIFY:
		ret->name = tpm2b_get(in);
		ret->qualified = tpm2b_get(in);
		return true;
	case TPM_ST_ATTEST_CREATION:
		ret->name = tpm2b_get(in);
		ret->digest = tpm2b_get(in);
		return true;
	case TPM_ST_ATTEST_NV:
		ret->name = tpm2b_get(in);
		ret->offset = cursor_get_u16(in);
		ret->digest = tpm2b_get(in);
		return true;
	case TPM_ST_ATTEST_TIME:
		cursor_get_u64(in);
		get_clock(in);
		cursor_get_u64(in);
		return true;
	default:
		return false;
	}
}

static int refuse(struct attest_verdict *verdict, const char *code, const char *next,
		  const char *text)
{
	attest_verdict_say(verdict, ATTEST_FAILED, code, next, "%s", text);
	verdict->malformed = true;
	return -EBADMSG;
}

int statement_parse(struct statement *ret, const uint8_t *bytes, size_t length,
		    struct attest_verdict *verdict)
{
	struct cursor_in in = cursor_in(bytes, length);
	uint32_t magic = cursor_get_u32(&in);

	*ret = (struct statement){ 0 };
	if (!in.bad && magic != STATEMENT_MAGIC)
		return refuse(verdict, "quote.magic",
			      "believe nothing of it: give what the TPM returned, unchanged",
			      "no TPM said this: it does not begin with TPM_GENERATED_VALUE");
	ret->type = cursor_get_u16(&in);
	ret->signer = tpm2b_get(&in);
	ret->extra = tpm2b_get(&in);
	ret->clock = get_clock(&in);
	ret->firmware = cursor_get_u64(&in);
	if (!in.bad && !get_body(&in, ret))
		return refuse(verdict, "quote.type", "ask the TPM for a quote",
			      "it is a TPM's statement of a kind that is not known here");
	if (cursor_ended(&in))
		return 0;
	return attest_verdict_malformed(verdict, "quote.invalid",
					length - (in.left < length ? in.left : length), 0,
					"the statement is cut, has bytes behind its end, or sizes "
					"that do not fit");
}

const char *statement_type_name(uint16_t type)
{
	switch (type) {
	case TPM_ST_ATTEST_QUOTE:
		return "quote";
	case TPM_ST_ATTEST_CERTIFY:
		return "certify";
	case TPM_ST_ATTEST_CREATION:
		return "creation";
	case TPM_ST_ATTEST_NV:
		return "nv";
	case TPM_ST_ATTEST_TIME:
		return "time";
	default:
		return "unknown";
	}
}

size_t selection_size(const struct selection *selection)
{
	size_t size = 0;

	for (size_t i = 0; i < selection->count; i++) {
		if (!selection->pcrs[i])
			continue;
		if (selection->banks[i] == _ATTEST_BANK_MAX)
			return 0;
		size += (size_t)__builtin_popcount(selection->pcrs[i]) *
			hash_size(selection->banks[i]);
	}
	return size;
}
