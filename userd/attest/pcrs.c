// SPDX-License-Identifier: BSD-3-Clause
/*
 * PCR values from text: the two forms are told apart by the first character.
 *
 *	sha256:
 *	  0 : 0x24AF52A4...
 *
 *	{"sha256": {"0": "24af52a4..."}}
 */
#include "attest/attest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "attest/hash.h"
#include "base/cursor.h"

#define INVALID "pcrs.invalid"

/* Banks that a TPM may have, and nobody here can replay (TCG Algorithm Registry, 6.2). */
static bool is_foreign(const char *name, size_t length)
{
	static const char *const names[] = { "sha3_256", "sha3_384", "sha3_512", "sha3-256",
					     "sha3-384", "sha3-512" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (length == strlen(names[i]) && !strncasecmp(name, names[i], length))
			return true;
	return false;
}

static void say_foreign(struct attest_verdict *verdict)
{
	attest_verdict_unchecked(verdict, "PCR values of a bank of SHA-3: nobody here can replay "
					  "one");
}

/* Return: what is wrong with it, NULL for nothing. */
static const char *take_value(struct attest_pcrs *pcrs, enum attest_bank bank, const char *pcr,
			      size_t pcr_length, const char *hex, size_t length)
{
	unsigned int number = 0;

	if (!pcr_length || pcr_length > 2)
		return "is of no PCR";
	for (size_t i = 0; i < pcr_length; i++) {
		if (pcr[i] < '0' || pcr[i] > '9')
			return "is of no PCR";
		number = 10 * number + (unsigned int)(pcr[i] - '0');
	}
	if (number >= ATTEST_PCRS)
		return "is of a PCR that no TPM has";
	if (pcrs->has[bank] & 1u << number)
		return "is of a PCR that came before";
	if (length >= 2 && hex[0] == '0' && (hex[1] == 'x' || hex[1] == 'X')) {
		hex += 2;
		length -= 2;
	}
	if (length != 2 * hash_size(bank))
		return "has not the length of its bank's digests";
	if (!attest_text_unhex(pcrs->value[bank][number], hash_size(bank), hex, length, &length))
		return "is not hexadecimal";
	pcrs->has[bank] |= 1u << number;
	return NULL;
}

static int take_json(struct attest_pcrs *pcrs, json_t *root, struct attest_verdict *verdict)
{
	json_t *banks = json_object_get(root, "pcrs"), *values, *value;
	const char *bank_name, *pcr, *wrong;

	json_object_foreach(banks ? banks : root, bank_name, values) {
		enum attest_bank bank = hash_by_name(bank_name, strlen(bank_name));

		if (is_foreign(bank_name, strlen(bank_name))) {
			say_foreign(verdict);
			continue;
		}
		if (bank == _ATTEST_BANK_MAX || !json_is_object(values))
			return attest_verdict_malformed(verdict, INVALID, 0, 0,
							"a member of the PCR values is no bank");
		json_object_foreach(values, pcr, value) {
			wrong = json_is_string(value)
					? take_value(pcrs, bank, pcr, strlen(pcr),
						     json_string_value(value),
						     json_string_length(value))
					: "is no string";
			if (wrong)
				return attest_verdict_malformed(verdict, INVALID, 0, 0,
								"a PCR value (%s) %s", bank_name,
								wrong);
		}
	}
	return 0;
}

static int read_json(struct attest_pcrs *pcrs, const char *text, size_t length,
		     struct attest_verdict *verdict)
{
	json_error_t error;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	int r;

	if (!root)
		return json_error_code(&error) == json_error_out_of_memory
			       ? -ENOMEM
			       : attest_verdict_malformed(verdict, INVALID, (size_t)error.position,
							  0, "the PCR values are no JSON");
	r = json_is_object(root) ? take_json(pcrs, root, verdict)
				 : attest_verdict_malformed(verdict, INVALID, 0, 0,
							    "the PCR values are no JSON object");
	json_decref(root);
	return r;
}

static void trim(const char **at, size_t *length)
{
	while (*length && strchr(" \t\r", **at)) {
		(*at)++;
		(*length)--;
	}
	while (*length && strchr(" \t\r", (*at)[*length - 1]))
		(*length)--;
}

/**
 * struct reading - text on its way
 * @pcrs: so far
 * @bank: of the lines that follow; _ATTEST_BANK_MAX: none
 * @foreign: they are of one that is not known here
 * @verdict: hears of that
 */
struct reading {
	struct attest_pcrs *pcrs;
	enum attest_bank bank;
	bool foreign;
	struct attest_verdict *verdict;
};

/* Return: what is wrong with the line, NULL for nothing. */
static const char *take_bank(struct reading *reading, const char *name, size_t length)
{
	reading->bank = hash_by_name(name, length);
	reading->foreign = is_foreign(name, length);
	if (reading->foreign)
		say_foreign(reading->verdict);
	else if (reading->bank == _ATTEST_BANK_MAX && !(length == 4 && !strncmp(name, "pcrs", 4)))
		return "names no bank";
	return NULL;
}

/* The same */
static const char *take_line(struct reading *reading, const char *line, size_t length)
{
	const char *colon, *value;
	size_t left;

	trim(&line, &length);
	if (!length || *line == '#' || (length == 3 && !strncmp(line, "---", 3)))
		return NULL;
	colon = memchr(line, ':', length);
	if (!colon)
		return "has no colon";
	value = colon + 1;
	left = length - (size_t)(value - line);
	length = (size_t)(colon - line);
	trim(&line, &length);
	trim(&value, &left);
	if (!left)
		return take_bank(reading, line, length);
	if (reading->foreign)
		return NULL;
	return reading->bank == _ATTEST_BANK_MAX
		       ? "is of no bank"
		       : take_value(reading->pcrs, reading->bank, line, length, value, left);
}

static int read_lines(struct attest_pcrs *pcrs, const char *text, size_t length,
		      struct attest_verdict *verdict)
{
	struct reading reading = { .pcrs = pcrs, .bank = _ATTEST_BANK_MAX, .verdict = verdict };
	size_t number = 1;

	for (const char *line = text, *end = text + length; line < end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline ? newline : end;
		const char *wrong = take_line(&reading, line, (size_t)(stop - line));

		if (wrong)
			return attest_verdict_malformed(
				verdict, INVALID, (size_t)(line - text), 0,
				"line %zu of the PCR values %s: they are what tpm2_pcrread "
				"prints, or JSON", number, wrong);
		line = stop + 1;
	}
	return 0;
}

int attest_pcrs_read(struct attest_pcrs *ret, const char *text, size_t length,
		     struct attest_verdict *verdict)
{
	uint32_t any = 0;
	size_t first = 0;
	int r;

	*ret = (struct attest_pcrs){ 0 };
	while (first < length && strchr(" \t\r\n", text[first]) && text[first])
		first++;
	r = first < length && text[first] == '{' ? read_json(ret, text, length, verdict)
						 : read_lines(ret, text, length, verdict);
	for (int bank = 0; bank < _ATTEST_BANK_MAX; bank++)
		any |= ret->has[bank];
	if (!r && !any)
		r = attest_verdict_malformed(verdict, INVALID, 0, 0, "there are no PCR values");
	return r;
}
