/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be asked of the manager; the API is a thin coat over this.
 *
 * Everything that takes time ends by calling a done function, exactly once, from
 * the event loop and never before the asking call has returned; @problem is
 * NULL for success. Nothing is asked from another thread.
 */
#ifndef MANAGER_MANAGER_H
#define MANAGER_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manager/paper.h"
#include "manager/problem.h"
#include "manager/vtpm.h"
#include "wire/batch.h"
#include "wire/host_quote.h"
#include "wire/ipc.h"
#include "wire/ipc_keyd.h"
#include "wire/leaf.h"

struct manager;

/**
 * typedef manager_done - something asked for has ended
 * @context: as given
 * @problem: why it failed, NULL for success; valid during the call
 */
typedef void (*manager_done)(void *context, const struct problem *problem);

/**
 * struct manager_create - what a new vTPM shall be
 * @name: 1 to 63 of A-Z a-z 0-9 . _ -, not beginning with . or - or "proxy-"
 * @front: front end
 * @uid: owner of nodes and sockets
 * @gid: group of nodes and sockets
 * @mode: permission bits
 * @banks: PCR banks, 0 for the default
 * @plain_state: its state leaves and comes in clear; front ends with a control channel
 * @start: start it too
 */
struct manager_create {
	char name[VTPM_NAME_SIZE];
	enum vtpm_front front;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	uint32_t banks;
	bool plain_state;
	bool start;
};

/** manager_create() - make a vTPM; done when it is durable and, if asked so, answers */
void manager_create(struct manager *manager, const struct manager_create *what, manager_done done,
		    void *context);

/** manager_start() - power on; success at once for one that runs */
void manager_start(struct manager *manager, const char *name, manager_done done, void *context);

/** manager_stop() - TPM2_Shutdown(CLEAR) and power off; success at once for one that is off */
void manager_stop(struct manager *manager, const char *name, manager_done done, void *context);

/** manager_reset() - a power cycle of one that runs; its nodes stay */
void manager_reset(struct manager *manager, const char *name, manager_done done, void *context);

/**
 * struct manager_launch - what a container is started from
 * @image: "sha256:" and 64 digits
 * @configuration: the same
 * @uid: who says so
 * @keep: leave a vTPM alone that runs and has this very launch measured in it
 */
struct manager_launch {
	char image[72];
	char configuration[72];
	uid_t uid;
	bool keep;
};

/** manager_launch() - power on, or power cycle, and measure before the first command */
void manager_launch(struct manager *manager, const char *name, const struct manager_launch *what,
		    manager_done done, void *context);

/** manager_log_path() - where the log of its launch is, if any. Return: false: no such vTPM */
bool manager_log_path(struct manager *manager, const char *name, char *ret, size_t room);

/** manager_remove() - end it and erase its key and its state for good */
void manager_remove(struct manager *manager, const char *name, manager_done done, void *context);

/**
 * manager_wait() - done as soon as the vTPM answers, or can be known not to
 *
 * A timeout is the asker's matter: manager_forget() ends the wait without a call.
 */
void manager_wait(struct manager *manager, const char *name, manager_done done, void *context);

/** manager_forget() - nobody waits with @context any more: its done function is not called */
void manager_forget(struct manager *manager, void *context);

/** manager_view() - look at a vTPM. Return: false: there is none of that name */
bool manager_view(struct manager *manager, const char *name, struct vtpm_view *ret);

/** manager_each() - look at all vTPMs but spares, by name */
void manager_each(struct manager *manager,
		  void (*look)(void *context, const struct vtpm_view *view), void *context);

/**
 * struct manager_papers - certificates of a vTPM's keys
 * @papers: they, valid until the loop's next round
 * @state: of each
 */
struct manager_papers {
	const struct papers *papers;
	enum paper_state state[_KEYD_CERT_KIND_MAX];
};

/** manager_papers() - look at them. Return: false: there is no such vTPM, and @problem says so */
bool manager_papers(struct manager *manager, const char *name, struct manager_papers *ret,
		    struct problem *problem);

/** manager_certify_renew() - have new ones of the host's CA at the next power cycle; done when
 * that is durable
 */
void manager_certify_renew(struct manager *manager, const char *name, uint32_t kinds,
			   manager_done done, void *context);

/**
 * struct manager_certificate - a certificate of the operator's CA
 * @name: vTPM
 * @kind: whose
 * @der: certificate, DER
 * @length: bytes of it
 */
struct manager_certificate {
	char name[VTPM_NAME_SIZE];
	enum keyd_cert_kind kind;
	uint8_t der[ENGINE_CERT_MAX];
	size_t length;
};

/** manager_certify_replace() - have it written at the next power cycle; done when it is durable */
void manager_certify_replace(struct manager *manager, const struct manager_certificate *what,
			     manager_done done, void *context);

/**
 * struct manager_host - the host, for those who look
 * @keyd_here: vtpm-keyd answers
 * @spawn_here: vtpm-spawn answers
 * @driver_here: vtpm.ko's control node is open
 * @separated: the processes run as different users
 * @state: of the host root key
 * @protection: what protects it
 * @tcti: how keyd reaches the host TPM
 * @host_tpm: who made it, and its firmware
 * @policy: PCR policy, "sha256:7,14"
 * @reason: why it is locked; empty otherwise
 * @storage_key: Name of the host TPM's storage key
 * @storage_key_length: bytes of it
 * @rollback: how the store is protected against an older copy of itself
 * @verdict: whether the store is the newest one
 * @counter: value of the host TPM's counter, 0 for none
 * @window: seconds; lazy: what an older copy may lack at most without being found out
 * @migration_key: engines get one; not while the host is locked
 * @share: does a verifier have a share of the host root key, and is that missing?
 * @lost: vTPMs that are missing from the store although nobody removed them
 * @vtpms: how many
 * @running: how many of them run
 * @spares: prepared ones
 */
struct manager_host {
	bool keyd_here;
	bool spawn_here;
	bool driver_here;
	bool separated;
	enum keyd_state state;
	enum keyd_protection protection;
	char tcti[256];
	char host_tpm[128];
	char policy[64];
	char reason[VTPM_REASON_SIZE];
	uint8_t storage_key[66];
	size_t storage_key_length;
	enum keyd_rollback rollback;
	enum keyd_verdict verdict;
	uint64_t counter;
	uint32_t window;
	bool migration_key;
	enum keyd_share share;
	unsigned int lost;
	unsigned int vtpms;
	unsigned int running;
	unsigned int spares;
};

/** manager_host() - look at the host, as keyd last said */
void manager_host(struct manager *manager, struct manager_host *ret);

/**
 * struct manager_host_init - what KEYD_INIT is told
 * @no_hardware: do without a host TPM
 * @pcrs: PCRs of the sha256 bank; 0 for the default, 7 and 14
 * @recovery_public: uncompressed P-256 point
 * @box: owner password, boxed to keyd's session key
 * @box_length: bytes of it, 0 for no password
 * @rollback: how the store shall be protected against an older copy of itself
 * @window: seconds, of KEYD_ROLLBACK_LAZY
 * @planned: other configurations can be approved
 * @plan_key: by whom: uncompressed P-256 point
 */
struct manager_host_init {
	bool no_hardware;
	uint32_t pcrs;
	uint8_t recovery_public[KEYD_POINT_SIZE];
	uint8_t box[KEYD_BOX_MAX];
	size_t box_length;
	enum keyd_rollback rollback;
	uint32_t window;
	bool planned;
	uint8_t plan_key[KEYD_POINT_SIZE];
};

/** manager_host_init() - make the host root key */
void manager_host_init(struct manager *manager, const struct manager_host_init *what,
		       manager_done done, void *context);

/**
 * struct manager_host_unlock - what KEYD_UNLOCK is told
 * @box: host root key, boxed to keyd's session key
 * @box_length: bytes of it
 * @bind: seal it to the host TPM that is here now
 * @planned: with a plan key, where the host had none
 * @new_plan_key: also where it had another one
 * @plan_key: uncompressed P-256 point
 * @password: owner password, boxed to keyd's session key
 * @password_length: bytes of it, 0 for no password
 */
struct manager_host_unlock {
	uint8_t box[KEYD_BOX_MAX];
	size_t box_length;
	bool bind;
	bool planned;
	bool new_plan_key;
	uint8_t plan_key[KEYD_POINT_SIZE];
	uint8_t password[KEYD_BOX_MAX];
	size_t password_length;
};

/** manager_host_unlock() - open the host root key */
void manager_host_unlock(struct manager *manager, const struct manager_host_unlock *what,
			 manager_done done, void *context);

/** manager_host_migration_key() - keep the migration key that is in a box */
void manager_host_migration_key(struct manager *manager, const uint8_t *box, size_t length,
				manager_done done, void *context);

/**
 * struct manager_host_accept - what KEYD_ACCEPT is told
 * @rollback: an older store shall be used all the same
 * @move: host TPM or counter is another one
 * @box: host root key, boxed to keyd's session key
 * @box_length: bytes of it
 * @owner_box: owner password, in the same way
 * @owner_box_length: bytes of it, 0 for no password
 */
struct manager_host_accept {
	bool rollback;
	bool move;
	uint8_t box[KEYD_BOX_MAX];
	size_t box_length;
	uint8_t owner_box[KEYD_BOX_MAX];
	size_t owner_box_length;
};

/** manager_host_accept() - take the store for the newest one, as it is now */
void manager_host_accept(struct manager *manager, const struct manager_host_accept *what,
			 manager_done done, void *context);

/**
 * struct manager_host_rollback - what KEYD_ROLLBACK is told
 * @mode: LAZY or STRICT
 * @window: seconds; 0: as it is
 * @box: host root key, boxed to keyd's session key
 * @box_length: bytes of it
 */
struct manager_host_rollback {
	enum keyd_rollback mode;
	uint32_t window;
	uint8_t box[KEYD_BOX_MAX];
	size_t box_length;
};

/** manager_host_rollback() - protect the store in another way from now on */
void manager_host_rollback(struct manager *manager, const struct manager_host_rollback *what,
			   manager_done done, void *context);

/**
 * manager_host_upgrade() - let the vtpm-spawn that is installed take over from the one that runs
 *
 * Done when every vTPM that ran answers again, with PCRs, sessions and connections. Where
 * the new one cannot take over, nothing has changed.
 */
void manager_host_upgrade(struct manager *manager, manager_done done, void *context);

/**
 * typedef manager_recovery_done - what KEYD_RECOVERY returned
 * @context: as given
 * @problem: NULL for success; what follows is valid then only, and during the call only
 * @record: recovery record, empty before init
 * @length: bytes of it
 * @session: keyd's session public key, KEYD_POINT_SIZE bytes
 */
typedef void (*manager_recovery_done)(void *context, const struct problem *problem,
				      const uint8_t *record, size_t length, const uint8_t *session);

/** manager_recovery() - what a person needs to unlock by recovery code */
void manager_recovery(struct manager *manager, manager_recovery_done done, void *context);

/** define MANAGER_CERTIFICATES_MAX - certificates of the host TPM that are shown at most */
#define MANAGER_CERTIFICATES_MAX 32

/** define MANAGER_PCRS - PCRs of a host TPM */
#define MANAGER_PCRS 24

/** struct manager_bytes - bytes of somebody else, valid during a call only */
struct manager_bytes {
	const uint8_t *at;
	size_t length;
};

/**
 * struct manager_kept - bytes that were kept
 * @index: NV index of a certificate
 * @length: how many
 * @bytes: they
 */
struct manager_kept {
	uint32_t index;
	size_t length;
	uint8_t bytes[KEYD_CERTIFICATE_MAX];
};

/**
 * struct manager_identity - which host this is, by its TPM
 * @ak: attestation key, TPM2B_PUBLIC
 * @ak_name: its Name
 * @ek: endorsement key, TPM2B_PUBLIC
 * @certificates: of the TPM, by index; one more place than is used
 * @count: how many
 */
struct manager_identity {
	struct manager_kept ak;
	struct manager_kept ak_name;
	struct manager_kept ek;
	struct manager_kept certificates[MANAGER_CERTIFICATES_MAX + 1];
	size_t count;
};

/**
 * typedef manager_identity_done - who it is
 * @problem: NULL for success; @identity is valid then only, and during the call only
 */
typedef void (*manager_identity_done)(void *context, const struct problem *problem,
				      const struct manager_identity *identity);

/** manager_identity() - ask keyd; an attestation key is made where there is none */
void manager_identity(struct manager *manager, manager_identity_done done, void *context);

/**
 * struct manager_quote_wish - what KEYD_HOST_QUOTE is told
 * @nonce: of the verifier
 * @pcrs: PCRs of the sha256 bank
 * @share: the quote asks for the verifier's share
 */
struct manager_quote_wish {
	uint8_t nonce[HOST_QUOTE_NONCE];
	uint32_t pcrs;
	bool share;
};

/**
 * struct manager_quote - a quote of the host
 * @frame: what it is about (wire/host_quote.h)
 * @message: TPMS_ATTEST
 * @signature: TPMT_SIGNATURE
 * @pcrs: PCRs of the sha256 bank
 * @value: of those in @pcrs, at their own place
 */
struct manager_quote {
	struct manager_bytes frame;
	struct manager_bytes message;
	struct manager_bytes signature;
	uint32_t pcrs;
	uint8_t value[MANAGER_PCRS][32];
};

/**
 * typedef manager_quote_done - the quote
 * @problem: NULL for success; @quote is valid then only, and during the call only
 */
typedef void (*manager_quote_done)(void *context, const struct problem *problem,
				   const struct manager_quote *quote);

/** manager_quote() - quote the host's PCRs */
void manager_quote(struct manager *manager, const struct manager_quote_wish *what,
		   manager_quote_done done, void *context);

/** define ATTEST_BYTES_MAX - largest of what a vTPM says of itself, in bytes */
#define ATTEST_BYTES_MAX 1024

/**
 * struct manager_attest_wish - what a vTPM shall be vouched for about
 * @quote: of it; its PCRs do not matter where there is a digest
 * @digest: SHA-256 of a statement that its client was given lately
 * @has_digest: that is meant
 * @deep: and the host shall vouch for it
 */
struct manager_attest_wish {
	struct manager_quote_wish quote;
	uint8_t digest[LEAF_HASH];
	bool has_digest;
	bool deep;
};

/**
 * struct manager_deep - how the host vouches for a vTPM
 * @leaf: what for (wire/leaf.h)
 * @index: of the leaf
 * @count: of all leaves
 * @proof: that it is one of them (wire/batch.h)
 * @host: the host's quote
 */
struct manager_deep {
	struct manager_bytes leaf;
	uint32_t index;
	uint32_t count;
	struct manager_bytes proof;
	struct manager_quote host;
};

/**
 * struct manager_attested - what came of it
 * @name: of the vTPM
 * @uuid: of it
 * @has_digest: a digest was given: there is no quote of its own
 * @is_deep: there is @deep
 * @ak: attestation key, TPM2B_PUBLIC
 * @ek: P-256 endorsement key, TPM2B_PUBLIC; may be empty
 * @message: TPMS_ATTEST
 * @signature: TPMT_SIGNATURE
 * @pcrs: PCRs of the sha256 bank
 * @value: of those in @pcrs, at their own place
 * @deep: how the host vouches for it
 * @error: where there is a problem: errno that names it, of enum engine_op or of keyd
 */
struct manager_attested {
	char name[VTPM_NAME_SIZE];
	uint8_t uuid[IPC_UUID_SIZE];
	bool has_digest;
	bool is_deep;
	struct manager_bytes ak;
	struct manager_bytes ek;
	struct manager_bytes message;
	struct manager_bytes signature;
	uint32_t pcrs;
	uint8_t value[MANAGER_PCRS][32];
	struct manager_deep deep;
	uint32_t error;
};

/**
 * typedef manager_attest_done - it
 * @problem: NULL for success; @attested is valid then only (but its error), and during the call
 *	only
 */
typedef void (*manager_attest_done)(void *context, const struct problem *problem,
				    const struct manager_attested *attested);

/** manager_attest() - have a vTPM that runs vouched for, while its client uses it */
void manager_attest(struct manager *manager, const char *name,
		    const struct manager_attest_wish *what, manager_attest_done done,
		    void *context);

/**
 * struct manager_credential - what KEYD_ACTIVATE is told
 * @blob: TPM2B_ID_OBJECT
 * @blob_length: bytes of it
 * @secret: TPM2B_ENCRYPTED_SECRET
 * @secret_length: bytes of it
 */
struct manager_credential {
	uint8_t blob[KEYD_CREDENTIAL_MAX];
	size_t blob_length;
	uint8_t secret[KEYD_CREDENTIAL_MAX];
	size_t secret_length;
};

/**
 * typedef manager_credential_done - what was in the credential
 * @problem: NULL for success; @proof is valid then only, and during the call only
 */
typedef void (*manager_credential_done)(void *context, const struct problem *problem,
					struct manager_bytes proof);

/** manager_activate() - open a credential, to show a verifier that both keys are in one TPM */
void manager_activate(struct manager *manager, const struct manager_credential *what,
		      manager_credential_done done, void *context);

/**
 * struct manager_ca - what vtpm-keyd said of the host's CA; valid during a call only
 * @part: manager_ca_show(): its key, its chain; manager_ca_init(): a request;
 *	manager_ca_prove(): its key, the storage key, TPMS_ATTEST, TPMT_SIGNATURE
 * @issued: manager_ca_show(): certificates
 */
struct manager_ca {
	struct manager_bytes part[4];
	uint64_t issued;
};

/** typedef manager_ca_done - @problem: NULL for success; @ca is valid then only */
typedef void (*manager_ca_done)(void *context, const struct problem *problem,
				const struct manager_ca *ca);

/** manager_ca_show() - what is the host's CA? */
void manager_ca_show(struct manager *manager, manager_ca_done done, void *context);

/**
 * struct manager_ca_init - what KEYD_CA_INIT is told
 * @name: of the host
 * @self_signed: it is its own root
 * @anew: make another key
 */
struct manager_ca_init {
	char name[KEYD_CA_NAME_MAX];
	bool self_signed;
	bool anew;
};

/** manager_ca_init() - have a key, and a request for its certificate */
void manager_ca_init(struct manager *manager, const struct manager_ca_init *what,
		     manager_ca_done done, void *context);

/** manager_ca_prove() - have the attestation key certify the CA's key */
void manager_ca_prove(struct manager *manager, const uint8_t nonce[KEYD_CA_NONCE],
		      manager_ca_done done, void *context);

/** manager_ca_import() - keep a chain, DER or PEM */
void manager_ca_import(struct manager *manager, struct manager_bytes chain, manager_ca_done done,
		       void *context);

/**
 * struct manager_revoked - certificates that are good no more
 * @uuid: of a vTPM
 * @epoch: up to this one
 */
struct manager_revoked {
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t epoch;
};

/**
 * typedef manager_revoked_done - some of them
 * @problem: NULL for success; the rest is valid then only, and during the call only
 * @next: where to go on; as it was: there is no more
 */
typedef void (*manager_revoked_done)(void *context, const struct problem *problem,
				     const struct manager_revoked *revoked, size_t count,
				     uint64_t next);

/** manager_ca_revoked() - of what was issued, from record @from on, what is good no more? */
void manager_ca_revoked(struct manager *manager, uint64_t from, manager_revoked_done done,
			void *context);

#endif /* MANAGER_MANAGER_H */
