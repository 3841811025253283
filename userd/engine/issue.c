// SPDX-License-Identifier: BSD-3-Clause
/*
 * One question and one answer at a time; see the header.
 */
#include "engine/issue.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/secret.h"

#define TAG 2

struct answer {
	uint32_t error;
	char sentence[IPC_TEXT_MAX];
	uint8_t state;
	uint32_t again_ms;
	const uint8_t *der;
	size_t length;
};

static int on_certified(void *context, struct ipc_in *in)
{
	struct answer *answer = context;
	uint32_t tag;

	tag = cursor_get_u32(&in->body);
	answer->error = cursor_get_u32(&in->body);
	ipc_get_string(in, answer->sentence, sizeof(answer->sentence));
	if (!answer->error)
		answer->state = cursor_get_u8(&in->body);
	if (!answer->error && answer->state == KEYD_CERT_ISSUED) {
		cursor_get_bytes(&in->body, KEYD_SERIAL_SIZE);
		answer->der = ipc_get_blob(in, CERTIFICATE_MAX, &answer->length);
	}
	if (!answer->error && answer->state == KEYD_CERT_PENDING)
		answer->again_ms = cursor_get_u32(&in->body);
	return ipc_ended(in) && tag == TAG && answer->state <= KEYD_CERT_PENDING ? 0 : -EPROTO;
}

static const struct ipc_permit permits[] = {
	{ KEYD_CERTIFIED, 1, on_certified },
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whatever it was spent with. */
static void spend(struct issue *issue, uint64_t since)
{
	uint64_t spent = now_ms() - since;

	issue->patience_ms -= spent < issue->patience_ms ? (unsigned int)spent : issue->patience_ms;
}

static int send(const struct issue *issue, enum keyd_cert_kind kind, const struct identity *key)
{
	uint8_t bytes[64 + KEYD_PUBLIC_MAX];
	struct ipc_out out = ipc_out(KEYD_CERTIFY, bytes, sizeof(bytes));

	cursor_put_u32(&out.body, TAG);
	cursor_put_u8(&out.body, (uint8_t)kind);
	ipc_put_blob(&out, key->public, key->length);
	return ipc_send(issue->fd, &out);
}

/* @answer points into @bytes. */
static int ask_once(struct issue *issue, enum keyd_cert_kind kind, const struct identity *key,
		    uint8_t *bytes, size_t room, struct answer *answer)
{
	struct pollfd ready = { .fd = issue->fd, .events = POLLIN };
	struct ipc_in in;
	int r;

	*answer = (struct answer){ 0 };
	r = send(issue, kind, key);
	if (r)
		return r;
	do {
		r = poll(&ready, 1, (int)issue->patience_ms);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	r = ipc_receive(issue->fd, bytes, room, true, &in);
	if (r)
		return r;
	r = ipc_dispatch(permits, sizeof(permits) / sizeof(permits[0]), 1, answer, &in);
	ipc_in_done(&in);
	return r;
}

/* Return: whether to ask again; not before it is worth it. */
static bool wait_for(struct issue *issue, const struct answer *answer)
{
	if (answer->error || answer->state != KEYD_CERT_PENDING ||
	    answer->again_ms >= issue->patience_ms)
		return false;
	(void)poll(NULL, 0, (int)answer->again_ms + 1);
	return true;
}

int issue_ask(void *context, enum keyd_cert_kind kind, const struct identity *key, uint8_t *der,
	      size_t *ret_length, char *ret_sentence)
{
	uint8_t bytes[CERTIFICATE_MAX + IPC_TEXT_MAX + 64];
	struct issue *issue = context;
	struct answer answer;
	uint64_t since;
	bool again;
	int r;

	do {
		if (issue->fd < 0)
			return snprintf(ret_sentence, IPC_TEXT_MAX, "keyd is not there"), 1;
		since = now_ms();
		r = ask_once(issue, kind, key, bytes, sizeof(bytes), &answer);
		again = !r && wait_for(issue, &answer);
		spend(issue, since);
	} while (again);
	/* An answer that comes late would be taken for that of the next question. */
	if (r)
		issue->fd = -1;
	if (!r && !answer.error && answer.state == KEYD_CERT_ISSUED &&
	    cursor_copy(der, CERTIFICATE_MAX, answer.der, answer.length)) {
		*ret_length = answer.length;
		return 0;
	}
	snprintf(ret_sentence, IPC_TEXT_MAX, "%s",
		 r				   ? "keyd does not answer"
		 : answer.error			   ? answer.sentence
		 : answer.state == KEYD_CERT_NO_CA ? "this host has no CA yet"
						   : "the host TPM is busy; ask again later");
	return 1;
}
