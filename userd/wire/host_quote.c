// SPDX-License-Identifier: BSD-3-Clause
/*
 * Write and read; see the header.
 */
#include "wire/host_quote.h"

#include <string.h>

#include "base/cursor.h"

static const char magic[] = "vtpm-host-quote-v1";
#define MAGIC (sizeof(magic) - 1)

void host_quote_put(const struct host_quote *quote, uint8_t ret[HOST_QUOTE_SIZE])
{
	struct cursor_out out = cursor_out(ret, HOST_QUOTE_SIZE);

	cursor_put_raw(&out, magic, MAGIC);
	cursor_put_u8(&out, quote->purpose);
	cursor_put_raw(&out, quote->nonce, sizeof(quote->nonce));
	cursor_put_raw(&out, quote->root, sizeof(quote->root));
	cursor_put_u32(&out, quote->leaves);
	cursor_put_raw(&out, quote->audit, sizeof(quote->audit));
	cursor_put_u64(&out, quote->epoch);
}

/* A tree is there for a deep quote, and then has leaves, each with a nonce of its own. */
static bool tree_fits(const struct host_quote *quote)
{
	switch (quote->purpose) {
	case HOST_QUOTE_HOST:
		return !quote->leaves && cursor_is_zero(quote->root, sizeof(quote->root));
	case HOST_QUOTE_DEEP:
		return quote->leaves && cursor_is_zero(quote->nonce, sizeof(quote->nonce));
	case HOST_QUOTE_SHARE:
		return !quote->leaves && !cursor_is_zero(quote->root, sizeof(quote->root));
	default:
		return false;
	}
}

bool host_quote_get(const void *bytes, size_t length, struct host_quote *ret)
{
	struct cursor_in in = cursor_in(bytes, length);
	struct host_quote quote;
	char text[MAGIC];

	cursor_get_raw(&in, text, sizeof(text));
	quote.purpose = cursor_get_u8(&in);
	cursor_get_raw(&in, quote.nonce, sizeof(quote.nonce));
	cursor_get_raw(&in, quote.root, sizeof(quote.root));
	quote.leaves = cursor_get_u32(&in);
	cursor_get_raw(&in, quote.audit, sizeof(quote.audit));
	quote.epoch = cursor_get_u64(&in);
	if (!cursor_ended(&in) || strncmp(text, magic, MAGIC) != 0 || !tree_fits(&quote))
		return false;
	*ret = quote;
	return true;
}
