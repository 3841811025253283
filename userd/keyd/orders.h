/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handlers of messages that stand in other files than the permit table: as struct
 * ipc_permit wants them, the context is the peer.
 */
#ifndef KEYD_ORDERS_H
#define KEYD_ORDERS_H

#include "keyd/keyd.h"

/** keyd_locked() - is the host? Return: 0; -ENOKEY, with the reason */
int keyd_locked(const struct keyd *keyd, struct reason *reason);

int keyd_on_witness(void *context, struct ipc_in *in);
int keyd_on_seal_root(void *context, struct ipc_in *in);
int keyd_on_anchor(void *context, struct ipc_in *in);
int keyd_on_accept(void *context, struct ipc_in *in);
int keyd_on_rollback(void *context, struct ipc_in *in);

/** keyd_usable() - keys are for the newest store. Return: 0; -ENOKEY, -ESTALE, with the reason */
int keyd_usable(const struct keyd *keyd, struct reason *reason);

/** keyd_check_anchor() - window 0 becomes the default. Return: 0; -EINVAL, with the reason */
int keyd_check_anchor(struct anchor *anchor, bool hardware, struct reason *reason);

int keyd_on_host_ak(void *context, struct ipc_in *in);
int keyd_on_certificate(void *context, struct ipc_in *in);
int keyd_on_host_quote(void *context, struct ipc_in *in);
int keyd_on_host_boot(void *context, struct ipc_in *in);
int keyd_on_activate(void *context, struct ipc_in *in);
int keyd_on_deep(void *context, struct ipc_in *in);

int keyd_on_certify(void *context, struct ipc_in *in);
int keyd_on_host_ca(void *context, struct ipc_in *in);
int keyd_on_ca_init(void *context, struct ipc_in *in);
int keyd_on_ca_prove(void *context, struct ipc_in *in);
int keyd_on_ca_import(void *context, struct ipc_in *in);
int keyd_on_issued(void *context, struct ipc_in *in);
int keyd_on_move_key(void *context, struct ipc_in *in);
int keyd_on_move_seal(void *context, struct ipc_in *in);
int keyd_on_move_open(void *context, struct ipc_in *in);
int keyd_on_share(void *context, struct ipc_in *in);
int keyd_on_bind(void *context, struct ipc_in *in);
int keyd_on_plans(void *context, struct ipc_in *in);
int keyd_on_plan_add(void *context, struct ipc_in *in);
int keyd_on_plan_retire(void *context, struct ipc_in *in);

#endif /* KEYD_ORDERS_H */
