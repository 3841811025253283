// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify quote: the files of tpm2_quote, checked.
 */
#include "attest/quote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/signature.h"
#include "base/cleanup.h"
#include "verifier/verifier.h"

/** enum file - files of evidence */
enum file {
	FILE_MESSAGE,
	FILE_SIGNATURE,
	FILE_AK,
	FILE_EK,
	FILE_PCRS,
	_FILE_MAX,
};

/**
 * struct appraisal - one quote and what it came to
 * @bytes: of each file
 * @length: of them
 * @quote: points into them
 * @verdict: of it all
 */
struct appraisal {
	char *bytes[_FILE_MAX];
	size_t length[_FILE_MAX];
	struct quote quote;
	struct attest_verdict verdict;
};

static json_t *json_hex(const void *bytes, size_t length)
{
	char hex[ATTEST_HEX_MAX];

	if (!length)
		return json_null();
	attest_text_hex(hex, bytes, length);
	return json_string(hex);
}

static json_t *json_name(const void *bytes, size_t length)
{
	char hex[2 * PUBLIC_NAME_MAX + 1];
	int used = 0;

	for (size_t i = 0; i < length && i < PUBLIC_NAME_MAX; i++)
		used += snprintf(hex + used, sizeof(hex) - (size_t)used, "%02x",
				 ((const uint8_t *)bytes)[i]);
	return length ? json_string(hex) : json_null();
}

json_t *verifier_json_quote(const struct quote *quote)
{
	const struct statement *statement = &quote->statement;
	char firmware[17];

	snprintf(firmware, sizeof(firmware), "%016" PRIx64, statement->firmware);
	return json_pack("{s:s, s:b, s:s?, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:s, s:o, s:o}",
			 "type", statement_type_name(statement->type), "signed",
			 quote->signed_by_ak, "hash",
			 quote->bank == _ATTEST_BANK_MAX ? NULL : hash_name(quote->bank),
			 "ak_name", json_name(quote->ak_name.bytes, quote->ak_name.size),
			 "signer", json_name(statement->signer.at, statement->signer.length),
			 "nonce", json_hex(statement->extra.at, statement->extra.length), "clock",
			 (json_int_t)statement->clock.clock, "reset_count",
			 (json_int_t)statement->clock.resets, "restart_count",
			 (json_int_t)statement->clock.restarts, "safe", statement->clock.safe,
			 "firmware_version", firmware, "pcr_digest",
			 json_hex(statement->digest.at, statement->digest.length), "pcrs",
			 verifier_json_pcrs(&quote->pcrs));
}

static void to_lines(const struct quote *quote)
{
	const struct statement *statement = &quote->statement;
	char hex[ATTEST_HEX_MAX];

	if (!quote->signed_by_ak)
		return;
	attest_text_hex(hex, statement->extra.at, statement->extra.length);
	printf("type: %s\nhash: %s\nnonce: %s\nclock: %" PRIu64 " ms\nreset count: %" PRIu32
	       "\nrestart count: %" PRIu32 "\nsafe: %s\nfirmware: %016" PRIx64 "\n",
	       statement_type_name(statement->type), hash_name(quote->bank), hex,
	       statement->clock.clock, statement->clock.resets, statement->clock.restarts,
	       statement->clock.safe ? "yes" : "no", statement->firmware);
	for (enum attest_bank bank = 0; bank < _ATTEST_BANK_MAX; bank++) {
		for (int pcr = 0; pcr < ATTEST_PCRS; pcr++) {
			if (!(quote->pcrs.has[bank] & 1u << pcr))
				continue;
			attest_text_hex(hex, quote->pcrs.value[bank][pcr], hash_size(bank));
			printf("%s %2d %s\n", hash_name(bank), pcr, hex);
		}
	}
}

static int read_files(const struct verifier *verifier, struct appraisal *appraisal)
{
	const struct {
		const char *path;
		size_t most;
		const char *code;
	} files[_FILE_MAX] = {
		[FILE_MESSAGE] = { verifier->message, STATEMENT_BYTES_MAX, "quote.missing" },
		[FILE_SIGNATURE] = { verifier->signature, SIGNATURE_BYTES_MAX, "quote.missing" },
		[FILE_AK] = { verifier->ak, UINT16_MAX, "ak.missing" },
		[FILE_EK] = { verifier->ek, PUBLIC_BYTES_MAX, "ek.missing" },
		[FILE_PCRS] = { verifier->pcrs, QUOTE_PCRS_MAX, "pcrs.missing" },
	};
	int r = 0;

	for (int i = 0; !r && i < _FILE_MAX; i++)
		if (files[i].path)
			r = verifier_file_read(files[i].path, files[i].most, files[i].code,
					       &appraisal->verdict, &appraisal->bytes[i],
					       &appraisal->length[i]);
	return r;
}

static struct hash_part part(const struct appraisal *appraisal, enum file file)
{
	return (struct hash_part){ appraisal->bytes[file], appraisal->length[file] };
}

static int appraise(const struct verifier *verifier, struct appraisal *appraisal)
{
	_cleanup_(hash_freep) struct hash *hash = hash_new();
	struct quote_evidence evidence;
	int r;

	if (!hash)
		return -ENOMEM;
	r = read_files(verifier, appraisal);
	if (r)
		return r;
	evidence = (struct quote_evidence){
		.message = part(appraisal, FILE_MESSAGE),
		.signature = part(appraisal, FILE_SIGNATURE),
		.pcrs = part(appraisal, FILE_PCRS),
		.ak = part(appraisal, FILE_AK),
		.ek = part(appraisal, FILE_EK),
		.nonce = { verifier->nonce_size ? verifier->nonce : NULL, verifier->nonce_size },
	};
	r = quote_check(&appraisal->quote, &evidence, hash, &appraisal->verdict);
	return !r && hash_failed(hash) ? -EIO : r;
}

enum verifier_exit verifier_quote(const struct verifier *verifier, const char *path)
{
	struct appraisal *appraisal;
	enum verifier_exit status;
	int r;

	(void)path;
	if (!verifier->message || !verifier->signature || !verifier->ak) {
		fprintf(stderr, "vtpm-verify: quote wants --msg, --sig and --ak: see vtpm-verify "
				"--help\n");
		return VERIFIER_EXIT_USAGE;
	}
	appraisal = calloc(1, sizeof(*appraisal));
	if (!appraisal)
		return verifier_end(verifier, NULL, NULL, -ENOMEM);
	appraisal->quote.bank = _ATTEST_BANK_MAX;
	r = appraise(verifier, appraisal);
	if (!verifier->json)
		to_lines(&appraisal->quote);
	status = verifier_end(verifier, &appraisal->verdict,
			      verifier->json ? verifier_json_quote(&appraisal->quote) : NULL, r);
	for (int i = 0; i < _FILE_MAX; i++)
		free(appraisal->bytes[i]);
	free(appraisal);
	return status;
}
