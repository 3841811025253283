// SPDX-License-Identifier: BSD-3-Clause
/*
 * Appending to a unit's log, and reading it; see the header.
 *
 * The memory's keeper may write to it at any time, so a log is copied before it is looked
 * at, and decrypted where the copy is.
 */
#include "engine/unit_log.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/secret.h"

#define HEAD_SIZE (8 + 8 + 8 + 1 + 2 + 2)

_Static_assert(UNIT_LOG_SIZE <= UINT16_MAX, "the word has 16 bits for it");

static uint64_t word_of(uint64_t number, size_t length)
{
	uint64_t word = (number & UINT32_MAX) | (uint64_t)length << 32;
	uint64_t sum = ~(word ^ word >> 16 ^ word >> 32);

	return word | sum << 48;
}

static void set(struct unit_log *log, uint64_t number, size_t length)
{
	atomic_store_explicit(&log->word, word_of(number, length), memory_order_release);
}

void unit_log_clear(struct unit_log *log, uint64_t number)
{
	set(log, number, 0);
}

/* What an entry's tag covers beside its message. */
struct covered {
	uint8_t bytes[GCM_TAG_SIZE + HEAD_SIZE];
};

static struct covered cover(const uint8_t *tag, const uint8_t *head)
{
	struct covered covered;
	struct cursor_out out = cursor_out(covered.bytes, sizeof(covered.bytes));

	cursor_put_raw(&out, tag, GCM_TAG_SIZE);
	cursor_put_raw(&out, head, HEAD_SIZE);
	return covered;
}

int unit_log_append(struct unit_log *log, uint64_t number, struct unit_log_end *end,
		    struct gcm *key, uint64_t nonce, const struct unit_entry *entry)
{
	struct cursor_out out = cursor_out(log->bytes, sizeof(log->bytes));
	uint8_t nonce_bytes[GCM_NONCE_SIZE], tag[GCM_TAG_SIZE], head[HEAD_SIZE];
	struct cursor_out head_out = cursor_out(head, sizeof(head));
	size_t length = end->length + HEAD_SIZE + GCM_TAG_SIZE + entry->command_length +
			entry->answer_length;
	uint8_t *to = log->bytes + end->length + HEAD_SIZE + GCM_TAG_SIZE;
	const struct gcm_part parts[] = {
		{ entry->command, to, entry->command_length },
		{ entry->answer, to + entry->command_length, entry->answer_length },
	};
	struct covered covered;
	int r;

	if (length > sizeof(log->bytes))
		return UNIT_E_FULL;
	cursor_put_u64(&head_out, nonce);
	cursor_put_u64(&head_out, entry->id);
	cursor_put_u64(&head_out, entry->client);
	cursor_put_u8(&head_out, entry->locality);
	cursor_put_u16(&head_out, (uint16_t)entry->command_length);
	cursor_put_u16(&head_out, (uint16_t)entry->answer_length);
	covered = cover(end->tag, head);
	gcm_nonce(nonce_bytes, nonce);
	r = gcm_seal(key, nonce_bytes, covered.bytes, sizeof(covered.bytes), parts, 2, tag);
	if (r)
		return r;

	out.used = end->length;
	cursor_put_raw(&out, head, sizeof(head));
	cursor_put_raw(&out, tag, sizeof(tag));
	set(log, number, length);
	end->length = length;
	cursor_copy(end->tag, sizeof(end->tag), tag, sizeof(tag));
	return 0;
}

/* An entry with its tag, if there is a whole one; its texts are yet to be decrypted, or not. */
static bool read_entry(struct cursor_in *in, uint64_t *ret_nonce, const uint8_t **ret_tag,
		       struct unit_entry *ret)
{
	*ret_nonce = cursor_get_u64(in);
	ret->id = cursor_get_u64(in);
	ret->client = cursor_get_u64(in);
	ret->locality = cursor_get_u8(in);
	ret->command_length = cursor_get_u16(in);
	ret->answer_length = cursor_get_u16(in);
	*ret_tag = cursor_get_bytes(in, GCM_TAG_SIZE);
	ret->command = cursor_get_bytes(in, ret->command_length);
	ret->answer = cursor_get_bytes(in, ret->answer_length);
	return !in->bad;
}

static int open_entries(struct gcm *key, const uint8_t *tag, uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);
	uint8_t nonce_bytes[GCM_NONCE_SIZE];
	const uint8_t *entry_tag;
	struct unit_entry entry;
	uint64_t nonce;
	int r = 0;

	while (!r && in.left) {
		const uint8_t *head = in.at;
		struct gcm_part part = { 0 };
		struct covered covered;

		if (!read_entry(&in, &nonce, &entry_tag, &entry))
			return -EBADMSG;
		covered = cover(tag, head);
		/* Both texts adjoin. */
		part.to = bytes + (entry.command - bytes);
		part.from = part.to;
		part.length = entry.command_length + entry.answer_length;
		gcm_nonce(nonce_bytes, nonce);
		r = gcm_open(key, nonce_bytes, covered.bytes, sizeof(covered.bytes), &part, 1,
			     entry_tag);
		tag = entry_tag;
	}
	return r;
}

int unit_log_open(const struct unit_log *log, uint64_t number, const uint8_t tag[GCM_TAG_SIZE],
		  struct gcm *key, uint8_t *to, size_t *ret_length)
{
	uint64_t word = atomic_load_explicit(&log->word, memory_order_acquire);
	size_t length = word >> 32 & UINT16_MAX;
	int r;

	if (word != word_of(number, length) ||
	    !cursor_copy(to, UNIT_LOG_SIZE, log->bytes, length))
		return -EBADMSG;
	r = open_entries(key, tag, to, length);
	if (r)
		secret_wipe(to, length);
	else
		*ret_length = length;
	return r;
}

bool unit_log_next(struct cursor_in *in, struct unit_entry *ret)
{
	const uint8_t *tag;
	uint64_t nonce;

	return in->left && read_entry(in, &nonce, &tag, ret);
}
