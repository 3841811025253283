// SPDX-License-Identifier: BSD-3-Clause
/*
 * KEYD_SHARE and KEYD_BIND; see the header. Afterwards the host is looked at anew: whoever asked
 * sees it as it is then, and vTPMs that wait for the host root key begin.
 */
#include "manager/share.h"

#include <errno.h>
#include <stdlib.h>

#include "manager/state.h"

struct asking {
	struct manager *manager;
	struct waiter *waiter;
};

static void fail(struct asking *asking, const struct peer_answer *answer)
{
	uint32_t error = answer->error ? answer->error : EPROTO;
	struct problem problem;

	manager_keyd_problem(&problem, error, answer->text);
	if (error == ESTALE)
		problem_set(&problem, PROBLEM_AUTH, "vtpmctl host attest --to URL", "%s",
			    answer->text);
	else if (error == EPERM || error == ENOENT)
		problem_set(&problem, PROBLEM_LOCKED,
			    "`vtpmctl host unlock` opens it with the recovery code", "%s",
			    answer->text);
	manager_keyd_look(asking->manager);
	manager_answer(asking->manager, asking->waiter, &problem);
}

static int changed(void *context, const struct peer_answer *answer)
{
	struct asking *asking = context;
	bool nonsense = !answer->error && !ipc_ended(answer->in);

	if (answer->error || nonsense)
		fail(asking, answer);
	else
		manager_keyd_answer(asking->manager, asking->waiter);
	free(asking);
	return nonsense ? -EPROTO : 0;
}

static void send(struct manager *manager, const struct ipc_out *out, manager_done done,
		 void *context)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		manager_out_of_memory();
	asking->manager = manager;
	asking->waiter = manager_ask(manager, done, context);
	peer_send(&manager->keyd, out, changed, asking);
}

static void put_share(struct ipc_out *out, const struct manager_share *share)
{
	const struct manager_credential *credential = &share->credential;

	ipc_put_blob(out, credential->blob, credential->blob_length);
	ipc_put_blob(out, credential->secret, credential->secret_length);
	ipc_put_blob(out, share->box, share->box_length);
}

void manager_share(struct manager *manager, const struct manager_share *what, manager_done done,
		   void *context)
{
	uint8_t buffer[2 * KEYD_CREDENTIAL_MAX + KEYD_BOX_MAX + 64];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_SHARE, buffer, sizeof(buffer));

	put_share(&out, what);
	send(manager, &out, done, context);
}

void manager_bind(struct manager *manager, const struct manager_bind *what, manager_done done,
		  void *context)
{
	uint8_t buffer[2 * KEYD_CREDENTIAL_MAX + 2 * KEYD_BOX_MAX + 128];
	struct ipc_out out = peer_call(&manager->keyd, KEYD_BIND, buffer, sizeof(buffer));

	ipc_put_blob(&out, what->box, what->box_length);
	ipc_put_string(&out, what->host);
	put_share(&out, &what->share);
	send(manager, &out, done, context);
}
