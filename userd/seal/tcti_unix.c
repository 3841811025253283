// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands out, responses in, over one stream; see the header.
 *
 *	idle --transmit--> sent --receive--> idle
 *
 * A response is read whole before any of it is handed out. A stream that broke, or that
 * carries what is no response, is an IO error for good.
 */
#include "seal/tcti_unix.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/secret.h"

#define TCTI_MAGIC   0x7674706d756e6978ull /* "vtpmunix" */
#define RESPONSE_MAX 4096

/* A response begins with tag u16, responseSize u32, responseCode u32 (Part 1, 18.5). */
#define HEAD_SIZE 10

struct tcti_unix {
	TSS2_TCTI_CONTEXT_COMMON_V2 common; /* first: it is what TSS knows of us */
	int fd;
	bool sent;
	size_t length; /* of the response; 0: not read yet */
	uint8_t response[RESPONSE_MAX];
};

static struct tcti_unix *of(TSS2_TCTI_CONTEXT *context)
{
	return (struct tcti_unix *)(void *)context;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
	struct tcti_unix *tcti = of(context);
	size_t done = 0;

	if (tcti->sent)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	while (done < size) {
		ssize_t n = write(tcti->fd, command + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return TSS2_TCTI_RC_IO_ERROR;
		done += (size_t)n;
	}
	tcti->sent = true;
	return TSS2_RC_SUCCESS;
}

static bool read_whole(struct tcti_unix *tcti, size_t from, size_t to)
{
	while (from < to) {
		ssize_t n = read(tcti->fd, tcti->response + from, to - from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		from += (size_t)n;
	}
	return true;
}

static TSS2_RC fetch(struct tcti_unix *tcti, int32_t timeout)
{
	struct pollfd ready = { .fd = tcti->fd, .events = POLLIN };
	struct cursor_in in = cursor_in(tcti->response, HEAD_SIZE);
	size_t length;

	if (poll(&ready, 1, timeout) == 0)
		return TSS2_TCTI_RC_TRY_AGAIN;
	if (!read_whole(tcti, 0, HEAD_SIZE))
		return TSS2_TCTI_RC_IO_ERROR;
	cursor_get_u16(&in);
	length = cursor_get_u32(&in);
	if (length < HEAD_SIZE || length > sizeof(tcti->response) ||
	    !read_whole(tcti, HEAD_SIZE, length))
		return TSS2_TCTI_RC_IO_ERROR;
	tcti->length = length;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
	struct tcti_unix *tcti = of(context);
	TSS2_RC rc;

	if (!tcti->sent)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	rc = tcti->length ? TSS2_RC_SUCCESS : fetch(tcti, timeout);
	if (rc)
		return rc;
	if (response && !cursor_copy(response, *size, tcti->response, tcti->length))
		rc = TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	*size = tcti->length;
	if (response && !rc) {
		secret_wipe(tcti->response, tcti->length);
		tcti->sent = false;
		tcti->length = 0;
	}
	return rc;
}

static TSS2_RC poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles,
			    size_t *count)
{
	if (handles && *count < 1)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	if (handles)
		*handles = (TSS2_TCTI_POLL_HANDLE){ .fd = of(context)->fd, .events = POLLIN };
	*count = 1;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *context)
{
	(void)context;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
	(void)context;
	(void)locality;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC make_sticky(TSS2_TCTI_CONTEXT *context, TPM2_HANDLE *handle, uint8_t sticky)
{
	(void)context;
	(void)handle;
	(void)sticky;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

int tcti_unix_new(const char *path, TSS2_TCTI_CONTEXT **ret)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;
	struct tcti_unix *tcti;

	if (!cursor_copy(to.sun_path, sizeof(to.sun_path) - 1, path, strlen(path)))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	tcti = calloc(1, sizeof(*tcti));
	if (!tcti)
		return -ENOMEM;
	tcti->common = (TSS2_TCTI_CONTEXT_COMMON_V2){
		.v1 = {
			.magic = TCTI_MAGIC,
			.version = 2,
			.transmit = transmit,
			.receive = receive,
			.cancel = cancel,
			.getPollHandles = poll_handles,
			.setLocality = set_locality,
		},
		.makeSticky = make_sticky,
	};
	tcti->fd = TAKE_FD(fd);
	*ret = (TSS2_TCTI_CONTEXT *)(void *)tcti;
	return 0;
}

void tcti_unix_free(TSS2_TCTI_CONTEXT *context)
{
	if (!context)
		return;
	close(of(context)->fd);
	secret_wipe(of(context), sizeof(struct tcti_unix));
	free(of(context));
}
