// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands on a fleet that need no service: whoever may open its file may do them.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "base/text.h"
#include "verifier/authority.h"
#include "verifier/ca.h"
#include "verifier/place.h"
#include "verifier/verifier.h"

#define TOKEN_SECONDS 86400
#define REPORT_MOST   (1u << 30)

static enum verifier_exit fail(const char *what, const char *why)
{
	fprintf(stderr, "vtpm-verify: %s: %s\n", what, why);
	return VERIFIER_EXIT_USAGE;
}

static void freep(char **text)
{
	free(*text);
}

/* What opens it all */

enum verifier_exit place_config(const struct verifier *verifier, struct config *ret)
{
	char reason[256];

	if (!verifier->config)
		return fail("--config is missing", "name the configuration of the service");
	if (config_read(verifier->config, reason, sizeof(reason), ret))
		return fail(verifier->config, reason);
	return VERIFIER_EXIT_PASSED;
}

enum verifier_exit place_fleet(const struct config *config, struct fleet **ret)
{
	char reason[256] = "out of memory";

	if (fleet_open(config->database, reason, sizeof(reason), ret))
		return fail(config->database, reason);
	return VERIFIER_EXIT_PASSED;
}

/* Return: is there one, or need there be none? */
static bool read_passphrase(const struct config *config, char ret[PLACE_PASSPHRASE])
{
	FILE *file;
	bool good;

	*ret = '\0';
	if (!*config->passphrase_file)
		return true;
	file = fopen(config->passphrase_file, "re");
	good = file && fgets(ret, PLACE_PASSPHRASE, file);
	ret[strcspn(ret, "\r\n")] = '\0';
	if (file)
		fclose(file);
	return good && *ret;
}

enum verifier_exit place_ca(const struct config *config, struct ca **ret)
{
	char reason[256] = "out of memory", passphrase[PLACE_PASSPHRASE];
	int r;

	if (!read_passphrase(config, passphrase))
		return fail(config->passphrase_file, "there is no passphrase in its first line");
	r = ca_open(config->ca, *passphrase ? passphrase : NULL, reason, sizeof(reason), ret);
	secret_wipe(passphrase, sizeof(passphrase));
	return r ? fail(config->ca, reason) : VERIFIER_EXIT_PASSED;
}

/* ca crl */

static enum verifier_exit print_crl(const struct verifier *verifier)
{
	enum verifier_exit status;
	struct fleet *fleet = NULL;
	struct config config;
	struct ca *ca = NULL;
	uint8_t *der = NULL;
	int length = -1;

	status = place_config(verifier, &config);
	if (!status)
		status = place_ca(&config, &ca);
	if (!status)
		status = place_fleet(&config, &fleet);
	if (!status)
		length = authority_crl(fleet, ca, time(NULL), &der);
	if (!status &&
	    (length <= 0 || PEM_write(stdout, PEM_STRING_X509_CRL, "", der, length) <= 0))
		status = fail("ca crl", "the store cannot be read, or the list not be written");
	if (length > 0)
		OPENSSL_free(der);
	fleet_close(fleet);
	ca_close(ca);
	return status;
}

/* ca init */

enum verifier_exit verifier_ca(const struct verifier *verifier, const char *word)
{
	char reason[256] = "", passphrase[PLACE_PASSPHRASE];
	enum verifier_exit status;
	struct config config;
	int r;

	if (!strcmp(word, "crl"))
		return print_crl(verifier);
	if (strcmp(word, "init"))
		return fail(word, "of a CA there are \"init\" and \"crl\"");
	status = place_config(verifier, &config);
	if (status)
		return status;
	if (!read_passphrase(&config, passphrase))
		return fail(config.passphrase_file, "there is no passphrase in its first line");
	r = ca_init(config.ca, *passphrase ? passphrase : NULL, reason, sizeof(reason));
	secret_wipe(passphrase, sizeof(passphrase));
	return r ? fail(config.ca, reason) : VERIFIER_EXIT_PASSED;
}

/* grant */

static enum fleet_role find_role(const char *name)
{
	static const enum fleet_role roles[] = { FLEET_VIEWER, FLEET_OPERATOR, FLEET_ADMIN,
						 FLEET_ENROL };

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(fleet_role_name(roles[i]), name))
			return roles[i];
	return FLEET_NOBODY;
}

static enum verifier_exit grant(struct fleet *fleet, const struct fleet_pass *pass)
{
	int64_t until = pass->role == FLEET_ENROL ? time(NULL) + TOKEN_SECONDS : 0;
	char secret[FLEET_SECRET];

	if (fleet_secret_new(secret) || fleet_begin(fleet, true))
		return fail("grant", "no random bytes, or the store is busy: try again");
	if (fleet_end(fleet, !fleet_pass_add(fleet, secret, strlen(secret), pass, until)))
		return fail("grant", "the store cannot be written: look at its disk");
	printf("%s\n", secret);
	secret_wipe(secret, sizeof(secret));
	return VERIFIER_EXIT_PASSED;
}

enum verifier_exit verifier_grant(const struct verifier *verifier, const char *word)
{
	struct fleet_pass pass = { .role = find_role(word) };
	enum verifier_exit status;
	struct fleet *fleet;
	struct config config;

	if (pass.role == FLEET_NOBODY)
		return fail(word, "a role is viewer, operator, admin, or enrol for a token");
	text_cut(pass.name, sizeof(pass.name), verifier->words[2]);
	status = place_config(verifier, &config);
	if (!status)
		status = place_fleet(&config, &fleet);
	if (status)
		return status;
	status = grant(fleet, &pass);
	fleet_close(fleet);
	return status;
}

/* report */

static bool signature_path(const char *path, char ret[PATH_MAX])
{
	int length = snprintf(ret, PATH_MAX, "%s.sig", path);

	return length > 0 && length < PATH_MAX;
}

static bool save(const char *path, const void *bytes, size_t length)
{
	FILE *file = fopen(path, "we");
	bool good;

	if (!file)
		return false;
	good = fwrite(bytes, 1, length, file) == length && !fflush(file) && !fsync(fileno(file));
	return !fclose(file) && good;
}

static enum verifier_exit save_signed(const struct config *config, const char *path,
				      const char *text, size_t length)
{
	uint8_t signature[CA_SIGNATURE_MAX];
	enum verifier_exit status;
	char beside[PATH_MAX];
	struct ca *ca;
	size_t size;
	int r;

	status = place_ca(config, &ca);
	if (status)
		return status;
	r = ca_sign(ca, CA_WORDS_REPORT, text, length, signature, &size);
	ca_close(ca);
	if (r || !signature_path(path, beside) || !save(path, text, length) ||
	    !save(beside, signature, size))
		return fail(path, "it, or its signature, cannot be written");
	return VERIFIER_EXIT_PASSED;
}

static enum verifier_exit verify(const struct verifier *verifier)
{
	_cleanup_(freep) char *text = NULL, *signature = NULL;
	struct attest_verdict verdict = { 0 };
	char beside[PATH_MAX];
	size_t length, size;
	int r;

	if (!verifier->trust)
		return fail("--trust is missing", "name the certificate of the CA");
	r = verifier_file_read(verifier->verify, REPORT_MOST, "report.missing", &verdict, &text,
			       &length);
	if (!r && signature_path(verifier->verify, beside))
		r = verifier_file_read(beside, CA_SIGNATURE_MAX, "report.unsigned", &verdict,
				       &signature, &size);
	if (!r) {
		r = ca_verify(verifier->trust, CA_WORDS_REPORT, text, length, signature, size);
		if (r == -EIO)
			return fail(verifier->trust, "there is no certificate in it");
		if (r)
			attest_verdict_say(&verdict, ATTEST_FAILED, "report.signature",
					   "ask for the report again",
					   "this CA did not sign this report");
	}
	r = verdict.malformed ? -EBADMSG : r == -EKEYREJECTED ? 0 : r;
	return verifier_end(verifier, &verdict, verifier->json ? json_object() : NULL, r);
}

enum verifier_exit verifier_report(const struct verifier *verifier, const char *word)
{
	_cleanup_(freep) char *text = NULL;
	enum verifier_exit status;
	struct fleet *fleet;
	struct config config;
	size_t length;
	int r;

	(void)word;
	if (verifier->verify)
		return verify(verifier);
	status = place_config(verifier, &config);
	if (!status)
		status = place_fleet(&config, &fleet);
	if (status)
		return status;
	r = report_new(fleet, config.name, time(NULL), verifier->format, verifier->events, &text,
		       &length);
	fleet_close(fleet);
	if (r)
		return fail("report", "the store cannot be read, or there is no memory");
	if (verifier->output)
		return save_signed(&config, verifier->output, text, length);
	return fwrite(text, 1, length, stdout) == length ? VERIFIER_EXIT_PASSED
							  : fail("report", "cannot be printed");
}
