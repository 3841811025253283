// SPDX-License-Identifier: BSD-3-Clause
/*
 * PCR values beside a quote. tpm2_quote writes them in two forms, both without a mark:
 *
 *	serialized	count u32 | 16 { hash u16, size u8, bitmap [4], unused u8 }
 *			| lists u32 { count u32 | 8 { size u16, digest [64] } }
 *	values		the digests one behind the other
 *
 * The first is memory of a little-endian machine. A form is known by its length: nothing
 * is lost where a wrong one is guessed, since the digest that was signed decides.
 */
#include "attest/quote.h"

#include <errno.h>

#include "base/cursor.h"

#define TOOL_SELECTIONS 16
#define TOOL_OCTETS	4
#define TOOL_DIGESTS	8
#define TOOL_LISTS_MAX	64
#define TOOL_LIST_SIZE	(4 + TOOL_DIGESTS * (2 + ATTEST_DIGEST_MAX))
#define TOOL_HEAD_SIZE	(4 + TOOL_SELECTIONS * (2 + 1 + TOOL_OCTETS + 1) + 4)

#define INVALID "pcrs.invalid"

/* Return: whether there is a place for it, with this size. */
static bool put_next(struct attest_pcrs *pcrs, const struct selection *selection, size_t *which,
		     uint32_t *left, struct cursor_in value)
{
	enum attest_bank bank;

	while (*which < selection->count && !*left)
		if (++*which < selection->count)
			*left = selection->pcrs[*which];
	if (*which >= selection->count)
		return false;
	bank = selection->banks[*which];
	if (bank == _ATTEST_BANK_MAX || value.left != hash_size(bank))
		return false;
	pcrs->has[bank] |= *left & -*left;
	cursor_get_raw(&value, pcrs->value[bank][__builtin_ctz(*left)], hash_size(bank));
	*left &= *left - 1;
	return true;
}

static bool get_selection(struct cursor_in *in, struct selection *ret)
{
	uint32_t count = cursor_get_le32(in);

	if (count > TOOL_SELECTIONS)
		return false;
	for (uint32_t i = 0; i < TOOL_SELECTIONS; i++) {
		enum attest_bank bank = hash_by_id(cursor_get_le16(in));
		uint8_t octets = cursor_get_u8(in);
		uint32_t pcrs = cursor_get_le32(in);

		cursor_get_u8(in);
		if (i >= count)
			continue;
		if (octets > TOOL_OCTETS || pcrs >> ATTEST_PCRS)
			return false;
		if (octets < TOOL_OCTETS)
			pcrs &= (1u << 8 * octets) - 1;
		ret->banks[ret->count] = bank;
		ret->pcrs[ret->count++] = pcrs;
	}
	return true;
}

static bool read_serialized(struct attest_pcrs *pcrs, struct selection *selected,
			    const char *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);
	size_t which = 0;
	uint32_t lists, left;

	if (!get_selection(&in, selected))
		return false;
	left = selected->count ? selected->pcrs[0] : 0;
	lists = cursor_get_le32(&in);
	for (uint32_t i = 0; !in.bad && i < lists; i++) {
		uint32_t count = cursor_get_le32(&in);

		if (count > TOOL_DIGESTS)
			return false;
		for (uint32_t j = 0; j < TOOL_DIGESTS; j++) {
			size_t size = cursor_get_le16(&in);
			struct cursor_in digest = cursor_sub(&in, ATTEST_DIGEST_MAX);
			struct cursor_in value = cursor_sub(&digest, size);

			if (j < count && (value.bad || !put_next(pcrs, selected, &which, &left,
								 value)))
				return false;
		}
	}
	while (!left && ++which < selected->count)
		left = selected->pcrs[which];
	return cursor_ended(&in) && !left;
}

static void read_values(struct attest_pcrs *pcrs, const struct selection *selection,
			const char *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);
	uint32_t left = selection->pcrs[0];

	for (size_t which = 0; in.left;) {
		while (!left && ++which < selection->count)
			left = selection->pcrs[which];
		if (which >= selection->count ||
		    !put_next(pcrs, selection, &which, &left,
			      cursor_sub(&in, hash_size(selection->banks[which]))))
			return;
	}
}

void quote_select(const struct attest_pcrs *pcrs, struct selection *ret)
{
	*ret = (struct selection){ 0 };
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		if (!pcrs->has[bank])
			continue;
		ret->banks[ret->count] = bank;
		ret->pcrs[ret->count++] = pcrs->has[bank];
	}
}

int quote_pcrs(struct attest_pcrs *ret, const struct selection *selection,
	       struct selection *ret_selected, const char *bytes, size_t length,
	       struct attest_verdict *verdict)
{
	int r;

	*ret = (struct attest_pcrs){ 0 };
	*ret_selected = (struct selection){ 0 };
	if (length > TOOL_HEAD_SIZE && !((length - TOOL_HEAD_SIZE) % TOOL_LIST_SIZE) &&
	    length <= TOOL_HEAD_SIZE + TOOL_LISTS_MAX * TOOL_LIST_SIZE) {
		if (read_serialized(ret, ret_selected, bytes, length))
			return 0;
		*ret = (struct attest_pcrs){ 0 };
		*ret_selected = (struct selection){ 0 };
	}
	if (length && length == selection_size(selection)) {
		read_values(ret, selection, bytes, length);
		*ret_selected = *selection;
		return 0;
	}
	if (length && bytes[0] < ' ' && bytes[0] != '\n')
		return attest_verdict_malformed(verdict, INVALID, 0, 0,
						"the PCR values are of no form that is known, or "
						"not as many as the quote has");
	r = attest_pcrs_read(ret, bytes, length, verdict);
	if (!r)
		quote_select(ret, ret_selected);
	return r;
}
