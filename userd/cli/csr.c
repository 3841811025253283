// SPDX-License-Identifier: BSD-3-Clause
/*
 * See the header.
 *
 *	CreatePrimary			the attestation key
 *	CreatePrimary, CertifyCreation	the endorsement key, and that this TPM made it
 *	Hash, Sign			the request
 *	FlushContext			both
 *
 * A restricted key signs only what its TPM has hashed itself, and has found not to begin like
 * one of its own statements: the ticket of TPM2_Hash says so (Part 1, 26.2; Part 3, 15.4).
 */
#include "cli/csr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "attest/public.h"
#include "base/cleanup.h"
#include "base/secret.h"
#include "cli/tpm_client.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_CREATE_PRIMARY	0x131
#define TPM_CC_CERTIFY_CREATION 0x14a
#define TPM_CC_SIGN		0x15d
#define TPM_CC_HASH		0x17d

/* Part 2, 6.3 TPM_ALG_ID, 7.4 TPM_RH */
#define TPM_ALG_SHA256	   0x000b
#define TPM_RH_ENDORSEMENT 0x4000000b

/* What TPM2_Hash takes at once (Part 2, 10.4.8) */
#define HASH_MAX 1024

/* The EK templates' unique fields: zeros in the low range, none in the high one. */
static const struct {
	uint16_t type;
	uint16_t size;
	uint16_t zeros;
	unsigned int parts;
} uniques[] = {
	{ TPM_ALG_RSA, 256, 256, 1 },
	{ TPM_ALG_ECC, 32, 32, 2 },
	{ TPM_ALG_ECC, 48, 0, 2 },
};

struct evidence {
	struct tpm_bytes public;
	struct tpm_bytes statement;
	struct tpm_bytes signature;
};

struct work {
	struct tpm_client client;
	const struct csr_wish *wish;
	struct tpm_bytes ak;
	uint32_t ak_handle;
	struct evidence evidence;
	X509_REQ *request;
};

/* A sequence of the attribute's three strings. */
typedef struct {
	ASN1_OCTET_STRING *public;
	ASN1_OCTET_STRING *statement;
	ASN1_OCTET_STRING *signature;
} CSR_EVIDENCE;

ASN1_SEQUENCE(CSR_EVIDENCE) = {
	ASN1_SIMPLE(CSR_EVIDENCE, public, ASN1_OCTET_STRING),
	ASN1_SIMPLE(CSR_EVIDENCE, statement, ASN1_OCTET_STRING),
	ASN1_SIMPLE(CSR_EVIDENCE, signature, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(CSR_EVIDENCE)

static int failed(struct work *work)
{
	return refuse(work->client.reason, -EIO, "OpenSSL cannot make the request");
}

/*
 * The template that a key was made from: its public area with another unique field. Return:
 * false: it is no endorsement key of ours.
 */
static bool put_template(struct cursor_out *out, const struct csr_wish *wish)
{
	static const uint8_t zero[256];
	struct public public;

	if (!public_parse(&public, wish->public, wish->public_length))
		return false;
	for (size_t i = 0; i < sizeof(uniques) / sizeof(uniques[0]); i++) {
		size_t unique = (2 + (size_t)uniques[i].size) * uniques[i].parts;

		if (public.type != uniques[i].type || public.x.length != uniques[i].size)
			continue;
		cursor_put_raw(out, public.area.at, public.area.length - unique);
		for (unsigned int part = 0; part < uniques[i].parts; part++) {
			cursor_put_u16(out, uniques[i].zeros);
			cursor_put_raw(out, zero, uniques[i].zeros);
		}
		return !out->bad;
	}
	return false;
}

/* Part 3, 24.1: what CertifyCreation wants is behind the public area. */
static int make_ek(struct work *work, uint32_t *ret_handle, struct tpm_bytes *ret_hash,
		   struct tpm_bytes *ret_ticket)
{
	struct tpm_client *client = &work->client;
	const struct csr_wish *wish = work->wish;
	uint8_t bytes[TPM_STRUCTURE_MAX];
	struct cursor_out template = cursor_out(bytes, sizeof(bytes));
	struct tpm_bytes ignored;
	struct cursor_in ahead;
	int r;

	if (!wish->public || !put_template(&template, wish))
		return refuse(client->reason, -EINVAL,
			      "this key of the vTPM is not known yet: power cycle it (vtpmctl "
			      "reset), and try again");
	tpm_client_begin(client, TPM_ST_SESSIONS, TPM_CC_CREATE_PRIMARY);
	cursor_put_u32(&client->out, TPM_RH_ENDORSEMENT);
	tpm_client_password(client);
	cursor_put_u16(&client->out, 4); /* inSensitive: no userAuth, no data */
	cursor_put_u32(&client->out, 0);
	cursor_put_u16(&client->out, (uint16_t) template.used);
	cursor_put_raw(&client->out, template.base, template.used);
	cursor_put_u16(&client->out, 0); /* outsideInfo */
	cursor_put_u32(&client->out, 0); /* creationPCR */
	r = tpm_client_give(client, "make an endorsement key");
	if (r)
		return r;
	*ret_handle = cursor_get_u32(&client->in);
	cursor_get_u32(&client->in); /* parameterSize */
	tpm_client_keep(client, &client->in, cursor_get_u16(&client->in), &work->evidence.public);
	tpm_client_keep_sized(client, &ignored); /* creationData */
	tpm_client_keep_sized(client, ret_hash);
	/* TPMT_TK_CREATION (Part 2, 10.6.3): tag, hierarchy, digest */
	ahead = client->in;
	cursor_get_bytes(&ahead, 2 + 4);
	tpm_client_keep(client, &client->in, (size_t)8 + cursor_get_u16(&ahead), ret_ticket);
	if (client->in.bad)
		return tpm_client_nonsense(client, "make an endorsement key");
	if (work->evidence.public.length == wish->public_length &&
	    secret_equal(work->evidence.public.at, wish->public, wish->public_length))
		return 0;
	return refuse(client->reason, -ENOENT,
		      "the vTPM makes another key from this template than vtpmd knows: its "
		      "endorsement seed was changed; `vtpmctl cert renew` and `vtpmctl reset` look "
		      "again");
}

/* Part 3, 18.3 */
static int certify_creation(struct work *work, uint32_t ek, const struct tpm_bytes *hash,
			    const struct tpm_bytes *ticket)
{
	struct tpm_client *client = &work->client;
	struct cursor_in parameters;
	int r;

	tpm_client_begin(client, TPM_ST_SESSIONS, TPM_CC_CERTIFY_CREATION);
	cursor_put_u32(&client->out, work->ak_handle);
	cursor_put_u32(&client->out, ek);
	tpm_client_password(client);
	cursor_put_u16(&client->out, 0); /* qualifyingData */
	cursor_put_raw(&client->out, hash->at, hash->length);
	cursor_put_u16(&client->out, TPM_ALG_NULL);
	cursor_put_raw(&client->out, ticket->at, ticket->length);
	r = tpm_client_give(client, "certify an endorsement key");
	if (r)
		return r;
	parameters = cursor_sub(&client->in, cursor_get_u32(&client->in));
	tpm_client_keep(client, &parameters, cursor_get_u16(&parameters),
			&work->evidence.statement);
	tpm_client_keep(client, &parameters, parameters.left, &work->evidence.signature);
	return client->in.bad ? tpm_client_nonsense(client, "certify an endorsement key") : 0;
}

static int gather(struct work *work)
{
	struct tpm_bytes hash, ticket;
	uint32_t ek = 0;
	int r = make_ek(work, &ek, &hash, &ticket);

	if (!r)
		r = certify_creation(work, ek, &hash, &ticket);
	if (ek) {
		struct reason *reason = work->client.reason, ignored;

		work->client.reason = &ignored;
		tpm_client_flush(&work->client, ek);
		work->client.reason = reason;
	}
	return r;
}

static bool add_evidence(struct work *work)
{
	const struct evidence *from = &work->evidence;
	CSR_EVIDENCE *evidence = (CSR_EVIDENCE *)ASN1_item_new(ASN1_ITEM_rptr(CSR_EVIDENCE));
	unsigned char *der = NULL;
	int size = -1;

	if (evidence &&
	    ASN1_OCTET_STRING_set(evidence->public, from->public.at, (int)from->public.length) &&
	    ASN1_OCTET_STRING_set(evidence->statement, from->statement.at,
				  (int)from->statement.length) &&
	    ASN1_OCTET_STRING_set(evidence->signature, from->signature.at,
				  (int)from->signature.length))
		size = ASN1_item_i2d((ASN1_VALUE *)evidence, &der, ASN1_ITEM_rptr(CSR_EVIDENCE));
	if (size > 0)
		size = X509_REQ_add1_attr_by_txt(work->request, CSR_EVIDENCE_OID, V_ASN1_SEQUENCE,
						 der, size);
	OPENSSL_free(der);
	ASN1_item_free((ASN1_VALUE *)evidence, ASN1_ITEM_rptr(CSR_EVIDENCE));
	return size > 0;
}

/* All but the signature. */
static bool draft(struct work *work, bool evidence)
{
	struct public public;
	EVP_PKEY *key = NULL;
	X509_NAME *name;
	char text[128];
	bool good;

	snprintf(text, sizeof(text), "vTPM %s %s", work->wish->uuid, work->wish->key);
	if (public_parse(&public, work->ak.at, work->ak.length))
		key = public_key(&public);
	work->request = X509_REQ_new();
	name = work->request ? X509_REQ_get_subject_name(work->request) : NULL;
	good = key && name && X509_REQ_set_version(work->request, 0) &&
	       X509_REQ_set_pubkey(work->request, key) &&
	       X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
					  (const unsigned char *)text, -1, -1, 0) &&
	       (!evidence || add_evidence(work));
	EVP_PKEY_free(key);
	return good;
}

/* Part 3, 15.4: outHash, and a ticket (Part 2, 10.6.5: tag, hierarchy, digest) */
static int hash(struct work *work, const uint8_t *bytes, size_t length, struct tpm_bytes *ret_hash,
		struct tpm_bytes *ret_ticket)
{
	struct tpm_client *client = &work->client;
	struct cursor_in ahead;
	int r;

	tpm_client_begin(client, TPM_ST_NO_SESSIONS, TPM_CC_HASH);
	cursor_put_u16(&client->out, (uint16_t)length);
	cursor_put_raw(&client->out, bytes, length);
	cursor_put_u16(&client->out, TPM_ALG_SHA256);
	cursor_put_u32(&client->out, TPM_RH_ENDORSEMENT);
	r = tpm_client_give(client, "hash the request");
	if (r)
		return r;
	tpm_client_keep_sized(client, ret_hash);
	ahead = client->in;
	cursor_get_bytes(&ahead, 2 + 4);
	tpm_client_keep(client, &client->in, (size_t)8 + cursor_get_u16(&ahead), ret_ticket);
	return client->in.bad ? tpm_client_nonsense(client, "hash the request") : 0;
}

/* Part 3, 20.2: the two numbers of an ECDSA signature (Part 2, 11.3.4) */
static int sign(struct work *work, const struct tpm_bytes *digest, const struct tpm_bytes *ticket,
		ECDSA_SIG **ret)
{
	struct tpm_client *client = &work->client;
	struct cursor_in parameters;
	BIGNUM *numbers[2] = { NULL };
	int r;

	tpm_client_begin(client, TPM_ST_SESSIONS, TPM_CC_SIGN);
	cursor_put_u32(&client->out, work->ak_handle);
	tpm_client_password(client);
	cursor_put_raw(&client->out, digest->at, digest->length);
	cursor_put_u16(&client->out, TPM_ALG_NULL);
	cursor_put_raw(&client->out, ticket->at, ticket->length);
	r = tpm_client_give(client, "sign the request");
	if (r)
		return r;
	parameters = cursor_sub(&client->in, cursor_get_u32(&client->in));
	if (cursor_get_u16(&parameters) != TPM_ALG_ECDSA ||
	    cursor_get_u16(&parameters) != TPM_ALG_SHA256)
		parameters.bad = true;
	for (int i = 0; i < 2; i++) {
		size_t size = cursor_get_u16(&parameters);
		const uint8_t *number = cursor_get_bytes(&parameters, size);

		numbers[i] = number ? BN_bin2bn(number, (int)size, NULL) : NULL;
	}
	*ret = numbers[0] && numbers[1] && cursor_ended(&parameters) ? ECDSA_SIG_new() : NULL;
	if (*ret && ECDSA_SIG_set0(*ret, numbers[0], numbers[1]))
		return 0;
	BN_free(numbers[0]);
	BN_free(numbers[1]);
	return tpm_client_nonsense(client, "sign the request");
}

static bool put_signature(X509_REQ *request, const ECDSA_SIG *signature)
{
	X509_ALGOR *algorithm = X509_ALGOR_new();
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	unsigned char *der = NULL;
	int size = i2d_ECDSA_SIG(signature, &der);
	bool good = size > 0 && algorithm && bits && ASN1_BIT_STRING_set(bits, der, size) &&
		    X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF,
				    NULL) &&
		    X509_REQ_set1_signature_algo(request, algorithm);

	if (good) {
		/* All bits of the last byte count. */
		bits->flags = (bits->flags & ~7L) | ASN1_STRING_FLAG_BITS_LEFT;
		X509_REQ_set0_signature(request, bits);
		bits = NULL;
	}
	OPENSSL_free(der);
	ASN1_BIT_STRING_free(bits);
	X509_ALGOR_free(algorithm);
	return good;
}

static int sign_request(struct work *work)
{
	unsigned char *bytes = NULL;
	int length = i2d_re_X509_REQ_tbs(work->request, &bytes);
	struct tpm_bytes digest, ticket;
	ECDSA_SIG *signature = NULL;
	int r;

	r = length > 0 && length <= HASH_MAX ? hash(work, bytes, (size_t)length, &digest, &ticket)
					     : failed(work);
	OPENSSL_free(bytes);
	if (!r)
		r = sign(work, &digest, &ticket, &signature);
	if (!r && !put_signature(work->request, signature))
		r = failed(work);
	ECDSA_SIG_free(signature);
	return r;
}

static int write_pem(struct work *work, char **ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long length;
	int r = 0;

	if (bio && PEM_write_bio_X509_REQ(bio, work->request)) {
		length = BIO_get_mem_data(bio, &bytes);
		*ret = OPENSSL_strndup(bytes, (size_t)length);
	}
	if (!bio || !*ret)
		r = failed(work);
	BIO_free(bio);
	return r;
}

static int make(struct work *work, char **ret_pem)
{
	bool evidence;
	int r = tpm_client_ak(&work->client, &work->ak, &work->ak_handle);

	if (r)
		return r;
	evidence = strcmp(work->wish->key, "iak") != 0;
	if (evidence)
		r = gather(work);
	if (!r && !draft(work, evidence))
		r = failed(work);
	if (!r)
		r = sign_request(work);
	if (!r)
		r = write_pem(work, ret_pem);
	if (r != -ETIMEDOUT && r != -EPROTO) {
		struct reason *reason = work->client.reason, ignored;

		work->client.reason = &ignored;
		tpm_client_flush(&work->client, work->ak_handle);
		work->client.reason = reason;
	}
	return r;
}

int csr_make(const struct csr_wish *wish, char **ret_pem, struct reason *reason)
{
	static struct work work;
	int r;

	work = (struct work){
		.client = { .path = wish->path, .fd = -1, .reason = reason },
		.wish = wish,
	};
	*ret_pem = NULL;
	r = tpm_client_open(&work.client);
	if (!r)
		r = make(&work, ret_pem);
	X509_REQ_free(work.request);
	close_fdp(&work.client.fd);
	return r;
}
