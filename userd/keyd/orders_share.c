// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is asked about a verifier's share of the host root key (seal/share.h, seal/release.h).
 *
 * What is cheap to refuse is refused first: a box for another run of this process takes no
 * command of the TPM. Then the TPM has to unseal its own share, in a configuration that is
 * good, and to open the credential with it. The verifier's share is in memory between
 * these lines alone.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/secret.h"
#include "keyd/answer.h"
#include "keyd/orders.h"
#include "keyd/quote.h"
#include "keyd/typed.h"
#include "seal/host_ek.h"
#include "seal/release.h"

/* What a verifier gave out. */
struct released {
	struct seal_bytes blob;
	struct seal_bytes secret;
	struct seal_bytes box;
};

static void get_released(struct ipc_in *in, struct released *ret)
{
	ret->blob.at = ipc_get_blob(in, KEYD_CREDENTIAL_MAX, &ret->blob.length);
	ret->secret.at = ipc_get_blob(in, KEYD_CREDENTIAL_MAX, &ret->secret.length);
	ret->box.at = ipc_get_blob(in, KEYD_BOX_MAX, &ret->box.length);
}

static int open_box(const struct keyd *keyd, const struct released *released, const void *host,
		    uint8_t ret_half[SEAL_KEY_SIZE], struct reason *reason)
{
	int r = release_half(keyd->scalar, host, released->box, ret_half);

	if (r == -EBADMSG)
		return refuse(reason, -ESTALE,
			      "the share was not given to this run of vtpm-keyd, or for another "
			      "host: it is good once, so attest again with vtpmctl host attest "
			      "--to URL");
	return r ? refuse(reason, r, "the share's box cannot be opened: look at OpenSSL") : 0;
}

static int activate(struct keyd *keyd, const struct released *released, TPM2B_DIGEST *ret,
		    struct reason *reason)
{
	_cleanup_(hostkey_done) struct hostkey ak = { 0 };
	int r = quote_ak(keyd, &ak, reason);

	if (!r)
		r = host_ek_activate(&keyd->host, &ak.key, ak.auth, released->blob,
				     released->secret, ret, reason);
	if (!r && ret->size != SEAL_KEY_SIZE) {
		secret_wipe(ret, sizeof(*ret));
		r = refuse(reason, -EINVAL, "the credential holds no half of a share: attest "
					    "again with vtpmctl host attest --to URL");
	}
	return r;
}

/* Return: 0, @ret is the share, which the caller wipes; -errno with the reason. */
static int take(struct keyd *keyd, const struct released *released, const void *host,
		uint8_t ret[SEAL_KEY_SIZE], struct reason *reason)
{
	uint8_t half[SEAL_KEY_SIZE];
	TPM2B_DIGEST secret;
	int r;

	r = open_box(keyd, released, host, half, reason);
	if (!r)
		r = activate(keyd, released, &secret, reason);
	if (r)
		goto err_half;
	release_take(half, secret.buffer, ret);
	secret_wipe(&secret, sizeof(secret));
err_half:
	secret_wipe(half, sizeof(half));
	return r;
}

static int open_root(struct keyd *keyd, const struct released *released, struct reason *reason)
{
	uint8_t share[SEAL_KEY_SIZE];
	struct tpm2_slot slot;
	int r;

	if (!root_verifier(&keyd->root, &slot))
		return refuse(reason, -EINVAL,
			      "this host is bound to no verifier, so it needs no share: see vtpmctl "
			      "host show");
	r = take(keyd, released, slot.share.host, share, reason);
	if (r)
		return r;
	r = root_share(&keyd->root, share, reason);
	secret_wipe(share, sizeof(share));
	return r;
}

int keyd_on_share(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	struct released released;
	struct reason reason;
	int r;

	get_released(in, &released);
	if (!ipc_ended(in))
		return -EPROTO;
	r = open_root(keyd, &released, &reason);
	if (r)
		log_line("security: a verifier's share did not open the host: %s", reason.text);
	else
		log_line("security: unlocked with the verifier's share, from pid %d",
			 (int)peer->pid);
	witness_look(&keyd->witness);
	keyd_refill(keyd);
	return answer_plain(peer, KEYD_SHARE_DONE, tag, r, &reason);
}

/* To unlock by the code comes first: the TPM may open nothing as the host is now. */
static int bind_to(struct keyd *keyd, const uint8_t *key, const char *host,
		const struct released *released, struct reason *reason)
{
	uint8_t share[SEAL_KEY_SIZE];
	const struct slot_binding binding = { (const uint8_t *)host, share };
	int r = 0;

	if (!*host)
		return root_set_verifier(&keyd->root, key, NULL, reason);
	if (keyd->root.state != KEYD_STATE_UNLOCKED)
		r = root_unlock(&keyd->root, key, NULL, reason);
	if (!r)
		r = take(keyd, released, host, share, reason);
	if (r)
		return r;
	r = root_set_verifier(&keyd->root, key, &binding, reason);
	secret_wipe(share, sizeof(share));
	return r;
}

static int bind_boxed(struct keyd *keyd, struct seal_bytes box, const char *host,
		      const struct released *released, struct reason *reason)
{
	uint8_t key[SEAL_KEY_SIZE];
	int r;

	if (*host && !share_is_host(host, strlen(host)))
		return refuse(reason, -EINVAL,
			      "'%s' is no id that a verifier gave to a host: it is a UUID", host);
	r = typed_root_key(keyd, box, key, reason);
	if (r)
		return r;
	r = bind_to(keyd, key, host, released, reason);
	secret_wipe(key, sizeof(key));
	return r;
}

int keyd_on_bind(void *context, struct ipc_in *in)
{
	struct keyd_peer *peer = context;
	struct keyd *keyd = peer->keyd;
	uint32_t tag = cursor_get_u32(&in->body);
	char host[KEYD_HOST_ID_SIZE + 1];
	struct released released;
	struct seal_bytes box;
	struct reason reason;
	int r;

	box.at = ipc_get_blob(in, KEYD_BOX_MAX, &box.length);
	ipc_get_string(in, host, sizeof(host));
	get_released(in, &released);
	if (!ipc_ended(in))
		return -EPROTO;
	r = bind_boxed(keyd, box, host, &released, &reason);
	if (r)
		log_line("security: not bound to %s verifier: %s", *host ? "a" : "no", reason.text);
	else
		log_line("security: the host root key is bound to %s verifier now, by pid %d",
			 *host ? "a" : "no", (int)peer->pid);
	witness_look(&keyd->witness);
	keyd_refill(keyd);
	return answer_plain(peer, KEYD_BIND_DONE, tag, r, &reason);
}
