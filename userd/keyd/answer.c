// SPDX-License-Identifier: BSD-3-Clause
/*
 * Begin and finish; see the header.
 */
#include "keyd/answer.h"

#include "base/secret.h"

void answer_begin(struct answer *answer, uint32_t op, uint32_t tag, int error,
		  const struct reason *reason)
{
	answer->out = ipc_out(op, answer->bytes, sizeof(answer->bytes));
	cursor_put_u32(&answer->out.body, tag);
	cursor_put_u32(&answer->out.body, (uint32_t)-error);
	ipc_put_string(&answer->out, error ? reason->text : "");
}

int answer_finish(struct keyd_peer *peer, struct answer *answer)
{
	int r = ipc_send(peer->fd, &answer->out);

	secret_wipe(answer->bytes, answer->out.body.used);
	return r;
}

int answer_plain(struct keyd_peer *peer, uint32_t op, uint32_t tag, int error,
		 const struct reason *reason)
{
	struct answer answer;

	answer_begin(&answer, op, tag, error, reason);
	return answer_finish(peer, &answer);
}
