/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A verifier's share of the host root key, on its way to keyd: the manager opens none of it.
 */
#ifndef MANAGER_SHARE_H
#define MANAGER_SHARE_H

#include "manager/manager.h"

/**
 * struct manager_share - what a verifier gave out for good evidence
 * @credential: half of the share, for the host TPM
 * @box: the other half, for keyd's session key
 * @box_length: bytes of it
 */
struct manager_share {
	struct manager_credential credential;
	uint8_t box[KEYD_BOX_MAX];
	size_t box_length;
};

/** manager_share() - open the host root key with it */
void manager_share(struct manager *manager, const struct manager_share *what, manager_done done,
		   void *context);

/**
 * struct manager_bind - which verifier shall have a share from now on
 * @box: host root key, boxed to keyd's session key
 * @box_length: bytes of it
 * @host: id of this host there; empty: none shall, and @share is empty too
 * @share: that verifier's
 */
struct manager_bind {
	uint8_t box[KEYD_BOX_MAX];
	size_t box_length;
	char host[KEYD_HOST_ID_SIZE + 1];
	struct manager_share share;
};

/** manager_bind() - bind the host root key to it */
void manager_bind(struct manager *manager, const struct manager_bind *what, manager_done done,
		  void *context);

#endif /* MANAGER_SHARE_H */
