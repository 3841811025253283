// SPDX-License-Identifier: BSD-3-Clause
/*
 * vtpm-verify ekcert: one certificate of an endorsement key, and who vouches for it.
 */
#include "attest/ekcert.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "verifier/vtpmcert.h"

static void freep(char **bytes)
{
	free(*bytes);
}

static int add_file(struct ekcert_store *store, const char *path, bool believed,
		    struct attest_verdict *verdict)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t length;
	int r = verifier_file_read(path, EKCERT_BYTES_MAX, "ca.missing", verdict, &bytes, &length);

	if (!r)
		r = ekcert_store_add(store, (const uint8_t *)bytes, length, believed);
	if (r != -EBADMSG || verdict->malformed)
		return r;
	return attest_verdict_malformed(verdict, "ca.invalid", 0, 0,
					"a file of --ca or --chain has no certificates, or more than "
					"%d are given", EKCERT_STORE_MAX);
}

static int add_folder(struct ekcert_store *store, DIR *folder, const char *path, bool believed,
		      struct attest_verdict *verdict)
{
	struct dirent *entry;
	char name[4096];
	int r = 0;

	while (!r && (entry = readdir(folder))) {
		struct stat status;

		if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >=
		    sizeof(name))
			return -ENAMETOOLONG;
		if (!stat(name, &status) && S_ISREG(status.st_mode))
			r = add_file(store, name, believed, verdict);
	}
	return r;
}

int verifier_store_add(struct ekcert_store *store, const char *path, bool believed,
		       struct attest_verdict *verdict)
{
	DIR *folder = opendir(path);
	int r;

	if (!folder)
		return add_file(store, path, believed, verdict);
	r = add_folder(store, folder, path, believed, verdict);
	closedir(folder);
	return r;
}

static const char *const rollbacks[] = { "off", "lazy", "strict" };

static void uuid_text(const uint8_t *uuid, char ret[STANDING_ID])
{
	static const char form[STANDING_ID] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t digit = 0;

	for (size_t i = 0; i < STANDING_ID; i++) {
		ret[i] = form[i];
		if (form[i] != 'x')
			continue;
		ret[i] = "0123456789abcdef"[uuid[digit / 2] >> (digit % 2 ? 0 : 4) & 15];
		digit++;
	}
}

static json_t *vtpm_json(const struct vtpmcert *vtpm)
{
	char uuid[STANDING_ID];

	if (!vtpm->bound)
		return json_null();
	uuid_text(vtpm->binding.uuid, uuid);
	return json_pack("{s:s, s:I, s:b, s:s, s:s, s:I}", "uuid", uuid, "epoch",
			 (json_int_t)vtpm->binding.epoch, "hardware_protected",
			 vtpm->binding.protection == KEYD_PROTECTION_TPM, "rollback_protection",
			 rollbacks[vtpm->binding.rollback], "checked_by", vtpm->checked,
			 "checked_at", (json_int_t)vtpm->checked_at);
}

static void print_vtpm(const struct vtpmcert *vtpm)
{
	char uuid[STANDING_ID], at[32];
	time_t when = (time_t)vtpm->checked_at;
	struct tm tm;

	if (!vtpm->bound)
		return;
	uuid_text(vtpm->binding.uuid, uuid);
	printf("vtpm: %s\nepoch: %llu\nprotection: %s\nrollback protection: %s\n", uuid,
	       (unsigned long long)vtpm->binding.epoch,
	       vtpm->binding.protection == KEYD_PROTECTION_TPM ? "host TPM" : "none",
	       rollbacks[vtpm->binding.rollback]);
	if (*vtpm->checked && gmtime_r(&when, &tm) &&
	    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		attest_text_ascii(uuid, sizeof(uuid), (const uint8_t *)vtpm->checked,
				  strlen(vtpm->checked));
		printf("EK checked by %s, at %s\n", uuid, at);
	}
}

static json_t *to_json(const struct ekcert *certificate, const struct vtpmcert *vtpm)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:o}", "manufacturer",
			 certificate->manufacturer, "model", certificate->model, "version",
			 certificate->version, "serial", certificate->serial, "valid_until",
			 (json_int_t)certificate->valid_until, "chained", certificate->chained,
			 "vtpm", vtpm_json(vtpm));
}

static int read_ek(const struct verifier *verifier, char **bytes, struct public *ret,
		   struct attest_verdict *verdict)
{
	size_t length;
	int r;

	if (!verifier->ek)
		return 0;
	r = verifier_file_read(verifier->ek, PUBLIC_BYTES_MAX, "ek.missing", verdict, bytes,
			       &length);
	if (r || public_parse(ret, (const uint8_t *)*bytes, length))
		return r;
	return attest_verdict_malformed(verdict, "ek.invalid", 0, 0,
					"the endorsement key is no TPM2B_PUBLIC or TPMT_PUBLIC");
}

static int check(const struct verifier *verifier, const char *path, struct ekcert *ret,
		 struct vtpmcert *ret_vtpm, struct attest_verdict *verdict)
{
	_cleanup_(ekcert_store_freep) struct ekcert_store *store = ekcert_store_new();
	_cleanup_(freep) char *ek_bytes = NULL;
	_cleanup_(freep) char *bytes = NULL;
	struct public ek;
	size_t length;
	int r = store ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < verifier->ca_count; i++)
		r = verifier_store_add(store, verifier->cas[i], true, verdict);
	if (!r && verifier->chain)
		r = verifier_store_add(store, verifier->chain, false, verdict);
	if (!r)
		r = read_ek(verifier, &ek_bytes, &ek, verdict);
	if (!r)
		r = verifier_file_read(path, EKCERT_BYTES_MAX, "ek.missing", verdict, &bytes,
				       &length);
	if (!r)
		r = ekcert_check(ret, (const uint8_t *)bytes, length, store,
				 verifier->ek ? &ek : NULL, verdict);
	if (!r)
		r = vtpmcert_check(verifier, bytes, length, ret_vtpm, verdict);
	return r;
}

enum verifier_exit verifier_ekcert(const struct verifier *verifier, const char *path)
{
	struct attest_verdict *verdict = calloc(1, sizeof(*verdict));
	struct ekcert certificate = { 0 };
	struct vtpmcert vtpm = { 0 };
	enum verifier_exit status;
	int r;

	if (!verdict)
		return verifier_end(verifier, NULL, NULL, -ENOMEM);
	r = check(verifier, path, &certificate, &vtpm, verdict);
	if (!verifier->json)
		printf("manufacturer: %s\nmodel: %s\nversion: %s\nserial: %s\nchained: %s\n",
		       certificate.manufacturer, certificate.model, certificate.version,
		       certificate.serial, certificate.chained ? "yes" : "no");
	if (!verifier->json)
		print_vtpm(&vtpm);
	status = verifier_end(verifier, verdict,
			      verifier->json ? to_json(&certificate, &vtpm) : NULL, r);
	free(verdict);
	return status;
}
