// SPDX-License-Identifier: BSD-3-Clause
/*
 * Options: one table, from which the command line is read and the help is made. They may
 * stand anywhere.
 */
#include "verifier/verifier.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/bundle.h"

/**
 * struct row - an option
 * @name: without its dashes
 * @argument: what its argument is called; NULL: it has none
 * @help: what it does
 * @take: read it; false: its argument is malformed
 */
struct row {
	const char *name;
	const char *argument;
	const char *help;
	bool (*take)(struct verifier *verifier, const char *text);
};

static bool take_json(struct verifier *verifier, const char *text)
{
	(void)text;
	verifier->json = true;
	return true;
}

static bool take_pcrs(struct verifier *verifier, const char *text)
{
	verifier->pcrs = text;
	return *text;
}

static bool take_accept(struct verifier *verifier, const char *text)
{
	verifier->accept_warning = true;
	return !strcmp(text, "warning");
}

static bool take_config(struct verifier *verifier, const char *text)
{
	verifier->config = text;
	return *text;
}

static bool take_format(struct verifier *verifier, const char *text)
{
	verifier->format = report_format_find(text);
	return verifier->format != _REPORT_FORMAT_MAX;
}

static bool take_events(struct verifier *verifier, const char *text)
{
	(void)text;
	verifier->events = true;
	return true;
}

static bool take_output(struct verifier *verifier, const char *text)
{
	verifier->output = text;
	return *text;
}

static bool take_verify(struct verifier *verifier, const char *text)
{
	verifier->verify = text;
	return *text;
}

static bool take_trust(struct verifier *verifier, const char *text)
{
	verifier->trust = text;
	return *text;
}

static bool take_message(struct verifier *verifier, const char *text)
{
	verifier->message = text;
	return *text;
}

static bool take_signature(struct verifier *verifier, const char *text)
{
	verifier->signature = text;
	return *text;
}

static bool take_ak(struct verifier *verifier, const char *text)
{
	verifier->ak = text;
	return *text;
}

static bool take_ek(struct verifier *verifier, const char *text)
{
	verifier->ek = text;
	return *text;
}

/* As tpm2_checkquote has it: digits, or a file with the bytes themselves. */
static bool take_nonce(struct verifier *verifier, const char *text)
{
	FILE *file;

	if (*text && attest_text_unhex(verifier->nonce, sizeof(verifier->nonce), text,
				       strlen(text), &verifier->nonce_size))
		return verifier->nonce_size;
	file = fopen(text, "re");
	if (!file)
		return false;
	verifier->nonce_size = fread(verifier->nonce, 1, sizeof(verifier->nonce), file);
	if (fgetc(file) != EOF)
		verifier->nonce_size = 0;
	fclose(file);
	return verifier->nonce_size;
}

static bool take_vtpm(struct verifier *verifier, const char *text)
{
	verifier->has_vtpm = bundle_uuid(text, verifier->vtpm);
	return verifier->has_vtpm;
}

static bool take_epoch(struct verifier *verifier, const char *text)
{
	char *end;

	errno = 0;
	verifier->epoch = strtoull(text, &end, 10);
	verifier->has_epoch = *text >= '0' && *text <= '9' && !*end && !errno;
	return verifier->has_epoch;
}

static bool take_ca(struct verifier *verifier, const char *text)
{
	if (verifier->ca_count == VERIFIER_CAS)
		return false;
	verifier->cas[verifier->ca_count++] = text;
	return *text;
}

static bool take_crl(struct verifier *verifier, const char *text)
{
	verifier->crl = text;
	return true;
}

static bool take_chain(struct verifier *verifier, const char *text)
{
	verifier->chain = text;
	return *text;
}

static bool take_policy(struct verifier *verifier, const char *text)
{
	verifier->policy = text;
	return *text;
}

static bool take_ima_policy(struct verifier *verifier, const char *text)
{
	verifier->ima_policy = text;
	return *text;
}

static bool take_host(struct verifier *verifier, const char *text)
{
	verifier->host = text;
	return *text;
}

static bool take_files(struct verifier *verifier, const char *text)
{
	(void)text;
	verifier->files = true;
	return true;
}

static bool take_vtpm_policy(struct verifier *verifier, const char *text)
{
	verifier->vtpm_policy = text;
	return *text;
}

static bool take_app_key(struct verifier *verifier, const char *text)
{
	verifier->app_key = text;
	return *text;
}

static bool take_help(struct verifier *verifier, const char *text)
{
	(void)text;
	verifier->help = true;
	return true;
}

static bool take_version(struct verifier *verifier, const char *text)
{
	(void)text;
	verifier->version = true;
	return true;
}

static const struct row rows[] = {
	{ "accept", "warning", "a warning is no failure: exit status 0", take_accept },
	{ "json", NULL, "print the whole result for scripts", take_json },
	{ "pcrs", "FILE", "PCR values: of tpm2_pcrread, tpm2_quote, or JSON", take_pcrs },
	{ "msg", "FILE", "what the TPM said (TPMS_ATTEST)", take_message },
	{ "sig", "FILE", "its signature (TPMT_SIGNATURE, or plain)", take_signature },
	{ "ak", "FILE", "key that signs (PEM, DER, TPM2B_PUBLIC, TPMT_PUBLIC)", take_ak },
	{ "ek", "FILE", "its parent (TPM2B_PUBLIC, TPMT_PUBLIC)", take_ek },
	{ "nonce", "HEX|FILE", "what the quote has to answer", take_nonce },
	{ "ca", "PATH", "certificates to believe; a file or folder, may come again", take_ca },
	{ "crl", "FILE", "what the fleet's CA took back: its list, DER or PEM", take_crl },
	{ "chain", "PATH", "certificates that may stand between", take_chain },
	{ "config", "FILE", "of the service: its store, its CA and more", take_config },
	{ "format", "FORMAT", "of a report: table, json, csv or html", take_format },
	{ "events", NULL, "a report with what happened (-e)", take_events },
	{ "output", "FILE", "write a report there, and its signature to FILE.sig", take_output },
	{ "verify", "FILE", "check the signature of a report", take_verify },
	{ "trust", "FILE", "certificate of the CA that signed it", take_trust },
	{ "policy", "FILE", "what the host has to be (JSON)", take_policy },
	{ "ima-policy", "FILE", "files it may have measured (JSON of keylime)", take_ima_policy },
	{ "host", "FILE", "bundle of the host that vouches, where a vTPM's has but its quote",
	  take_host },
	{ "files", NULL, "name each file that the host measured", take_files },
	{ "vtpm", "UUID", "the vTPM that a deep quote has to be about", take_vtpm },
	{ "epoch", "N", "the epoch that it has to be in", take_epoch },
	{ "vtpm-policy", "FILE", "what the vTPM has to be (as --policy)", take_vtpm_policy },
	{ "app-key", "FILE", "the key that the vTPM certified (formats of --ak)", take_app_key },
	{ "help", NULL, "print this", take_help },
	{ "version", NULL, "print the version", take_version },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

void verifier_options_help(void)
{
	char option[32];

	printf("\nOptions:\n");
	for (size_t i = 0; i < ROWS; i++) {
		snprintf(option, sizeof(option), "--%s%s%s", rows[i].name,
			 rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		printf("  %-20s%s\n", option, rows[i].help);
	}
}

static enum verifier_exit refuse(const char *what, const char *which)
{
	fprintf(stderr, "vtpm-verify: %s%s: see vtpm-verify --help\n", what, which);
	return VERIFIER_EXIT_USAGE;
}

enum verifier_exit verifier_options_parse(struct verifier *ret, int argc, char **argv)
{
	struct option options[ROWS + 1] = { 0 };
	int which, option;

	*ret = (struct verifier){ 0 };
	for (size_t i = 0; i < ROWS; i++)
		options[i] = (struct option){ rows[i].name,
					      rows[i].argument ? required_argument : no_argument,
					      NULL, 'o' };
	opterr = 0;
	while ((option = getopt_long(argc, argv, "e", options, &which)) != -1) {
		if (option == 'e') {
			ret->events = true;
			continue;
		}
		if (option != 'o')
			return refuse("an option is unknown, or has no argument or one too many: ",
				      argv[optind - 1]);
		if (!rows[which].take(ret, optarg))
			return refuse("malformed argument of --", rows[which].name);
	}
	for (; optind < argc; optind++) {
		if (ret->word_count == VERIFIER_WORDS)
			return refuse("too many arguments: ", argv[optind]);
		ret->words[ret->word_count++] = argv[optind];
	}
	return 0;
}
