// SPDX-License-Identifier: BSD-3-Clause
/*
 * Fuzz what takes long texts out of JSON, here texts of LEAST bytes: a bundle that is read
 * through it has to be the one that everybody else reads. Where the input is JSON, what is
 * parsed is the same JSON but for marks, and each mark stands for the text that was there. Where
 * it is none, only a text that was lifted can be what is wrong with it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "attest/lift.h"

#define LEAST 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lift lift;

static void compare(const json_t *whole, const json_t *thin)
{
	const json_t *value;
	struct hash_part text;
	const char *name;
	size_t i;

	if (json_typeof(whole) != json_typeof(thin))
		abort();
	switch (json_typeof(whole)) {
	case JSON_OBJECT:
		/* A name that was lifted has another one: nobody knows it, by either. */
		json_object_foreach ((json_t *)(uintptr_t)whole, name, value)
			if (json_object_get(thin, name))
				compare(value, json_object_get(thin, name));
		if (json_object_size(whole) != json_object_size(thin))
			abort();
		break;
	case JSON_ARRAY:
		json_array_foreach (whole, i, value)
			compare(value, json_array_get(thin, i));
		break;
	case JSON_STRING:
		text = lift_find(&lift, json_string_value(thin), json_string_length(thin));
		if (text.length != json_string_length(whole) ||
		    strncmp(text.at, json_string_value(whole), text.length))
			abort();
		break;
	default:
		if (!json_equal(whole, thin))
			abort();
	}
}

/* Would this text be JSON alone? */
static int is_text(struct hash_part part)
{
	char *quoted = malloc(part.length + 5);
	json_t *value;
	size_t used = 2;

	quoted[0] = '[';
	quoted[1] = '"';
	for (size_t i = 0; i < part.length; i++)
		quoted[used++] = ((const char *)part.at)[i];
	quoted[used++] = '"';
	quoted[used++] = ']';
	value = json_loadb(quoted, used, 0, NULL);
	free(quoted);
	json_decref(value);
	return value != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	json_t *whole = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL), *thin, *lax;
	size_t good = 0;

	if (lift_texts(&lift, text, size, LEAST))
		abort();
	thin = json_loadb(lift.text, lift.length, JSON_REJECT_DUPLICATES, NULL);
	if (whole && !thin)
		abort();
	if (whole)
		compare(whole, thin);
	for (size_t i = 0; i < lift.count; i++)
		good += is_text(lift.lifted[i]);
	/* A name that came twice is told apart by its marks: bundle_read() knows neither. */
	lax = json_loadb(text, size, 0, NULL);
	if (thin && !lax && good == lift.count)
		abort();
	json_decref(lax);
	if (lift_offset(&lift, lift.length) != size && lift.made)
		abort();
	json_decref(whole);
	json_decref(thin);
	lift_done(&lift);
	return 0;
}
