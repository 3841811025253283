// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands and their answers, by the tables of Part 3; see the header.
 */
#include "cli/tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "wire/command.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_CREATE_PRIMARY 0x131
#define TPM_CC_QUOTE	      0x158
#define TPM_CC_READ_PUBLIC    0x173
#define TPM_CC_PCR_READ	      0x17e

/* Part 2, 6.3 TPM_ALG_ID, 6.4 TPM_ECC_CURVE, 7.4 TPM_RH */
#define TPM_ALG_SHA256	   0x000b
#define TPM_ALG_NULL	   0x0010
#define TPM_ALG_ECDSA	   0x0018
#define TPM_ALG_ECC	   0x0023
#define TPM_ECC_NIST_P256  0x0003
#define TPM_RH_ENDORSEMENT 0x4000000b

/* EK Credential Profile, 2.2.1.5.1: where a P-256 endorsement key is kept */
#define EK_P256 0x8101000a

/* Part 2, 8.3: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign */
#define AK_ATTRIBUTES 0x00050472

#define SELECT_SIZE 3
#define PATIENCE_MS 20000
#define TRIES	    16

/* One command at a time; @in walks over the answer behind its head. */
struct client {
	const char *path;
	int fd;
	uint8_t bytes[512];
	struct cursor_out out;
	uint8_t answer[4096];
	size_t length;
	struct cursor_in in;
	struct reason *reason;
};

static int client_open(struct client *client)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct stat status;
	int r = 0;

	if (stat(client->path, &status))
		r = -errno;
	else if (!S_ISSOCK(status.st_mode))
		client->fd = open(client->path, O_RDWR | O_CLOEXEC);
	else if (!cursor_copy(to.sun_path, sizeof(to.sun_path) - 1, client->path,
			      strlen(client->path)))
		r = -ENAMETOOLONG;
	else
		client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!r && client->fd < 0)
		r = -errno;
	if (!r && to.sun_path[0] && connect(client->fd, (struct sockaddr *)&to, sizeof(to)))
		r = -errno;
	return r ? refuse(client->reason, r, "%s cannot be opened: %s", client->path, strerror(-r))
		 : 0;
}

static void begin(struct client *client, uint16_t tag, uint32_t code)
{
	client->out = cursor_out(client->bytes, sizeof(client->bytes));
	cursor_put_u16(&client->out, tag);
	cursor_put_u32(&client->out, 0);
	cursor_put_u32(&client->out, code);
}

/* An area of one empty password (Part 2, 10.13.2) */
static void put_password(struct client *client)
{
	cursor_put_u32(&client->out, 9);
	cursor_put_u32(&client->out, TPM_RS_PW);
	cursor_put_u16(&client->out, 0);
	cursor_put_u8(&client->out, 0);
	cursor_put_u16(&client->out, 0);
}

static bool is_whole(const struct client *client)
{
	struct cursor_in in = cursor_in(client->answer, client->length);

	cursor_get_u16(&in);
	return client->length >= TPM_HEAD_SIZE && cursor_get_u32(&in) <= client->length;
}

/* A device gives an answer at once, a socket in pieces. */
static int receive(struct client *client)
{
	client->length = 0;
	while (!is_whole(client)) {
		struct pollfd ready = { .fd = client->fd, .events = POLLIN };
		ssize_t n;

		if (client->length == sizeof(client->answer))
			return -EPROTO;
		n = poll(&ready, 1, PATIENCE_MS);
		if (n <= 0)
			return n ? -errno : -ETIMEDOUT;
		n = read(client->fd, client->answer + client->length,
			 sizeof(client->answer) - client->length);
		if (n <= 0)
			return n ? -errno : -EPROTO;
		client->length += (size_t)n;
	}
	return 0;
}

/* Return: 0, @client->in is behind the head; -errno. */
static int give(struct client *client, const char *doing)
{
	ssize_t n;
	uint32_t rc;
	int r;

	cursor_patch_u32(&client->out, 2, (uint32_t)client->out.used);
	if (client->out.bad)
		return refuse(client->reason, -EPROTO, "a command is too long to %s", doing);
	n = write(client->fd, client->bytes, client->out.used);
	r = n < 0 ? -errno : (size_t)n != client->out.used ? -EPROTO : receive(client);
	if (r)
		return refuse(
			client->reason, r,
			"the vTPM at %s does not answer, asked to %s: %s; is another client at "
			"it?",
			client->path, doing, strerror(-r));
	rc = tpm_response_code(client->answer, client->length);
	if (rc)
		return refuse(client->reason, -ENOTSUP, "the vTPM at %s refuses to %s (0x%x)",
			      client->path, doing, rc);
	client->in = cursor_in(client->answer, client->length);
	cursor_get_bytes(&client->in, TPM_HEAD_SIZE);
	return 0;
}

static int nonsense(struct client *client, const char *what)
{
	return refuse(client->reason, -EPROTO, "the vTPM at %s answers nonsense, asked to %s",
		      client->path, what);
}

static void keep(struct client *client, struct cursor_in *in, size_t length, struct tpm_bytes *ret)
{
	const uint8_t *from = cursor_get_bytes(in, length);

	if (!from || !cursor_copy(ret->at, sizeof(ret->at), from, length))
		client->in.bad = true;
	ret->length = length;
}

/* A TPM2B, its size included. */
static void keep_sized(struct client *client, struct tpm_bytes *ret)
{
	struct cursor_in ahead = client->in;
	size_t size = cursor_get_u16(&ahead);

	keep(client, &client->in, 2 + size, ret);
}

/* Part 3, 24.1 */
static int make_ak(struct client *client, struct tpm_bytes *ret, uint32_t *ret_handle)
{
	int r;

	begin(client, TPM_ST_SESSIONS, TPM_CC_CREATE_PRIMARY);
	cursor_put_u32(&client->out, TPM_RH_ENDORSEMENT);
	put_password(client);
	cursor_put_u16(&client->out, 4); /* inSensitive: no userAuth, no data */
	cursor_put_u32(&client->out, 0);
	/* TPMT_PUBLIC (Part 2, 12.2.4) of this size */
	cursor_put_u16(&client->out, 2 + 2 + 4 + 2 + 2 + 2 + 2 + 2 + 2 + 2 + 2);
	cursor_put_u16(&client->out, TPM_ALG_ECC);
	cursor_put_u16(&client->out, TPM_ALG_SHA256);
	cursor_put_u32(&client->out, AK_ATTRIBUTES);
	cursor_put_u16(&client->out, 0);	    /* authPolicy */
	cursor_put_u16(&client->out, TPM_ALG_NULL); /* symmetric */
	cursor_put_u16(&client->out, TPM_ALG_ECDSA);
	cursor_put_u16(&client->out, TPM_ALG_SHA256);
	cursor_put_u16(&client->out, TPM_ECC_NIST_P256);
	cursor_put_u16(&client->out, TPM_ALG_NULL); /* kdf */
	cursor_put_u16(&client->out, 0);	    /* x */
	cursor_put_u16(&client->out, 0);	    /* y */
	cursor_put_u16(&client->out, 0);	    /* outsideInfo */
	cursor_put_u32(&client->out, 0);	    /* creationPCR */
	r = give(client, "make an attestation key");
	if (r)
		return r;
	*ret_handle = cursor_get_u32(&client->in);
	cursor_get_u32(&client->in); /* parameterSize */
	keep_sized(client, ret);
	return client->in.bad ? nonsense(client, "make an attestation key") : 0;
}

static void put_selection(struct client *client, uint32_t pcrs)
{
	cursor_put_u32(&client->out, 1);
	cursor_put_u16(&client->out, TPM_ALG_SHA256);
	cursor_put_u8(&client->out, SELECT_SIZE);
	for (int i = 0; i < SELECT_SIZE; i++)
		cursor_put_u8(&client->out, (uint8_t)(pcrs >> (8 * i)));
}

/* Part 3, 18.4: the signature is all that is left of the parameters */
static int quote(struct client *client, uint32_t ak, const uint8_t *nonce, uint32_t pcrs,
		 struct tpm_quote *ret)
{
	struct cursor_in parameters;
	int r;

	begin(client, TPM_ST_SESSIONS, TPM_CC_QUOTE);
	cursor_put_u32(&client->out, ak);
	put_password(client);
	cursor_put_u16(&client->out, SEAL_HASH_SIZE);
	cursor_put_raw(&client->out, nonce, SEAL_HASH_SIZE);
	cursor_put_u16(&client->out, TPM_ALG_NULL);
	put_selection(client, pcrs);
	r = give(client, "quote PCRs");
	if (r)
		return r;
	parameters = cursor_sub(&client->in, cursor_get_u32(&client->in));
	keep(client, &parameters, cursor_get_u16(&parameters), &ret->message);
	keep(client, &parameters, parameters.left, &ret->signature);
	return client->in.bad || !ret->signature.length ? nonsense(client, "quote PCRs") : 0;
}

/* Part 3, 22.4 */
static int read_pcr(struct client *client, unsigned int pcr, uint8_t ret[SEAL_HASH_SIZE])
{
	uint32_t values;
	int r;

	begin(client, TPM_ST_NO_SESSIONS, TPM_CC_PCR_READ);
	put_selection(client, (uint32_t)1 << pcr);
	r = give(client, "read a PCR");
	if (r)
		return r;
	/* pcrUpdateCounter, one selection as it was given */
	cursor_get_bytes(&client->in, 4 + 4 + 2 + 1 + SELECT_SIZE);
	values = cursor_get_u32(&client->in);
	if (values == 1 && cursor_get_u16(&client->in) == SEAL_HASH_SIZE)
		cursor_get_raw(&client->in, ret, SEAL_HASH_SIZE);
	if (values == 1 && cursor_ended(&client->in))
		return 0;
	return refuse(client->reason, -ENOTSUP, "the vTPM at %s has no PCR %u in a SHA-256 bank",
		      client->path, pcr);
}

static int read_pcrs(struct client *client, uint32_t pcrs, struct tpm_quote *quoted)
{
	int r = 0;

	for (unsigned int pcr = 0; !r && pcr < TPM_PCRS; pcr++) {
		if (pcrs >> pcr & 1)
			r = read_pcr(client, pcr, quoted->value[pcr]);
	}
	return r;
}

/* A TPMS_ATTEST of a quote ends in pcrDigest (Part 2, 10.12.1 and 10.12.12). */
static bool is_about(const struct tpm_quote *quoted, uint32_t pcrs)
{
	uint8_t values[TPM_PCRS * SEAL_HASH_SIZE], digest[SEAL_HASH_SIZE];
	struct cursor_out all = cursor_out(values, sizeof(values));
	const struct tpm_bytes *message = &quoted->message;

	for (unsigned int pcr = 0; pcr < TPM_PCRS; pcr++) {
		if (pcrs >> pcr & 1)
			cursor_put_raw(&all, quoted->value[pcr], SEAL_HASH_SIZE);
	}
	return message->length > SEAL_HASH_SIZE &&
	       !seal_hash((struct seal_bytes){ values, all.used }, digest) &&
	       secret_equal(message->at + message->length - SEAL_HASH_SIZE, digest, SEAL_HASH_SIZE);
}

/* Part 3, 12.4: a client may have removed it, and then there is none. */
static void read_ek(struct client *client, struct tpm_bytes *ret)
{
	begin(client, TPM_ST_NO_SESSIONS, TPM_CC_READ_PUBLIC);
	cursor_put_u32(&client->out, EK_P256);
	ret->length = 0;
	if (give(client, "show its endorsement key"))
		return;
	keep_sized(client, ret);
	if (client->in.bad)
		ret->length = 0;
}

static void flush(struct client *client, uint32_t handle)
{
	begin(client, TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
	cursor_put_u32(&client->out, handle);
	give(client, "flush a key");
}

static int make(struct client *client, const uint8_t *nonce, uint32_t pcrs, struct tpm_quote *ret)
{
	uint32_t ak;
	int r = make_ak(client, &ret->ak, &ak);

	if (r)
		return r;
	for (unsigned int tries = 0; !r && tries < TRIES; tries++) {
		r = quote(client, ak, nonce, pcrs, ret);
		if (!r)
			r = read_pcrs(client, pcrs, ret);
		if (!r && is_about(ret, pcrs))
			break;
		if (!r && tries == TRIES - 1)
			r = refuse(client->reason, -EAGAIN,
				   "the PCRs of the vTPM at %s change faster than they can be read",
				   client->path);
	}
	if (r != -ETIMEDOUT && r != -EPROTO) {
		struct reason *reason = client->reason, ignored;

		client->reason = &ignored;
		flush(client, ak);
		client->reason = reason;
	}
	return r;
}

int tpm_quote_make(const char *path, const uint8_t nonce[SEAL_HASH_SIZE], uint32_t pcrs,
		   struct tpm_quote *ret, struct reason *reason)
{
	struct client client = { .path = path, .fd = -1, .reason = reason };
	struct reason ignored;
	int r = client_open(&client);

	if (!r)
		r = make(&client, nonce, pcrs, ret);
	client.reason = &ignored;
	if (!r)
		read_ek(&client, &ret->ek);
	close_fdp(&client.fd);
	return r;
}
