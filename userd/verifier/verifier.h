/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vtpm-verify: what was asked on the command line, and how it ended.
 *
 * main.c reads the command line into a struct verifier, command.c finds the command, its
 * function reads the evidence, has it appraised by attest/ and prints the verdict.
 */
#ifndef VERIFIER_VERIFIER_H
#define VERIFIER_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "attest/attest.h"
#include "attest/ekcert.h"
#include "attest/hash.h"
#include "attest/quote.h"
#include "verifier/report.h"
#include "verifier/standing.h"
#include "wire/leaf.h"

#define VERIFIER_VERSION "0.1"
#define VERIFIER_WORDS	 4
#define VERIFIER_CAS	 64
#define VERIFIER_NONCE_MAX 66 /* Part 2, 10.4.3 TPM2B_DATA: a TPMT_HA */

/**
 * enum verifier_exit - exit statuses; stable, described in vtpm-verify.1
 * @VERIFIER_EXIT_PASSED: the evidence passed
 * @VERIFIER_EXIT_FAILED: it is well-formed, and failed
 * @VERIFIER_EXIT_MALFORMED: it is malformed, or cannot be read
 * @VERIFIER_EXIT_USAGE: bad command line, or an error of this program
 * @VERIFIER_EXIT_WARNING: it passed, with warnings
 * @VERIFIER_EXIT_UNKNOWN: it says too little, or is of a kind that cannot be appraised
 */
enum verifier_exit {
	VERIFIER_EXIT_PASSED = 0,
	VERIFIER_EXIT_FAILED = 1,
	VERIFIER_EXIT_MALFORMED = 2,
	VERIFIER_EXIT_USAGE = 3,
	VERIFIER_EXIT_WARNING = 4,
	VERIFIER_EXIT_UNKNOWN = 5,
};

/**
 * struct verifier - the command line
 * @json: print for scripts
 * @accept_warning: a warning is no failure
 * @pcrs: file of PCR values; NULL for none
 * @message: of a quote
 * @signature: of it
 * @ak: key that signed it
 * @ek: parent of that key; NULL for none
 * @nonce: that was asked for
 * @nonce_size: bytes of it; 0: none
 * @cas: files and folders of certificates, whose roots are believed
 * @ca_count: how many
 * @chain: certificates that may stand between; NULL for none
 * @crl: list of the fleet's CA; NULL for none
 * @config: file of the service
 * @format: of a report
 * @events: a report has them
 * @output: file of a report; NULL: standard output
 * @verify: report to check
 * @trust: certificate of the CA that signed it
 * @policy: what a host has to be; NULL for none
 * @vtpm_policy: what a vTPM has to be that a host vouches for; NULL for none
 * @app_key: file of the application key that a vTPM has to have; NULL: any, or none
 * @ima_policy: which files it may have measured; NULL for none
 * @host: the host's own bundle, for one that came through a vTPM's node; NULL for none
 * @files: print each file that the host measured
 * @vtpm: UUID that a vTPM has to have, where @has_vtpm
 * @epoch: that it has to be in, where @has_epoch
 * @has_vtpm: somebody says
 * @has_epoch: somebody says
 * @help: asked for help
 * @version: asked for the version
 * @words: what is no option: command, then its arguments
 * @word_count: how many
 */
struct verifier {
	bool json;
	bool accept_warning;
	const char *pcrs;
	const char *message;
	const char *signature;
	const char *ak;
	const char *ek;
	uint8_t nonce[VERIFIER_NONCE_MAX];
	size_t nonce_size;
	const char *cas[VERIFIER_CAS];
	size_t ca_count;
	const char *chain;
	const char *crl;
	const char *config;
	enum report_format format;
	bool events;
	const char *output;
	const char *verify;
	const char *trust;
	const char *policy;
	const char *vtpm_policy;
	const char *app_key;
	const char *ima_policy;
	const char *host;
	bool files;
	uint8_t vtpm[LEAF_UUID];
	uint64_t epoch;
	bool has_vtpm;
	bool has_epoch;
	bool help;
	bool version;
	const char *words[VERIFIER_WORDS];
	size_t word_count;
};

/**
 * verifier_options_parse() - read the command line
 * @ret: what it says
 * @argc: of main()
 * @argv: of main()
 *
 * Return: 0, or VERIFIER_EXIT_USAGE after a line that says why.
 */
enum verifier_exit verifier_options_parse(struct verifier *ret, int argc, char **argv);

/** verifier_options_help() - print the options */
void verifier_options_help(void);

/** verifier_command_run() - do what was asked */
enum verifier_exit verifier_command_run(const struct verifier *verifier);

/** verifier_eventlog(), verifier_ima() - the commands; @path is of the evidence */
enum verifier_exit verifier_eventlog(const struct verifier *verifier, const char *path);
enum verifier_exit verifier_ima(const struct verifier *verifier, const char *path);

/** verifier_ca(), ..grant(), ..serve(), ..report() - of a fleet; @word follows the command */
enum verifier_exit verifier_ca(const struct verifier *verifier, const char *word);
enum verifier_exit verifier_grant(const struct verifier *verifier, const char *word);
enum verifier_exit verifier_serve(const struct verifier *verifier, const char *word);
enum verifier_exit verifier_hosts(const struct verifier *verifier, const char *word);
enum verifier_exit verifier_share(const struct verifier *verifier, const char *word);
enum verifier_exit verifier_report(const struct verifier *verifier, const char *word);

/** verifier_quote() - the command; its evidence is named by options, @path is NULL */
enum verifier_exit verifier_quote(const struct verifier *verifier, const char *path);

/** verifier_appraise(), verifier_learn() - the commands; @path is of a bundle */
enum verifier_exit verifier_appraise(const struct verifier *verifier, const char *path);
enum verifier_exit verifier_learn(const struct verifier *verifier, const char *path);

/** verifier_ekcert() - the command; @path is of the certificate */
enum verifier_exit verifier_ekcert(const struct verifier *verifier, const char *path);

/**
 * verifier_store_add() - take certificates from a file, or from all files of a folder
 * @store: to add to
 * @path: of it
 * @believed: roots among them are roots
 * @verdict: hears "ca.missing" and "ca.invalid"
 *
 * Return: 0; -EBADMSG (the verdict says why); -ENAMETOOLONG; -ENOMEM.
 */
int verifier_store_add(struct ekcert_store *store, const char *path, bool believed,
		       struct attest_verdict *verdict);

/** verifier_json_quote() - what a quote came to; NULL without memory */
json_t *verifier_json_quote(const struct quote *quote);

/**
 * verifier_file_read() - read a file of evidence
 * @path: of it
 * @most: bytes it may have
 * @code: of the reason where it cannot be read, such as "log.missing"
 * @verdict: hears that reason
 * @ret: bytes and a NUL; the caller frees them
 * @ret_length: without the NUL
 *
 * Return: 0; -EBADMSG (the verdict says why); -ENOMEM.
 */
int verifier_file_read(const char *path, size_t most, const char *code,
		       struct attest_verdict *verdict, char **ret, size_t *ret_length);

/** verifier_boot_id() - of the machine it runs on; empty where nobody can say */
void verifier_boot_id(char ret[STANDING_ID]);

/**
 * verifier_pcrs_read() - read the file of --pcrs
 * @verifier: names it
 * @verdict: hears what is wrong with it, or that there is none
 * @ret: the values
 * @ret_given: there is a file
 *
 * Return: as verifier_file_read().
 */
int verifier_pcrs_read(const struct verifier *verifier, struct attest_verdict *verdict,
		       struct attest_pcrs *ret, bool *ret_given);

/** verifier_json_verdict() - add a verdict to an object. Return: 0; otherwise there is no memory */
int verifier_json_verdict(json_t *root, const struct attest_verdict *verdict);

/** verifier_json_pcrs() - {"sha256": {"0": "hex"}}; NULL without memory */
json_t *verifier_json_pcrs(const struct attest_pcrs *pcrs);

/**
 * verifier_end() - print the verdict, and find the exit status
 * @verifier: says how
 * @verdict: of the appraisal
 * @root: with all else, for scripts; taken over; NULL without memory or without --json
 * @error: 0 or -EBADMSG; otherwise there is no verdict
 */
enum verifier_exit verifier_end(const struct verifier *verifier,
				const struct attest_verdict *verdict, json_t *root, int error);

#endif /* VERIFIER_VERIFIER_H */
