// SPDX-License-Identifier: BSD-3-Clause
/*
 * The fleet's CA (ca.h has its model).
 */
#include "verifier/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "cert/authority.h"
#include "cert/draft.h"
#include "seal/crypto.h"
#include "verifier/authority.h"

#define SECONDS_OF_AK (365 * 86400L)
#define SECONDS_OF_CA (10 * SECONDS_OF_AK)
#define SECONDS_OF_AUTHORITY (5 * SECONDS_OF_AK)
/* tcg-kp-AIKCertificate (TCG Credential Profiles, 2.23.133.8.3) */
#define EKU_AK "2.23.133.8.3"

struct ca {
	EVP_PKEY *key;
	X509 *certificate;
};

static void keyp(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void certificatep(X509 **certificate)
{
	X509_free(*certificate);
}

static void filep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static void digestp(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

/* Certificates */

static int put_certificate(X509 *certificate, uint8_t ret[CA_CERTIFICATE_MAX], size_t *ret_size)
{
	int size = i2d_X509(certificate, NULL);
	unsigned char *to = ret;

	if (size <= 0 || size > CA_CERTIFICATE_MAX)
		return -EIO;
	*ret_size = (size_t)i2d_X509(certificate, &to);
	return 0;
}

int ca_certify(struct ca *ca, EVP_PKEY *key, struct authority_row *row,
	       uint8_t ret[CA_CERTIFICATE_MAX], size_t *ret_size)
{
	const struct draft_wish wish = {
		.key = key,
		.name = row->host,
		.issuer = ca->certificate,
		.until = time(NULL) + SECONDS_OF_AK,
	};
	_cleanup_(certificatep) X509 *certificate = draft_new(&wish, row->serial);

	if (!certificate ||
	    !draft_extend(certificate, wish.issuer, NID_basic_constraints, "critical,CA:FALSE") ||
	    !draft_extend(certificate, wish.issuer, NID_key_usage, "critical,digitalSignature") ||
	    !draft_extend(certificate, wish.issuer, NID_ext_key_usage, EKU_AK) ||
	    !draft_extend(certificate, wish.issuer, NID_authority_key_identifier, "keyid") ||
	    !X509_sign(certificate, ca->key, EVP_sha256()))
		return -EIO;
	row->until = wish.until;
	return put_certificate(certificate, ret, ret_size);
}

/* The certificate of a CA ends with that of the one above it at the latest. */
static time_t end_of_authority(const struct ca *ca)
{
	time_t until = time(NULL) + SECONDS_OF_AUTHORITY, above = 0;
	struct tm last;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(ca->certificate), &last) == 1)
		above = timegm(&last);
	return until < above ? until : above;
}

int ca_certify_authority(struct ca *ca, EVP_PKEY *key, struct authority_row *row,
			 uint8_t ret[CA_CERTIFICATE_MAX], size_t *ret_size)
{
	const struct draft_wish wish = {
		.key = key,
		.name = row->host,
		.unit = AUTHORITY_UNIT,
		.issuer = ca->certificate,
		.until = end_of_authority(ca),
	};
	_cleanup_(certificatep) X509 *certificate = NULL;
	const ASN1_OCTET_STRING *keyid;

	if (X509_get_pathlen(ca->certificate) == 0)
		return -EPERM;
	certificate = draft_new(&wish, row->serial);
	if (!certificate || !authority_extend(certificate, wish.issuer) ||
	    !X509_sign(certificate, ca->key, EVP_sha256()))
		return -EIO;
	keyid = X509_get0_subject_key_id(certificate);
	if (!keyid || ASN1_STRING_length(keyid) != sizeof(row->keyid))
		return -EIO;
	cursor_copy(row->keyid, sizeof(row->keyid), ASN1_STRING_get0_data(keyid),
		    sizeof(row->keyid));
	row->until = wish.until;
	return put_certificate(certificate, ret, ret_size);
}

size_t ca_der(const struct ca *ca, uint8_t ret[CA_CERTIFICATE_MAX])
{
	size_t size;

	return put_certificate(ca->certificate, ret, &size) ? 0 : size;
}

int ca_derive(struct ca *ca, const char *label, uint8_t ret[32])
{
	uint8_t scalar[SEAL_SCALAR_SIZE];
	BIGNUM *number = NULL;
	int r = -EIO;

	if (EVP_PKEY_get_bn_param(ca->key, OSSL_PKEY_PARAM_PRIV_KEY, &number) &&
	    BN_bn2binpad(number, scalar, sizeof(scalar)) == sizeof(scalar))
		r = seal_derive((struct seal_bytes){ scalar, sizeof(scalar) },
				(struct seal_bytes){ 0 }, label, (struct seal_bytes){ 0 }, ret,
				SEAL_KEY_SIZE);
	secret_wipe(scalar, sizeof(scalar));
	BN_clear_free(number);
	return r;
}

int ca_sign_crl(struct ca *ca, X509_CRL *crl)
{
	return X509_CRL_sign(crl, ca->key, EVP_sha256()) ? 0 : -EIO;
}

/* Files */

static int fail(char *reason, size_t room, int error, const char *format, const char *what)
{
	char cause[128];

	snprintf(cause, sizeof(cause), "%s", what);
	snprintf(reason, room, "%s%s", format, cause);
	return error;
}

static bool path_of(char *to, size_t room, const char *directory, const char *name)
{
	int length = snprintf(to, room, "%s/%s", directory, name);

	return length > 0 && (size_t)length < room;
}

/* O_EXCL: a CA is never written over. */
static FILE *create(const char *directory, const char *name, mode_t mode)
{
	char path[4096];
	int fd;

	if (!path_of(path, sizeof(path), directory, name))
		return NULL;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static bool write_key(FILE *file, EVP_PKEY *key, const char *passphrase)
{
	int length = passphrase ? (int)strlen(passphrase) : 0;

	return PEM_write_PKCS8PrivateKey(file, key, passphrase ? EVP_aes_256_cbc() : NULL,
					 passphrase, length, NULL, NULL) == 1 &&
	       !fflush(file) && !fsync(fileno(file));
}

int ca_init(const char *directory, const char *passphrase, char *reason, size_t room)
{
	_cleanup_(keyp) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(certificatep) X509 *certificate = NULL;
	_cleanup_(filep) FILE *key_file = NULL, *file = NULL;

	const struct draft_wish wish = {
		.key = key,
		.name = "vtpm fleet CA",
		.until = time(NULL) + SECONDS_OF_CA,
	};

	certificate = key ? draft_new(&wish, NULL) : NULL;
	if (!certificate ||
	    !draft_extend(certificate, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:1") ||
	    !draft_extend(certificate, NULL, NID_key_usage,
			  "critical,keyCertSign,cRLSign,digitalSignature") ||
	    !draft_extend(certificate, NULL, NID_subject_key_identifier, "hash") ||
	    !X509_sign(certificate, key, EVP_sha256()))
		return fail(reason, room, -EIO, "libcrypto failed", "");
	if (mkdir(directory, 0700) && errno != EEXIST)
		return fail(reason, room, -EIO, "cannot make the folder: ", strerror(errno));
	key_file = create(directory, "ca.key", 0600);
	file = key_file ? create(directory, "ca.pem", 0644) : NULL;
	if (!file)
		return fail(reason, room, errno == EEXIST ? -EEXIST : -EIO,
			    "cannot make ca.key and ca.pem: ", strerror(errno));
	if (!write_key(key_file, key, passphrase) || PEM_write_X509(file, certificate) != 1 ||
	    fflush(file) || fsync(fileno(file)))
		return fail(reason, room, -EIO, "cannot write: ", strerror(errno));
	return 0;
}

static int give_passphrase(char *to, int room, int writing, void *userdata)
{
	const char *passphrase = userdata;
	size_t length = passphrase ? strlen(passphrase) : 0;

	(void)writing;
	if (!length || length >= (size_t)room)
		return -1;
	return snprintf(to, (size_t)room, "%s", passphrase);
}

static int open_key(const char *directory, const char *passphrase, char *reason, size_t room,
		    EVP_PKEY **ret)
{
	_cleanup_(filep) FILE *file = NULL;
	char path[4096], *words = passphrase ? strdup(passphrase) : NULL;
	struct stat about;

	file = path_of(path, sizeof(path), directory, "ca.key") ? fopen(path, "re") : NULL;
	if (!file || fstat(fileno(file), &about)) {
		free(words);
		return fail(reason, room, -EIO, "cannot read ca.key: ", strerror(errno));
	}
	if (about.st_mode & 077) {
		free(words);
		return fail(reason, room, -EACCES,
			    "others may read ca.key: chmod 0600, and think of a new CA", "");
	}
	*ret = PEM_read_PrivateKey(file, NULL, give_passphrase, words);
	if (words)
		OPENSSL_cleanse(words, strlen(words));
	free(words);
	return *ret ? 0
		    : fail(reason, room, -EIO, "ca.key does not open: right passphrase?", "");
}

static X509 *read_certificate(const char *path)
{
	_cleanup_(filep) FILE *file = fopen(path, "re");

	return file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
}

int ca_open(const char *directory, const char *passphrase, char *reason, size_t room,
	    struct ca **ret)
{
	struct ca *ca = calloc(1, sizeof(*ca));
	char path[4096];
	int r;

	if (!ca)
		return -ENOMEM;
	r = open_key(directory, passphrase, reason, room, &ca->key);
	if (!r && path_of(path, sizeof(path), directory, "ca.pem"))
		ca->certificate = read_certificate(path);
	if (!r && !ca->certificate)
		r = fail(reason, room, -EIO, "there is no certificate in ca.pem", "");
	if (!r && X509_check_private_key(ca->certificate, ca->key) != 1)
		r = fail(reason, room, -EKEYREJECTED, "ca.key is not the key of ca.pem", "");
	if (r)
		ca_close(ca);
	else
		*ret = ca;
	return r;
}

void ca_close(struct ca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	X509_free(ca->certificate);
	free(ca);
}

X509 *ca_certificate(const struct ca *ca)
{
	return ca->certificate;
}

/* Reports and verdicts */

int ca_sign(struct ca *ca, const char *words, const void *bytes, size_t length,
	    uint8_t ret[CA_SIGNATURE_MAX], size_t *ret_size)
{
	_cleanup_(digestp) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = CA_SIGNATURE_MAX;

	if (!context ||
	    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, ca->key) != 1 ||
	    EVP_DigestSignUpdate(context, words, strlen(words) + 1) != 1 ||
	    EVP_DigestSignUpdate(context, bytes, length) != 1 ||
	    EVP_DigestSignFinal(context, ret, &size) != 1)
		return -EIO;
	*ret_size = size;
	return 0;
}

int ca_verify(const char *certificate, const char *words, const void *bytes, size_t length,
	      const void *signature, size_t size)
{
	_cleanup_(digestp) EVP_MD_CTX *context = EVP_MD_CTX_new();
	_cleanup_(certificatep) X509 *by = read_certificate(certificate);
	EVP_PKEY *key = by ? X509_get0_pubkey(by) : NULL;

	if (!context || !key)
		return -EIO;
	if (EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestVerifyUpdate(context, words, strlen(words) + 1) != 1 ||
	    EVP_DigestVerifyUpdate(context, bytes, length) != 1 ||
	    EVP_DigestVerifyFinal(context, signature, size) != 1)
		return -EKEYREJECTED;
	return 0;
}
