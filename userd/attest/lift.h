/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long texts out of JSON before it is parsed: a parser walks a log of megabytes character by
 * character, though all it has to find is its end.
 *
 *	{"ima": "AAAA...AAAA", ...}	what came
 *	{"ima": "\x7f0", ...}		what is parsed; text 0 lies where it came
 *
 * A text is lifted where it has no escapes and LIFT_LEAST bytes at least. The mark is a DEL, which
 * JSON may have: where one came, as it is or escaped, nothing is lifted, so no one else can
 * make a mark. What is lifted was not held against UTF-8 or control characters: only who
 * decodes it by stricter rules may use it, and all others refuse a mark.
 */
#ifndef ATTEST_LIFT_H
#define ATTEST_LIFT_H

#include <stdbool.h>

#include "attest/hash.h"

#define LIFT_LEAST 8192
#define LIFT_MOST  32

/**
 * struct lift - JSON without its long texts
 * @text: of it
 * @length: bytes of it
 * @lifted: texts that were taken out, without their quotes
 * @at: of their marks in @text
 * @count: how many
 * @made: @text is its own
 */
struct lift {
	const char *text;
	size_t length;
	struct hash_part lifted[LIFT_MOST];
	size_t at[LIFT_MOST];
	size_t count;
	char *made;
};

/**
 * lift_texts() - take long texts out
 * @ret: points into @text; for lift_done()
 * @text: JSON, or not
 * @length: bytes of it
 * @least: bytes of a text that is taken out; LIFT_LEAST but for tests
 *
 * Return: 0 or -ENOMEM.
 */
int lift_texts(struct lift *ret, const char *text, size_t length, size_t least);

/** lift_done() - release it; an empty one is fine */
void lift_done(struct lift *lift);

/** lift_is_mark() - does this text stand for another one? */
bool lift_is_mark(const char *text);

/** lift_find() - the text that a mark stands for; any other text is itself */
struct hash_part lift_find(const struct lift *lift, const char *text, size_t length);

/** lift_offset() - where a byte of what is parsed was before */
size_t lift_offset(const struct lift *lift, size_t offset);

#endif /* ATTEST_LIFT_H */
