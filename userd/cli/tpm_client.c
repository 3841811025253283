// SPDX-License-Identifier: BSD-3-Clause
/*
 * One command and its answer, by the tables of Part 3; see the header.
 */
#include "cli/tpm_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/command.h"
#include "wire/tpm.h"

/* Part 2, 6.5.2 TPM_CC */
#define TPM_CC_CREATE_PRIMARY 0x131

/* Part 2, 6.3 TPM_ALG_ID, 6.4 TPM_ECC_CURVE, 7.4 TPM_RH */
#define TPM_ALG_SHA256	   0x000b
#define TPM_ALG_NULL	   0x0010
#define TPM_ALG_ECDSA	   0x0018
#define TPM_ALG_ECC	   0x0023
#define TPM_ECC_NIST_P256  0x0003
#define TPM_RH_ENDORSEMENT 0x4000000b

/* Part 2, 8.3: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, restricted, sign */
#define AK_ATTRIBUTES 0x00050472

#define PATIENCE_MS 20000

const char *tpm_client_path(const json_t *vtpm)
{
	const char *front = json_string_value(json_object_get(vtpm, "front_end"));
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(vtpm, "devices"), i, item) {
		const char *path = json_string_value(item);

		if (path && strstr(path, "rm"))
			return path;
	}
	return front && !strcmp(front, "socket")
		       ? json_string_value(json_object_get(vtpm, "socket"))
		       : NULL;
}

int tpm_client_open(struct tpm_client *client)
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

void tpm_client_begin(struct tpm_client *client, uint16_t tag, uint32_t code)
{
	client->out = cursor_out(client->bytes, sizeof(client->bytes));
	cursor_put_u16(&client->out, tag);
	cursor_put_u32(&client->out, 0);
	cursor_put_u32(&client->out, code);
}

/* An area of one empty password (Part 2, 10.13.2) */
void tpm_client_password(struct tpm_client *client)
{
	cursor_put_u32(&client->out, 9);
	cursor_put_u32(&client->out, TPM_RS_PW);
	cursor_put_u16(&client->out, 0);
	cursor_put_u8(&client->out, 0);
	cursor_put_u16(&client->out, 0);
}

static bool is_whole(const struct tpm_client *client)
{
	struct cursor_in in = cursor_in(client->answer, client->length);

	cursor_get_u16(&in);
	return client->length >= TPM_HEAD_SIZE && cursor_get_u32(&in) <= client->length;
}

/* A device gives an answer at once, a socket in pieces. */
static int receive(struct tpm_client *client)
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
int tpm_client_give(struct tpm_client *client, const char *doing)
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

int tpm_client_nonsense(struct tpm_client *client, const char *what)
{
	return refuse(client->reason, -EPROTO, "the vTPM at %s answers nonsense, asked to %s",
		      client->path, what);
}

void tpm_client_keep(struct tpm_client *client, struct cursor_in *in, size_t length,
		     struct tpm_bytes *ret)
{
	const uint8_t *from = cursor_get_bytes(in, length);

	if (!from || !cursor_copy(ret->at, sizeof(ret->at), from, length))
		client->in.bad = true;
	ret->length = length;
}

/* A TPM2B, its size included. */
void tpm_client_keep_sized(struct tpm_client *client, struct tpm_bytes *ret)
{
	struct cursor_in ahead = client->in;
	size_t size = cursor_get_u16(&ahead);

	tpm_client_keep(client, &client->in, 2 + size, ret);
}

/* Part 3, 24.1 */
int tpm_client_ak(struct tpm_client *client, struct tpm_bytes *ret, uint32_t *ret_handle)
{
	int r;

	tpm_client_begin(client, TPM_ST_SESSIONS, TPM_CC_CREATE_PRIMARY);
	cursor_put_u32(&client->out, TPM_RH_ENDORSEMENT);
	tpm_client_password(client);
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
	r = tpm_client_give(client, "make an attestation key");
	if (r)
		return r;
	*ret_handle = cursor_get_u32(&client->in);
	cursor_get_u32(&client->in); /* parameterSize */
	tpm_client_keep_sized(client, ret);
	return client->in.bad ? tpm_client_nonsense(client, "make an attestation key") : 0;
}

void tpm_client_flush(struct tpm_client *client, uint32_t handle)
{
	tpm_client_begin(client, TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);
	cursor_put_u32(&client->out, handle);
	tpm_client_give(client, "flush a key");
}
